"""The queue as people see it: what runs, what waits, in which order, for what. Read from the rows; changes nothing."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from engine.core.records import Job
from engine.core.states import JOB_FINAL, AttemptStatus, JobStatus
from engine.core.turns import PRIORITY_S, RUNNING_JOB_S
from engine.core.waiting import QueueView, Waiting
from engine.store.disk import Disk
from engine.store.pause import Pause
from engine.store.queries import Queries, job_record
from engine.store.tables.columns import DATABASE
from engine.store.tables.runs import AttemptRow, EdgeRow, JobRow

UNSTARTED = (JobStatus.PENDING, JobStatus.BLOCKED)
WAITING = (JobStatus.QUEUED, JobStatus.RETRYING)
# The order of `order_s` and `turn_s`: what waits may be thousands of jobs, of which a page's worth is asked for.
_QUEUED = f"""WITH busy AS (
  SELECT repo_id, count(*) AS jobs FROM job WHERE status = '{JobStatus.RUNNING}' AND is_call = 0 GROUP BY repo_id)
 SELECT job.id FROM job LEFT JOIN busy ON busy.repo_id = job.repo_id WHERE job.status = '{JobStatus.QUEUED}'
 ORDER BY job.created_at - {PRIORITY_S} * job.priority + {RUNNING_JOB_S} * ifnull(busy.jobs, 0),
 job.remaining_path DESC, job.id LIMIT ?"""


class Line:
    def __init__(self, queries: Queries, pause: Pause, disk: Disk) -> None:
        self._queries = queries
        self._pause = pause
        self._disk = disk

    def look(self, limit: int) -> QueueView:
        """Return what runs and at most `limit` of what waits.

        First the queued, in the order in which they would be claimed if nothing changed; then what tries again, the
        soonest first; then what is held, the oldest first.
        """
        places = {job_id: place for place, job_id in enumerate(_queued(limit), 1)}
        ids = list(places)
        ids += _ids(JobRow.status == JobStatus.RETRYING, JobRow.next_attempt_at, limit - len(ids))
        ids += _ids(JobRow.status.in_(UNSTARTED), JobRow.id, limit - len(ids))
        rows = {row.id: row for row in JobRow.select().where(JobRow.id.in_(ids))}
        running = _running()
        runs = self._queries.runs_by_id({row.run_id for row in rows.values()} | {job.run_id for _, job, _ in running})
        needs = _unmet(ids)
        return QueueView(
            self._pause.get(),
            tuple(
                Waiting(job_record(row), runs[row.run_id], row.waits_for, needs.get(row.id, ()), places.get(row.id))
                for row in (rows[job_id] for job_id in ids if job_id in rows)
            ),
            {worker: (job, runs[job.run_id], started_at) for worker, job, started_at in running},
            self._queries.counts([status for status in JobStatus if status not in JOB_FINAL]),
            self._disk.look(),
        )

    def waiting(self, job_ids: Collection[int]) -> dict[int, Waiting]:
        """Return those of these jobs that wait, as they do."""
        ids = list(job_ids)
        rows = list(JobRow.select().where(JobRow.id.in_(ids) & JobRow.status.in_([*UNSTARTED, *WAITING])))
        queued = any(row.status == JobStatus.QUEUED for row in rows)
        places = {job_id: place for place, job_id in enumerate(_queued(), 1)} if queued else {}
        runs, needs = self._queries.runs_by_id({row.run_id for row in rows}), _unmet(ids)
        return {
            row.id: Waiting(job_record(row), runs[row.run_id], row.waits_for, needs.get(row.id, ()), places.get(row.id))
            for row in rows
        }


def _queued(limit: int = -1) -> list[int]:
    """Return what is queued in the order of `turn_s`; -1 is all of it."""
    return [job_id for (job_id,) in DATABASE.execute_sql(_QUEUED, (limit,))]


def _ids(wanted: Any, order: Any, limit: int) -> list[int]:
    return [row.id for row in JobRow.select(JobRow.id).where(wanted).order_by(order).limit(max(0, limit))]


def _unmet(job_ids: list[int]) -> dict[int, tuple[str, ...]]:
    """Return, for each job, the names of those it needs that have not ended."""
    query: Any = (
        EdgeRow.select(EdgeRow.job_id, JobRow.name)
        .join(JobRow, on=(JobRow.id == EdgeRow.need_id))
        .where(EdgeRow.job_id.in_(job_ids) & JobRow.status.not_in(list(JOB_FINAL)))
        .order_by(EdgeRow.job_id, JobRow.id)
    )
    found: dict[int, tuple[str, ...]] = {}
    for job_id, name in query.tuples():
        found[job_id] = (*found.get(job_id, ()), name)
    return found


def _running() -> list[tuple[str, Job, datetime]]:
    """Return worker, job and the start of its attempt, of each attempt that runs."""
    attempts = list(
        AttemptRow.select(AttemptRow.job_id, AttemptRow.worker, AttemptRow.started_at)
        .where(AttemptRow.status == AttemptStatus.RUNNING)
        .order_by(AttemptRow.id)
    )
    jobs = {row.id: row for row in JobRow.select().where(JobRow.id.in_([one.job_id for one in attempts]))}
    return [(one.worker, job_record(jobs[one.job_id]), one.started_at) for one in attempts]
