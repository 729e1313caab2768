"""`treadle pin`: keeps a run, its logs and its artifacts whatever their age."""

import argparse

from app.cli.naming import RUN_HELP, find_run, report
from app.cli.source import source_of

NAME = "pin"
HELP = "keep a run whatever its age, with its logs and artifacts"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help=RUN_HELP)
    parser.add_argument("--json", action="store_true", help="print what was done as a JSON object")


def execute(args: argparse.Namespace) -> int:
    return pin(args, True)


def pin(args: argparse.Namespace, wanted: bool) -> int:
    """Pin or unpin the run that a command line names."""
    with source_of(args) as source:
        run = find_run(source.queries, args.run)
        done = source.pin(run) if wanted else source.unpin(run)
        report(run, done, True, args.json)
    return 0
