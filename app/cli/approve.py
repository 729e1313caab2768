"""`treadle approve`: let a run go that waits for a person, such as that of a fork's pull request."""

import argparse

from app.cli.naming import RUN_HELP, find_run, report
from app.cli.source import source_of

NAME = "approve"
HELP = "let a run go that waits for a person"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help=RUN_HELP)
    parser.add_argument("--json", action="store_true", help="print what was done as a JSON object")


def execute(args: argparse.Namespace) -> int:
    with source_of(args) as source:
        run = find_run(source.queries, args.run)
        report(run, source.approve(run), source.heard(), args.json)
    return 0
