"""`treadle approve`: let a run go that waits for a person, such as that of a fork's pull request."""

import argparse

from app.cli.naming import RUN_HELP, find_run, home_of, report
from engine.control import commands
from engine.store.store import open_store

NAME = "approve"
HELP = "let a run go that waits for a person"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help=RUN_HELP)
    parser.add_argument("--json", action="store_true", help="print what was done as a JSON object")


def execute(args: argparse.Namespace) -> int:
    store = open_store(home_of(args))
    try:
        run = find_run(store.queries, args.run)
        report(store.home, run, commands.approve(store, run, "a person"), args.json)
    finally:
        store.close()
    return 0
