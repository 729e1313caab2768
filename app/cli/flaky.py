"""`treadle flaky`: the failures that come and go."""

import argparse
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.cli.options import count
from app.cli.output import colour_wanted, print_json, table, talk, terminal_width
from app.cli.source import source_of
from app.wording import age_of
from engine.core.clock import SystemClock

HEADER = ("PASSED", "JOB", "STEP", "SINCE", "LAST", "FIRST ERROR")
SPARE = ("LAST", "STEP")
Told = Mapping[str, Any]


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("repo", nargs="?", metavar="REPO", help="only of this repository")
    parser.add_argument("--all", action="store_true", help="all failures that are remembered, not only what is flaky")
    parser.add_argument("--limit", type=count, default=100, metavar="N", help="at most so many (default: 100)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def execute(args: argparse.Namespace) -> int:
    with source_of(args) as source:
        told = source.flaky(args.repo, args.all, args.limit)
    if args.json:
        print_json(told)
        return 0
    if told["failures"]:
        print(*lines(told, SystemClock().now(), terminal_width(), colour_wanted(sys.stdout)), sep="\n")
    else:
        talk("No failure is remembered." if args.all else "No failure is known to come and go.")
    if told["more"]:
        talk("There are more: name a repository, or raise --limit.")
    return 0


def lines(told: Told, now: datetime, width: int | None, colours: bool) -> list[str]:
    """Return a ledger, as the API tells it, as a table."""
    return table(HEADER, [_row(one, now) for one in told["failures"]], len(HEADER) - 1, width, colours, SPARE)


def _row(one: Told, now: datetime) -> tuple[str, ...]:
    first, last = one["first"], one["last"]
    job = f"{one['job']} (j{last['job']})" if last["job"] else str(one["job"])
    return (
        f"{one['passed']} of {one['times']}",
        job,
        str(one["step"]),
        f"{first['sha'][:8]} {age_of(first['at'], now)}",
        age_of(last["at"], now),
        str(one["line"]),
    )
