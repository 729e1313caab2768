"""What there is to decide, read for the scheduler, and what it decided, written.

The rules are in `engine/core/scheduling`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.core.records import JobFacts
from engine.core.scheduling import (
    AskCancel,
    Candidate,
    Condition,
    Expand,
    Group,
    Hold,
    JobMove,
    Member,
    Move,
    Need,
    RunMove,
    Snapshot,
    status_functions,
)
from engine.core.states import JOB_ACTIVE, JOB_FINAL, JobStatus, RunStatus
from engine.store import transitions, wishes
from engine.store.database import Database
from engine.store.queries import facts_record
from engine.store.tables import EdgeRow, JobRow, RunRow
from engine.store.transitions import Change
from pipelines.plan import JobPlan

OPEN_RUN = (RunStatus.QUEUED, RunStatus.RUNNING)


@dataclass(frozen=True, slots=True)
class Decidable:
    """What the scheduler knows of a pending job beyond its row: filled in by the caller from the workflow."""

    condition: Condition | None
    contexts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Applied:
    """What came of a list of moves: jobs that are queued now, dynamic jobs to expand, how many moves still held."""

    queued: tuple[int, ...]
    expand: tuple[int, ...]
    changed: int


class Decisions:
    def __init__(self, database: Database) -> None:
        self._db = database

    def needs_of(self, job_id: int) -> list[Need]:
        """Return the jobs that `job_id` waited for, in the order of their ids."""
        rows = (
            JobRow.select(JobRow.key, JobRow.status, JobRow.tolerated, JobRow.outputs)
            .join(EdgeRow, on=(EdgeRow.need_id == JobRow.id))
            .where(EdgeRow.job_id == job_id)
            .order_by(JobRow.id)
        )
        return [Need(row.key, JobStatus(row.status), row.tolerated, row.outputs) for row in rows]

    def snapshot(self, describe: Callable[[JobFacts], Decidable], now: datetime, limit: int = 500) -> Snapshot:
        """Read what there is to decide now. `describe` gives a job's `if:` and contexts; it reads the store only."""
        runs: dict[int, RunRow] = {}

        def run_of(run_id: int) -> RunRow:
            if run_id not in runs:
                runs[run_id] = RunRow.get_by_id(run_id)
            return runs[run_id]

        ready = (
            JobRow.select(JobRow)
            .join(RunRow, on=(RunRow.id == JobRow.run_id))
            .where(
                (JobRow.status == JobStatus.PENDING)
                & (JobRow.unmet == 0)
                & (JobRow.waits_for == "")
                & RunRow.status.in_(OPEN_RUN)
            )
            .order_by(JobRow.id)
            .limit(limit)
        )
        candidates = []
        for job in ready:
            run = run_of(job.run_id)
            facts = facts_record(job, run)
            known, plan = describe(facts), facts.plan
            candidates.append(
                Candidate(
                    job_id=job.id,
                    run_id=run.id,
                    run_cancelled=run.cancel_asked_at is not None,
                    ancestry_ok=job.ancestry_ok,
                    ancestry_failed=job.ancestry_failed,
                    condition=known.condition,
                    contexts=known.contexts,
                    open=plan.dynamic or plan.concurrency_late,
                    matrix=job.key,
                    active_siblings=self._active(job) if plan.max_parallel else 0,
                    max_parallel=plan.max_parallel,
                    group=_group(plan),
                )
            )
        due = JobRow.select(JobRow.id).where((JobRow.status == JobStatus.RETRYING) & (JobRow.next_attempt_at <= now))
        waiting = RunRow.select().where(RunRow.status == RunStatus.PENDING).order_by(RunRow.id).limit(limit)
        waiting_runs = tuple(
            (
                _run_member(run),
                Group(str(run.concurrency_group), run.cancel_in_progress, run.queue_all, run.group_limit),
            )
            for run in waiting
        )
        names = {c.group.name for c in candidates if c.group} | {group.name for _, group in waiting_runs}
        return Snapshot(
            tuple(candidates),
            tuple(row.id for row in due),
            tuple(self._failed_matrices()),
            tuple(self._cancelled(run_of, describe)),
            waiting_runs,
            {name: tuple(self._members(name)) for name in names},
        )

    def next_retry_at(self) -> datetime | None:
        """Return when the next backoff ends."""
        query = JobRow.select(JobRow.next_attempt_at).where(JobRow.status == JobStatus.RETRYING)
        row = query.order_by(JobRow.next_attempt_at).first()
        return row.next_attempt_at if row else None

    def apply(self, moves: Iterable[Move], actor: str, now: datetime) -> Applied:
        """Write the moves, each a compare-and-set; say which of them still held."""
        queued: list[int] = []
        expand: list[int] = []
        changed = 0
        with self._db.write():
            for move in moves:
                match move:
                    case JobMove(job_id, expected, cause, reason):
                        done = transitions.change_job(job_id, expected, Change(cause, now, actor, reason))
                        if done and cause in ("needs_met", "due"):
                            queued.append(job_id)
                    case RunMove(run_id, expected, cause, reason):
                        done = transitions.change_run(run_id, expected, Change(cause, now, actor, reason))
                    case Hold(job_id, waits_for):
                        pending = (JobRow.id == job_id) & (JobRow.status == JobStatus.PENDING)
                        done = bool(JobRow.update(waits_for=waits_for).where(pending).execute())
                    case Expand(job_id):
                        expand.append(job_id)
                        done = True
                    case AskCancel(ident, is_run, reason):
                        done = wishes.ask_cancel(ident, is_run, reason, now, actor)
                changed += done
        return Applied(tuple(queued), tuple(expand), changed)

    def fail_pending(self, job_id: int, reason: str, actor: str, now: datetime) -> None:
        """End a job that could not even be worked out."""
        with self._db.write():
            transitions.change_job(job_id, JobStatus.PENDING, Change("condition_broken", now, actor, reason))

    def _active(self, job: JobRow) -> int:
        query = JobRow.select().where(
            (JobRow.run_id == job.run_id) & (JobRow.key == job.key) & JobRow.status.in_(list(JOB_ACTIVE))
        )
        return int(query.count())

    def _failed_matrices(self) -> Iterable[tuple[Member, ...]]:
        """The unfinished siblings of members that failed for good in a matrix that fails fast."""
        sibling = JobRow.alias()
        failed = (
            JobRow.select(JobRow.run_id, JobRow.key, JobRow.plan)
            .join(RunRow, on=(RunRow.id == JobRow.run_id))
            .where(
                RunRow.status.in_(OPEN_RUN)
                & (RunRow.open_jobs > 0)
                & (JobRow.job_total > 1)
                & JobRow.status.in_([JobStatus.FAILED, JobStatus.TIMED_OUT])
                & ~JobRow.tolerated
            )
        )
        seen: set[tuple[int, str]] = set()
        for job in failed:
            if (job.run_id, job.key) in seen or not job.plan.get("fail_fast"):
                continue
            seen.add((job.run_id, job.key))
            rows = sibling.select().where(
                (sibling.run_id == job.run_id)
                & (sibling.key == job.key)
                & sibling.status.not_in(list(JOB_FINAL))
                & sibling.cancel_asked_at.is_null()
            )
            members = tuple(_job_member(row) for row in rows)
            if members:
                yield members

    def _cancelled(
        self, run_of: Callable[[int], RunRow], describe: Callable[[JobFacts], Decidable]
    ) -> Iterable[Member]:
        """What a person's wish ends now: all of a cancelled run but the jobs whose `if:` wants to see it through."""
        asked = JobRow.select().where(
            JobRow.status.in_([JobStatus.PENDING, JobStatus.QUEUED, JobStatus.RETRYING])
            & JobRow.cancel_asked_at.is_null(False)
        )
        yield from (_job_member(job) for job in asked)
        runs = RunRow.select(RunRow.id).where(RunRow.status.in_(OPEN_RUN) & RunRow.cancel_asked_at.is_null(False))
        jobs = JobRow.select().where(
            JobRow.run_id.in_(runs)
            & JobRow.cancel_asked_at.is_null()
            & (JobRow.status.in_(list(JOB_ACTIVE)) | ((JobRow.status == JobStatus.PENDING) & (JobRow.waits_for != "")))
        )
        for job in jobs:
            run = run_of(job.run_id)
            known = describe(facts_record(job, run))
            if known.condition is None or not _survives(known):
                yield _job_member(job)

    def _members(self, group: str) -> Iterable[Member]:
        jobs = JobRow.select().where(
            (JobRow.concurrency_group == group)
            & (
                JobRow.status.in_(list(JOB_ACTIVE))
                | ((JobRow.status == JobStatus.PENDING) & (JobRow.waits_for == f"group:{group}"))
            )
        )
        yield from (_job_member(job) for job in jobs)
        runs = RunRow.select().where(
            (RunRow.concurrency_group == group) & RunRow.status.in_([RunStatus.PENDING, *OPEN_RUN])
        )
        yield from (_run_member(run) for run in runs)


def _group(plan: JobPlan) -> Group | None:
    if plan.concurrency_group is None:
        return None
    return Group(plan.concurrency_group, plan.cancel_in_progress, plan.queue_all, plan.limit)


def _survives(known: Decidable) -> bool:
    assert known.condition is not None
    try:
        return known.condition(known.contexts, status_functions(ok=False, failed=False, cancelled=True))
    except ValueError:
        return False


def _job_member(row: JobRow) -> Member:
    return Member(row.id, JobStatus(row.status), row.created_at)


def _run_member(row: RunRow) -> Member:
    return Member(row.id, RunStatus(row.status), row.created_at, is_run=True)
