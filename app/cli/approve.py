"""`treadle approve`: let a run or a job go that waits for a person, such as a fork's pull request or a deployment."""

import argparse

from app.cli.naming import find_either, report
from app.cli.source import source_of

NAME = "approve"
HELP = "let a run or a job go that waits for a person"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", metavar="RUN|JOB", help="a run (12, r12, #NUMBER, latest) or a job (j34, RUN/NAME)")
    parser.add_argument("--json", action="store_true", help="print what was done as a JSON object")


def execute(args: argparse.Namespace) -> int:
    """Of a run that goes already, let every job into its environment that waits for it."""
    with source_of(args) as source:
        target = find_either(source.queries, args.target, jobs_first=False)
        report(target, source.approve(target), source.heard(), args.json)
    return 0
