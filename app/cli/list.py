"""`treadle list`: runs, the latest first."""

import argparse
from datetime import datetime

from app.cli.options import count
from app.cli.output import print_json, print_table, talk
from app.cli.place import home_of, is_new
from app.cli.source import source_of
from app.expectation import done_in
from app.shapes import run_shape
from app.wording import age, duration, short_ref
from engine.core.clock import SystemClock
from engine.core.records import Run
from engine.core.states import RunStatus

HEADER = ("STATUS", "ID", "REPO", "WORKFLOW", "#", "REF", "TITLE", "EVENT", "AGE", "TOOK")
SPARE = ("EVENT", "REF", "AGE", "TOOK", "REPO")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--repo", metavar="NAME", help="only runs of this repository")
    parser.add_argument("--branch", metavar="NAME", help="only runs of this branch")
    parser.add_argument("--status", choices=[str(status) for status in RunStatus], help="only runs in this status")
    parser.add_argument("--before", type=count, metavar="RUN", help="only runs older than this id")
    parser.add_argument("--limit", type=count, default=20, metavar="N", help="at most so many (default: 20)")
    parser.add_argument("--json", action="store_true", help="print a JSON array")


def execute(args: argparse.Namespace) -> int:
    runs = _runs(args)
    if args.json:
        print_json([run_shape(run) for run in runs])
        return 0
    if not runs:
        talk("No runs here. `treadle run` in a repository makes the first.")
        return 0
    header, rows = list(HEADER), _rows(runs)
    if len({run.repo for run in runs}) == 1:
        header.remove("REPO")
        rows = [[*row[:2], *row[3:]] for row in rows]
    spare = [name for name in SPARE if name in header]
    print_table(header, rows, "TITLE", spare)
    return 0


def _runs(args: argparse.Namespace) -> list[Run]:
    with source_of(args) as source:
        if args.connect is None and is_new(home_of(args)):
            return []
        return source.foretold(source.queries.runs(args.repo, args.branch, args.status, args.before, args.limit))


def _rows(runs: list[Run]) -> list[list[str]]:
    now = SystemClock().now()
    return [
        [
            str(run.status),
            f"r{run.id}",
            run.repo,
            run.workflow_name,
            " ".join((f"#{run.number}", *_marks(run))),
            short_ref(run.ref),
            run.title.split("\n")[0],
            run.event,
            age(run.created_at, now),
            _took(run, now),
        ]
        for run in runs
    ]


def _marks(run: Run) -> list[str]:
    """Return what a run is that others are not."""
    marks = {"pinned": run.pinned, "held": run.held, "patched": run.patched}
    return [mark for mark, borne in marks.items() if borne]


def _took(run: Run, now: datetime) -> str:
    """Return how long a run took, or has taken so far and when it will be over."""
    spent = duration(((run.finished_at or now) - run.started_at).total_seconds()) if run.started_at else ""
    left = done_in(run.expected_finish_at, now) if run.expected_finish_at else ""
    return ", ".join(part for part in (spent, left) if part)
