"""`treadle replay`: have an event planned once more, as if it had just come."""

import argparse

from app.cli.options import count
from app.cli.source import source_of
from app.cli.wish import tell


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("event", type=count, metavar="EVENT", help="an event's id, as `treadle events` shows it")
    parser.add_argument("--json", action="store_true", help="print what was done as a JSON object")


def execute(args: argparse.Namespace) -> int:
    with source_of(args) as source:
        done = source.replay(args.event)
        tell({"event": args.event, "done": done}, done, source.heard(), args.json)
    return 0
