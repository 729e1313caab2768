"""How long jobs usually take: of each job of a workflow the last green attempts, and their median.

They are kept in a table of their own, in the write that ends an attempt, so that a run that is planned asks for one row
a job, however long the history, and so that they outlast the runs that they were learnt from.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from statistics import median
from typing import Any

from engine.store.greens import BISECTING
from engine.store.tables.columns import DATABASE
from engine.store.tables.runs import AttemptRow, DurationRow, JobRow

KEPT = 10  # of the last green attempts of a job
SHOWN = 100  # at most so many members of a matrix say how long another takes
CHUNK = 400

_WORKFLOW = f"SELECT repo_id, workflow_path FROM run WHERE id = ? AND id NOT IN ({BISECTING})"
_KNOWN = "SELECT seconds FROM duration WHERE repo_id = ? AND workflow_path = ? AND name = ?"
_LEARNT = """INSERT OR REPLACE INTO duration (repo_id, workflow_path, name, key, seconds, usual_s, at)
 VALUES (?, ?, ?, ?, ?, ?, ?)"""
_OF_KEY = "SELECT usual_s FROM duration WHERE repo_id = ? AND workflow_path = ? AND key = ? ORDER BY at DESC LIMIT ?"


def learn(job: JobRow, attempt: AttemptRow, now: datetime) -> None:
    """Remember how long a green attempt took that ends now. Within the write of its end.

    One that did not begin at its first step, that a person had hands on, or that a bisection started, teaches nothing.
    """
    if attempt.began_at is not None or attempt.patched:
        return
    found = DATABASE.execute_sql(_WORKFLOW, (job.run_id,)).fetchone()
    if found is None:
        return
    mine = (*found, job.name)
    known = DATABASE.execute_sql(_KNOWN, mine).fetchone()
    took_s = round(max(0.0, (now - attempt.started_at).total_seconds()), 3)
    seconds = [*(json.loads(known[0]) if known else ()), took_s][-KEPT:]
    DATABASE.execute_sql(_LEARNT, (*mine, job.key, json.dumps(seconds), median(seconds), now.timestamp()))


def expected_s(repo_id: int, workflow_path: str, jobs: Sequence[tuple[str, str]]) -> list[float | None]:
    """Return how long each of these jobs, given by display name and key, usually takes: None if nobody knows.

    A name that is new goes by the others of its key: the members of its matrix, or what it was called before.
    """
    if not jobs:
        return []
    by_name = dict(_by_name(repo_id, workflow_path, list({name for name, _ in jobs})))
    by_key: dict[str, float | None] = {}
    for name, key in jobs:
        if name not in by_name and key not in by_key:
            rows = DATABASE.execute_sql(_OF_KEY, (repo_id, workflow_path, key, SHOWN)).fetchall()
            by_key[key] = median(usual_s for (usual_s,) in rows) if rows else None
    return [by_name[name] if name in by_name else by_key[key] for name, key in jobs]


def _by_name(repo_id: int, workflow_path: str, names: Sequence[str]) -> Iterator[tuple[str, float]]:
    for start in range(0, len(names), CHUNK):
        some: Any = DurationRow.select(DurationRow.name, DurationRow.usual_s).where(
            (DurationRow.repo_id == repo_id)
            & (DurationRow.workflow_path == workflow_path)
            & DurationRow.name.in_(names[start : start + CHUNK])
        )
        yield from some.tuples()
