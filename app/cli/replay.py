"""`treadle replay`: have an event planned once more, as if it had just come."""

import argparse

from app.cli.output import print_json, talk
from app.cli.source import source_of

NAME = "replay"
HELP = "have an event planned once more"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("event", type=int, metavar="EVENT", help="an event's id, as `treadle events` shows it")
    parser.add_argument("--json", action="store_true", help="print what was done as a JSON object")


def execute(args: argparse.Namespace) -> int:
    with source_of(args) as source:
        done = source.replay(args.event)
        heard = source.heard()
    if args.json:
        print_json({"event": args.event, "done": done, "engine": heard})
        return 0
    print(done)
    if not heard:
        talk("No engine runs on this home now; the next one takes it up.")
    return 0
