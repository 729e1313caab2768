"""What `treadle doctor --deep` reads: all of the home, to see whether it fits together. Changes nothing."""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from app.cli.checks.check import Check
from engine.control.housekeeping.retention import collector_of
from engine.core.clock import SystemClock
from engine.core.errors import EngineError
from engine.home import HomeLock
from engine.store.contents.artifacts import Artifacts
from engine.store.logs.search import NAME as SEARCH
from engine.store.soundness import Fault, check_contents, check_database, check_leases, check_logs, check_rows


def all_of_it(home: Path) -> Iterator[Check]:
    """Read every row, log and content of a home; yield what each look found."""
    looks: dict[str, tuple[Callable[[], Iterator[Fault]], str]] = {
        "all of the database": (partial(check_database, home / "treadle.db", deep=True), "every page is whole"),
        "rows": (partial(check_rows, home), "they fit together"),
        "logs": (partial(check_logs, home), "every run has its own"),
        "leases": (partial(_leases, home), "nobody waits for a worker that is gone"),
    }
    if (home / "artifacts" / "runs").is_dir():
        looks["contents"] = (partial(_contents, home), "all that artifacts and snapshots refer to is there")
    for name, (look, well) in looks.items():
        yield from _found(name, look, well)
    if (home / SEARCH).exists():
        look = partial(check_database, home / SEARCH, deep=True)
        for found in _found("search index", look, "it is whole"):
            anew = f"Remove {home / SEARCH}; the engine makes it anew."
            yield found if found.state == "ok" else replace(found, fix=anew)


def _found(name: str, look: Callable[[], Iterator[Fault]], well: str) -> Iterator[Check]:
    try:
        faults = list(look())
    except EngineError as error:  # which says itself what to do
        yield Check(name, "fail", str(error))
        return
    except (sqlite3.Error, OSError) as error:
        fix = "Start the engine once if the home is of an earlier version; else restore it from a backup."
        yield Check(name, "fail", f"it cannot be read: {error}", fix)
        return
    if not faults:
        yield Check(name, "ok", well)
    for fault in faults:
        yield Check(name, "fail" if fault.broken else "warn", fault.what, fault.advice)


def _contents(home: Path) -> Iterator[Fault]:
    return check_contents(collector_of(home, Artifacts(home / "artifacts")))


def _leases(home: Path) -> Iterator[Fault]:
    lock = HomeLock(home)
    free = lock.take()
    lock.release()
    return check_leases(home, SystemClock().now(), engine=not free)
