"""`treadle retry`: run a job, a run, or what failed of it again; a job from a later step, a run with other inputs."""

import argparse
from typing import TYPE_CHECKING

from app.cli.given import pairs_of
from app.cli.naming import find_either
from app.cli.options import whole
from app.cli.source import source_of
from app.cli.wish import report, tell
from engine.core.errors import SettingsError
from engine.core.records import Job, Run

if TYPE_CHECKING:
    from app.cli.source import Source


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", metavar="JOB|RUN", help="a job (34, j34, RUN/NAME) or a run (r12, #NUMBER, latest)")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--failed",
        action="store_true",
        help="of a run only what failed, timed out or was cancelled, and what that held back",
    )
    where.add_argument(
        "--step",
        type=whole,
        metavar="N",
        help="from step N on, as the log numbers them: in the box that is held, or on the nearest checkpoint before it",
    )
    where.add_argument("--here", action="store_true", help="the step again that failed, in the box that is held")
    where.add_argument("--next", action="store_true", help="go on after that step, in the box that is held")
    where.add_argument(
        "--input", action="append", default=[], metavar="K=V", help="a new run of the same commit with another input"
    )
    parser.add_argument("--debug", action="store_true", help="with debug logging, as ACTIONS_STEP_DEBUG")
    parser.add_argument("--json", action="store_true", help="print what was done as a JSON object")


def execute(args: argparse.Namespace) -> int:
    from engine.control.asks.retries import Again

    again = Again(args.failed, args.step, args.here, args.next, args.debug)
    inputs = pairs_of(args.input, "--input")
    with source_of(args) as source:
        target = find_either(source.queries, args.target, jobs_first=not (args.failed or inputs))
        if inputs:
            _rerun(source, target, inputs, args)
        else:
            _check(target, args)
            report(target, source.retry(target, again), source.heard(), args.json)
    return 0


def _check(target: Run | Job, args: argparse.Namespace) -> None:
    """Raise SettingsError for what is asked of the wrong kind."""
    if args.failed and isinstance(target, Job):
        raise SettingsError(f"Job {target.id} is one job: --failed is for runs.", f"Name its run, r{target.run_id}.")
    if isinstance(target, Run) and (args.step is not None or args.here or args.next):
        raise SettingsError(f"Run {target.id} has jobs, and those have steps.", "Name one of its jobs.")


def _rerun(source: "Source", target: Run | Job, inputs: dict[str, str], args: argparse.Namespace) -> None:
    if isinstance(target, Job):
        raise SettingsError(f"Job {target.id} has no inputs of its own.", f"Name its run, r{target.run_id}.")
    made = source.rerun(target, inputs, args.debug)
    told = {"kind": "run", "id": made["id"], "number": made["number"], "done": made["done"]}
    tell(told, made["done"], source.heard(), args.json)
