"""What a person asks of runs and jobs: wishes are fields, and a retry puts rows back to where they begin."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from engine.core.beginning import HELD
from engine.core.states import JOB_FINAL, RUN_FINAL, JobStatus, RunStatus
from engine.store import transitions
from engine.store.database import Database
from engine.store.mending.holds import let_go
from engine.store.tables.columns import DATABASE
from engine.store.tables.runs import EdgeRow, JobRow, RunRow
from engine.store.transitions import Change

OPEN_RUN = (RunStatus.QUEUED, RunStatus.RUNNING)
_FINAL = ", ".join(f"'{status}'" for status in sorted(JOB_FINAL))
_NEEDS = "FROM edge JOIN job AS need ON need.id = edge.need_id WHERE edge.job_id = job.id AND need.status"
# As SQL, for there may be thousands, and everybody else who writes waits meanwhile.
_RECOUNT = f"""UPDATE job SET
 unmet = (SELECT count(*) {_NEEDS} NOT IN ({_FINAL})) + EXISTS (SELECT 1 FROM job AS caller
  WHERE caller.id = job.parent_id AND caller.status <> '{JobStatus.RUNNING}'),
 ancestry_ok = NOT EXISTS (SELECT 1 {_NEEDS} IN ({_FINAL})
  AND NOT ((need.status = '{JobStatus.SUCCESS}' OR need.tolerated) AND need.ancestry_ok)),
 ancestry_failed = EXISTS (SELECT 1 {_NEEDS} IN ({_FINAL}) AND (need.ancestry_failed
  OR (need.status IN ('{JobStatus.FAILED}', '{JobStatus.TIMED_OUT}') AND NOT need.tolerated)))
 WHERE id = ?"""
_END_NOW = f"""UPDATE job SET cancel_now = 1, cancel_asked_at = coalesce(cancel_asked_at, ?),
 reason = CASE WHEN cancel_asked_at IS NULL THEN ? ELSE reason END
 WHERE NOT cancel_now AND status NOT IN ({_FINAL}) AND """
_OF_RUN = "run_id = (SELECT id FROM run WHERE id = ? AND cancel_asked_at IS NOT NULL)"
_OF_JOB = """id IN (WITH RECURSIVE below (id) AS (SELECT id FROM job WHERE id = ? AND cancel_asked_at IS NOT NULL
 UNION ALL SELECT job.id FROM job JOIN below ON job.parent_id = below.id) SELECT id FROM below)"""
_UNHOLD = "UPDATE job SET waits_for = '' WHERE id = ? AND unmet > 0"


class Wishes:
    def __init__(self, database: Database) -> None:
        self._db = database

    def ask_cancel(self, run_id: int | None, job_id: int | None, reason: str, actor: str, now: datetime) -> bool:
        """Wish that a run or a job ends; return whether there was anything left to end.

        Of a run that waits all jobs end with it, in this one write: all of it is done, or nothing.
        """
        with self._db.write(durable=True):
            if run_id is not None:
                return ask_cancel(run_id, True, reason, now, actor)
            assert job_id is not None
            return ask_cancel(job_id, False, reason, now, actor)

    def end_now(self, run_id: int | None, job_id: int | None, reason: str, now: datetime) -> bool:
        """Wish that a run or a job that is asked to end does so at once; return whether that is news.

        It goes for all of its jobs, also those that would have seen the end through: no grace period, no always().
        """
        where, ident = (_OF_JOB, job_id) if run_id is None else (_OF_RUN, run_id)
        with self._db.write(durable=True):
            return bool(DATABASE.execute_sql(_END_NOW + where, (now.timestamp(), reason, ident)).rowcount)

    def ask_retry(
        self,
        run_id: int,
        job_ids: Collection[int],
        reason: str,
        actor: str,
        now: datetime,
        begin_at: Mapping[str, Any] | None = None,
        *,
        debug: bool = False,
    ) -> list[int]:
        """Put finished jobs and everything that hangs on them back to pending; return their ids.

        `begin_at` is where the jobs asked for begin (see engine/core/beginning.py), None for their first steps. One
        that goes on in a held box is not tried again if it fails; boxes that others of these jobs hold are let go.
        With `debug` all of them run with debug logging until they are asked for again.

        Each keeps its id, its attempts and their logs. What runs or is queued is left as it is; what still waits for
        its needs waits for those that run again, too. A run that is being cancelled has no job to run again.
        """
        with self._db.write(durable=True):
            run = RunRow.get_by_id(run_id)
            if run.status in OPEN_RUN and run.cancel_asked_at is not None:
                return []
            asked = set(job_ids)
            hanging = JobRow.select().where(JobRow.id.in_(sorted(_hanging_on(asked))))
            jobs = list(hanging.order_by(JobRow.id))
            reset = [job for job in jobs if job.status in JOB_FINAL]
            if not reset:
                return []
            again = {job.id for job in reset}
            going_on = asked if begin_at and begin_at["base"] == HELD else set()
            let_go(again - going_on, now)
            for job in reset:
                cause = "need_retried" if job.status == JobStatus.SKIPPED and job.id not in asked else "retry_asked"
                transitions.restart_job(
                    job,
                    Change(cause, now, actor, reason),
                    retries_left=0 if job.id in going_on else (job.plan.get("retry") or {}).get("max", 0),
                    begin_at=begin_at if job.id in asked else None,
                    debug=debug,
                )
            RunRow.update(open_jobs=RunRow.open_jobs + len(reset)).where(RunRow.id == run_id).execute()
            if run.status in RUN_FINAL:
                cause = "retry_waits" if run.concurrency_group else "retry_asked"
                change = Change(cause, now, actor, reason)
                transitions.change_run(run_id, run.status, change, attempt=run.attempt + 1, cancel_asked_at=None)
            self._recount([job.id for job in jobs if job.id in again or job.status == JobStatus.PENDING])
            for job in jobs:
                if job.is_call and job.id not in again and job.status != JobStatus.PENDING:
                    # It goes on running, until those have ended too.
                    below = (JobRow.parent_id == job.id) & JobRow.finished_at.is_null()
                    JobRow.update(unmet=JobRow.select().where(below).count()).where(JobRow.id == job.id).execute()
        return [job.id for job in reset]

    def approve(self, run_id: int, actor: str, now: datetime) -> bool:
        """Let a run go that waits for a person; return whether it did."""
        with self._db.write(durable=True):
            run = RunRow.get_by_id(run_id)
            if run.status != RunStatus.BLOCKED or run.cancel_asked_at is not None:
                return False
            cause = "approval_waits" if run.concurrency_group else "approved"
            return transitions.change_run(run_id, run.status, Change(cause, now, actor, f"approved by {actor}"))

    def approve_job(self, job_id: int, actor: str, now: datetime) -> bool:
        """Let a job into its environment that waits for a person; return whether it did wait."""
        with self._db.write(durable=True):
            job = JobRow.get_by_id(job_id)
            if job.status != JobStatus.BLOCKED or job.cancel_asked_at is not None:
                return False
            change = Change("approved", now, actor, f"approved by {actor}")
            return transitions.change_job(job_id, job.status, change, approved_by=actor)

    def prioritize(self, job_id: int, priority: int) -> bool:
        """Give a job that has not ended another priority; return whether it has not."""
        with self._db.write(durable=True):
            open_job = (JobRow.id == job_id) & JobRow.status.not_in(list(JOB_FINAL))
            return bool(JobRow.update(priority=priority).where(open_job).execute())

    def _recount(self, job_ids: Sequence[int]) -> None:
        """Work out waiting jobs' unmet needs and what their finished ancestors came to, as if they were new."""
        for statement in (_RECOUNT, _UNHOLD):
            self._db.execute_many(statement, [(job_id,) for job_id in job_ids])


def _hanging_on(job_ids: Collection[int]) -> set[int]:
    """Return these jobs and all that has to run again with them: what needs them, and what that calls, at any depth.

    A job that calls the workflow that one of them is of runs again for it, with nothing else that it calls.
    """
    whole: set[int] = set()
    callers: set[int] = set()
    more, above = set(job_ids), set[int]()
    while more or above:
        whole |= more
        callers |= above
        new = more | above
        needing = EdgeRow.select(EdgeRow.job_id).where(EdgeRow.need_id.in_(list(new)))
        called = JobRow.select(JobRow.id).where(JobRow.parent_id.in_(list(more)))
        calling = JobRow.select(JobRow.parent_id).where(JobRow.id.in_(list(new)) & JobRow.parent_id.is_null(False))
        more = ({edge.job_id for edge in needing} | {job.id for job in called}) - whole
        above = {job.parent_id for job in calling if job.parent_id is not None} - whole - callers
    return whole | callers


def ask_cancel(ident: int, is_run: bool, reason: str, now: datetime, actor: str) -> bool:
    """Inside a write: note the wish that a run or a job ends, with all that goes along; return whether that is news."""
    if is_run:
        run = RunRow.get_by_id(ident)
        if run.status in (RunStatus.PENDING, RunStatus.BLOCKED):
            if run.cancel_asked_at is not None:
                return False
            RunRow.update(cancel_asked_at=now, reason=reason).where(RunRow.id == ident).execute()
            jobs = JobRow.select(JobRow.id, JobRow.status).where(JobRow.run_id == ident)
            for job in list(jobs):
                if job.status not in JOB_FINAL:
                    transitions.change_job(job.id, job.status, Change("cancelled", now, actor, reason))
            return True
        asked = (RunRow.id == ident) & RunRow.status.in_(OPEN_RUN) & RunRow.cancel_asked_at.is_null()
        return bool(RunRow.update(cancel_asked_at=now, reason=reason).where(asked).execute())
    asked = JobRow.status.not_in(list(JOB_FINAL)) & JobRow.cancel_asked_at.is_null()
    news, ids = False, [ident]
    while ids:  # what it calls ends with it
        news |= bool(JobRow.update(cancel_asked_at=now, reason=reason).where(JobRow.id.in_(ids) & asked).execute())
        called = JobRow.select(JobRow.id).where(JobRow.parent_id.in_(ids) & JobRow.status.not_in(list(JOB_FINAL)))
        ids = [job.id for job in called]
    return news
