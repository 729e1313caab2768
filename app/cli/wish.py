"""Commands that ask one thing of a run or a job: what they share, and how what was done is said."""

import argparse
from collections.abc import Callable
from typing import Any

from app.cli.naming import JOB_HELP, RUN_HELP, find_either, find_job, find_run
from app.cli.output import print_json, talk
from app.cli.source import Source, source_of
from engine.core.records import Job, Run
from pipelines.records import dataclass

EITHER_HELP = "a run (12, r12, #NUMBER, latest) or a job (j34, RUN/NAME)"
ARGUMENTS = {"run": ("RUN", RUN_HELP), "job": ("JOB", JOB_HELP), "target": ("RUN|JOB", EITHER_HELP)}


@dataclass(frozen=True, slots=True)
class Wish:
    """A command with nothing to say but of what: a `run`, a `job`, or either as its `target`. `ask` asks for it.

    `by_engine`: it is done once an engine takes it up, which is told; else it is done at once.
    """

    of: str
    ask: Callable[[Source, Any], str]
    by_engine: bool = True

    def configure(self, parser: argparse.ArgumentParser) -> None:
        metavar, says = ARGUMENTS[self.of]
        parser.add_argument(self.of, metavar=metavar, help=says)
        parser.add_argument("--json", action="store_true", help="print what was done as a JSON object")

    def execute(self, args: argparse.Namespace) -> int:
        text: str = getattr(args, self.of)
        with source_of(args) as source:
            target: Run | Job
            if self.of == "run":
                target = find_run(source.queries, text)
            elif self.of == "job":
                target = find_job(source.queries, text)
            else:
                target = find_either(source.queries, text, jobs_first=False)
            done = self.ask(source, target)
            report(target, done, source.heard() if self.by_engine else True, args.json)
        return 0


def report(target: Run | Job, done: str, heard: bool, as_json: bool) -> None:
    """Say what was asked of a run or a job, and whether an engine has heard it."""
    tell({"kind": "run" if isinstance(target, Run) else "job", "id": target.id, "done": done}, done, heard, as_json)


def tell(told: dict[str, Any], done: str, heard: bool, as_json: bool) -> None:
    """Say what was `done`, as a sentence or as JSON, and whether an engine has heard it."""
    if as_json:
        print_json(told | {"engine": heard})
        return
    print(done)
    if not heard:
        talk("No engine runs on this home now; the next one takes it up.")
