"""`treadle slo`: how well the promises of `slo:` are kept."""

import argparse

from app.cli.naming import home_of
from app.cli.output import duration, print_json, talk
from app.cli.repo_names import settings_here
from engine.core.clock import SystemClock
from engine.core.slo import TRIGGER_SHARE, SloReport, Spread, Window
from engine.store.slo import slo_report
from engine.store.store import open_store

NAME = "slo"
HELP = "show how well the promises on speed and success are kept"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def execute(args: argparse.Namespace) -> int:
    settings = settings_here(args)
    store = open_store(home_of(args))
    try:
        report = slo_report(store, settings, SystemClock().now())
    finally:
        store.close()
    if args.json:
        print_json(report.as_json())
        return 0
    print(*lines(report), sep="\n")
    if not any(one.ended or one.trigger.count for one in report.windows):
        talk("Nothing has run in the last seven days.")
    return 0


def lines(report: SloReport) -> list[str]:
    """Return the report as a table: a column for each window."""
    windows = report.windows
    target = f"{duration(report.trigger_s)}, {TRIGGER_SHARE:.0%} of events"
    rows = [
        ("", *(f"last {one.name}" for one in windows)),
        ("event to first job", *(_spread(one.trigger) for one in windows)),
        (f"  in time ({target})", *(_share(one.trigger_met) for one in windows)),
        ("  error budget left", *(_budget(report.trigger_budget(one)) for one in windows)),
        ("queue wait", *(_spread(one.queue_wait) for one in windows)),
        (f"jobs that succeed (target {report.completion:.0%})", *(_share(one.completion) for one in windows)),
        ("  error budget left", *(_budget(report.completion_budget(one)) for one in windows)),
        ("  failed: own code / system", *(_blame(one) for one in windows)),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    told = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [*told, "Times are p50 / p95 / p99. Cancelled and skipped jobs count neither way."]


def _spread(spread: Spread) -> str:
    if spread.p50 is None:
        return "-"
    return " / ".join(map(duration, (spread.p50, spread.p95, spread.p99)))


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _budget(left: float | None) -> str:
    return _share(left) if left is None or left >= 0 else f"overdrawn: {1 - left:.1f} times used"


def _blame(one: Window) -> str:
    return f"{one.failed_by_code} / {one.failed_by_system} of {one.ended}" if one.ended else "-"
