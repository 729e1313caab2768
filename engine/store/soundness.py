"""Does what a home holds fit together? Looks at the files as they are, changes nothing, and opens nothing as a store.

Everything here says what is wrong and what to do; an empty answer means that all is well.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

from engine.core.errors import EngineError
from engine.core.states import AttemptStatus
from engine.store.contents.gc import Collector
from engine.store.logs.paths import log_path, packed_path
from pipelines.records import dataclass

NAMED = 3
FROM_BACKUP = "Restore the home from a snapshot or a backup."
_RUNS = "SELECT id FROM run UNION SELECT run_id FROM removal"
_ORPHANS = {
    "jobs without a run": f"SELECT id FROM job WHERE run_id NOT IN ({_RUNS})",
    "attempts without a job": "SELECT id FROM attempt WHERE job_id NOT IN (SELECT id FROM job)",
    "steps without an attempt": "SELECT attempt_id FROM step WHERE attempt_id NOT IN (SELECT id FROM attempt)",
    "runs without their workflow's text": "SELECT id FROM run WHERE definition NOT IN (SELECT digest FROM definition)",
    "runs without a repository": "SELECT id FROM run WHERE repo_id NOT IN (SELECT id FROM repo)",
}
_ENDED = f"""SELECT job.run_id, attempt.job_id, attempt.number FROM attempt JOIN job ON job.id = attempt.job_id
 WHERE attempt.status <> '{AttemptStatus.RUNNING}' AND attempt.box_id <> ''"""
_LEASES = f"SELECT job_id, lease_expires_at FROM attempt WHERE status = '{AttemptStatus.RUNNING}'"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that does not fit. `broken`: data is lost or in danger, rather than merely left over."""

    what: str
    advice: str
    broken: bool = True


def check_database(path: Path, *, deep: bool) -> Iterator[Fault]:
    """Yield what SQLite finds wrong with a file: its structure; if `deep`, all of it. Raises sqlite3.Error."""
    with _reading(path) as db:
        for (said,) in db.execute("PRAGMA integrity_check(5)" if deep else "PRAGMA quick_check(5)").fetchall():
            if said != "ok":
                yield Fault(f"{path.name} is damaged: {said}", FROM_BACKUP)


def check_rows(home: Path) -> Iterator[Fault]:
    """Yield rows that speak of what is not there."""
    with _reading(home / "treadle.db") as db:
        for what, query in _ORPHANS.items():
            ids = [ident for (ident,) in db.execute(f"{query} LIMIT 1000")]
            if ids:
                yield Fault(f"{_several(ids)} {what}", FROM_BACKUP)


def check_logs(home: Path) -> Iterator[Fault]:
    """Yield logs that no run has, and attempts whose run has its logs but for theirs."""
    with _reading(home / "treadle.db") as db:
        folders = {int(path.name) for path in (home / "logs").iterdir() if path.name.isdecimal()}
        runs = {run for (run,) in db.execute(_RUNS)}  # after looking: a run is recorded before it has a log
        if left := sorted(folders - runs):
            yield Fault(
                f"{_several(left)} logs of runs that are not there", "`treadle prune` removes them.", broken=False
            )
        lost = []
        for run, job, number in db.execute(_ENDED):
            path = log_path(home, run, job, number)
            if run in folders and not path.exists() and not packed_path(path).exists():
                lost.append(job)
        if lost:
            yield Fault(f"{_several(lost)} jobs have an attempt whose log is gone", "Look for it in a snapshot.")


def check_leases(home: Path, now: datetime, *, engine: bool) -> Iterator[Fault]:
    """Yield jobs that are said to run although nobody runs them. `engine`: an engine has the home now."""
    with _reading(home / "treadle.db") as db:
        held = db.execute(_LEASES).fetchall()
    over = [job for job, expires_at in held if expires_at < now.timestamp()]
    if engine and over:
        yield Fault(
            f"{_several(over)} running jobs whose worker has gone silent", "The watchdog ends them within seconds."
        )
    elif not engine and held:
        advice = "The next engine on this home takes them up: start `treadle --headless`."
        yield Fault(f"{_several([job for job, _ in held])} jobs were left running by an engine", advice, broken=False)


def check_contents(collector: Collector) -> Iterator[Fault]:
    """Yield contents that are referred to and are not there."""
    missing: dict[str, list[str]] = {}
    try:
        for who, digest in collector.missing():
            missing.setdefault(who, []).append(digest[:12])
    except EngineError as error:
        yield Fault(str(error), FROM_BACKUP)
    for who, digests in missing.items():
        yield Fault(f"{_several(digests)} contents of {who} are not there", FROM_BACKUP)


def _reading(path: Path) -> "closing[sqlite3.Connection]":
    return closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=5))


def _several(items: "list[int] | list[str]") -> str:
    """Return how many, and the first of them."""
    more = ", …" if len(items) > NAMED else ""
    return f"{len(items)} ({', '.join(map(str, items[:NAMED]))}{more})"
