"""`treadle slo`: how well the promises of `slo:` are kept."""

import argparse
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.cli.output import colour_wanted, print_json, table, talk
from app.cli.source import source_of
from app.wording import duration
from engine.core.slo import WINDOWS

Told = Mapping[str, Any]


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--history", choices=WINDOWS, help="show how they were kept over time, this far back")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def execute(args: argparse.Namespace) -> int:
    with source_of(args) as source:
        told = source.slo_history(args.history) if args.history else source.slo()
    if args.json:
        print_json(told)
    elif args.history:
        print(*history_lines(told, colour_wanted(sys.stdout)), sep="\n")
    else:
        _print(told)
    return 0


def _print(told: Told) -> None:
    print(*lines(told), sep="\n")
    if not any(one["completion"]["jobs"] or one["trigger_s"]["count"] for one in told["windows"].values()):
        talk("Nothing has run in the last seven days.")


def lines(told: Told) -> list[str]:
    """Return a report, as the API tells it, as a table: a column for each window."""
    targets, windows = told["targets"], told["windows"].values()
    target = f"{duration(targets['trigger_s'])}, {targets['trigger_share']:.0%} of events"
    rows = [
        ("", *(f"last {name}" for name in told["windows"])),
        ("event to first job", *(_spread(one["trigger_s"]) for one in windows)),
        (f"  in time ({target})", *(_share(one["trigger_s"]["in_time"]) for one in windows)),
        ("  error budget left", *(_budget(one["trigger_s"]["budget_left"]) for one in windows)),
        ("queue wait", *(_spread(one["queue_wait_s"]) for one in windows)),
        (
            f"jobs that succeed (target {targets['completion']:.0%})",
            *(_share(one["completion"]["rate"]) for one in windows),
        ),
        ("  error budget left", *(_budget(one["completion"]["budget_left"]) for one in windows)),
        ("  failed: own code / system", *(_blame(one["completion"]) for one in windows)),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [*table, "Times are p50 / p95 / p99. Cancelled and skipped jobs count neither way."]


def history_lines(told: Told, colours: bool = False) -> list[str]:
    """Return a history as a table: a row for each piece of time in which something happened, oldest first."""
    header = ("FROM", "EVENTS", "P50", "P95", "P99", "JOBS", "SUCCEED", "OWN CODE / SYSTEM")
    rows = [
        (
            datetime.fromisoformat(one["at"]).astimezone().strftime("%Y-%m-%d %H:%M"),
            str(one["trigger_s"]["count"]),
            *(duration(one["trigger_s"][name]) or "-" for name in ("p50", "p95", "p99")),
            str(one["completion"]["jobs"]),
            _share(one["completion"]["rate"]),
            f"{one['completion']['failed_by_code']} / {one['completion']['failed_by_system']}",
        )
        for one in told["buckets"]
        if one["trigger_s"]["count"] or one["completion"]["jobs"]
    ]
    if not rows:
        return [f"Nothing has run in the last {told['window']}."]
    targets = told["targets"]
    return [
        *table(header, rows, len(header) - 1, None, colours),
        f"A row is {duration(told['bucket_s'])}. Targets: {duration(targets['trigger_s'])} from event to first job for "
        f"{targets['trigger_share']:.0%} of events; {targets['completion']:.0%} of jobs succeed.",
    ]


def _spread(spread: Told) -> str:
    if spread["p50"] is None:
        return "-"
    return " / ".join(duration(spread[name]) for name in ("p50", "p95", "p99"))


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _budget(left: float | None) -> str:
    return _share(left) if left is None or left >= 0 else f"overdrawn: {1 - left:.1f} times used"


def _blame(jobs: Told) -> str:
    return f"{jobs['failed_by_code']} / {jobs['failed_by_system']} of {jobs['jobs']}" if jobs["jobs"] else "-"
