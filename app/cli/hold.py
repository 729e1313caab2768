"""`treadle hold`: have a job's box held if one of its steps fails it, or list the boxes that are held."""

import argparse
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.cli.naming import JOB_HELP, find_job
from app.cli.output import print_json, print_table, talk
from app.cli.source import source_of
from app.cli.wish import report
from app.wording import size
from engine.core.errors import SettingsError

HEADER = ("JOB", "NAME", "RUN", "STEP", "UNTIL", "MEMORY", "SHELL")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("job", nargs="?", metavar="JOB", help=f"{JOB_HELP}; without one, list what is held")
    parser.add_argument("--off", action="store_true", help="do not hold it after all")
    parser.add_argument("--json", action="store_true", help="print what was done, or what is held, as JSON")


def execute(args: argparse.Namespace) -> int:
    if args.off and args.job is None:
        raise SettingsError("--off takes back what was asked for a job.", "Name the job.")
    with source_of(args) as source:
        if args.job is not None:
            job = find_job(source.queries, args.job)
            report(job, source.hold(job, not args.off), source.heard(), args.json)
            return 0
        held = source.holds()
        if args.json:
            print_json(held)
        elif not held["holds"]:
            talk("Nothing is held.")
        else:
            rows = [_row(one) for one in held["holds"]]
            print_table(HEADER, rows, "NAME")
    return 0


def _row(told: Mapping[str, Any]) -> tuple[str, ...]:
    until = datetime.fromisoformat(told["until"]).astimezone()
    run = f"{told['workflow']} #{told['number']}"
    step, memory = str(told["step"]), size(told["memory_bytes"])
    return f"j{told['job']}", told["name"], run, step, f"{until:%H:%M}", memory, "yes" if told["touched"] else ""
