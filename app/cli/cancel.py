"""`treadle cancel`: wish that a run or a job ends."""

import argparse

from app.cli.naming import find_either, home_of, report
from engine.control import commands
from engine.store.store import open_store

NAME = "cancel"
HELP = "cancel a run or a job"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", metavar="RUN|JOB", help="a run (12, r12, #NUMBER, latest) or a job (j34, RUN/NAME)")
    parser.add_argument("--json", action="store_true", help="print what was done as a JSON object")


def execute(args: argparse.Namespace) -> int:
    store = open_store(home_of(args))
    try:
        target = find_either(store.queries, args.target, jobs_first=False)
        report(store.home, target, commands.cancel(store, target, "a person"), args.json)
    finally:
        store.close()
    return 0
