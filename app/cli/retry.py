"""`treadle retry`: run a job, a run, or what failed of a run again, under the same ids."""

import argparse

from app.cli.naming import find_either, report
from app.cli.source import source_of

NAME = "retry"
HELP = "run a job or a run again, or only what failed"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", metavar="JOB|RUN", help="a job (34, j34, RUN/NAME) or a run (r12, #NUMBER, latest)")
    parser.add_argument(
        "--failed",
        action="store_true",
        help="of a run only what failed, timed out or was cancelled, and what that held back",
    )
    parser.add_argument("--json", action="store_true", help="print what was done as a JSON object")


def execute(args: argparse.Namespace) -> int:
    with source_of(args) as source:
        target = find_either(source.queries, args.target, jobs_first=not args.failed)
        report(target, source.retry(target, args.failed), source.heard(), args.json)
    return 0
