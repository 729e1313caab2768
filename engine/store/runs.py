"""Runs and their jobs: recording a plan, reading what there is to decide, applying what was decided."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from peewee import fn

from engine.core.scheduling import (
    AskCancel,
    Candidate,
    Condition,
    Expand,
    Hold,
    JobMove,
    Member,
    Move,
    Need,
    RunMove,
    Snapshot,
)
from engine.core.states import JOB_ACTIVE, JOB_FINAL, JobStatus, RunStatus
from engine.store import transitions
from engine.store.database import Database
from engine.store.tables import EdgeRow, EventRow, JobRow, RepoRow, RunRow
from engine.store.transitions import Change
from pipelines.plan import JobPlan, RunPlan

CHUNK = 400  # rows a statement, well under SQLite's limit of bound variables
OPEN_RUN = (RunStatus.QUEUED, RunStatus.RUNNING)


@dataclass(frozen=True, slots=True)
class NewRun:
    """What a run is recorded from. `plan` is called with (id, number) inside the write; it must be pure and quick."""

    repo_id: int
    event_id: int
    workflow_path: str
    workflow_name: str
    definition: str
    event: str
    ref: str
    sha: str
    plan: Callable[[int, int], RunPlan]
    contexts: Mapping[str, Any] = field(default_factory=dict)
    source: Mapping[str, Any] = field(default_factory=dict)
    secrets: bytes | None = None
    blocked: bool = False


@dataclass(frozen=True, slots=True)
class Decidable:
    """What the scheduler knows of a pending job beyond its row: filled in by the caller from the workflow."""

    condition: Condition | None
    contexts: Mapping[str, Any]


class Runs:
    def __init__(self, database: Database) -> None:
        self._db = database

    def repo(self, name: str, path: str, url: str = "") -> int:
        """Return the id of the repository called `name`, recording it or its new place."""
        with self._db.write():
            RepoRow.insert(name=name, path=path, url=url).on_conflict(
                conflict_target=[RepoRow.name], preserve=[RepoRow.path, RepoRow.url]
            ).execute()
            return int(RepoRow.get(RepoRow.name == name).id)

    def event(self, repo_id: int, delivery: str, kind: str, fields: Mapping[str, Any], now: datetime) -> tuple[int, bool]:
        """Record an event so that it survives a power cut; return its id and whether it is new."""
        with self._db.write(durable=True):
            known = EventRow.get_or_none((EventRow.repo_id == repo_id) & (EventRow.delivery == delivery))
            if known is not None:
                return int(known.id), False
            row = EventRow.create(repo_id=repo_id, delivery=delivery, kind=kind, fields=fields, received_at=now)
            return int(row.id), True

    def verdicts(self, event_id: int, verdicts: Mapping[str, str]) -> None:
        """Keep what became of an event: for each workflow, that it ran or which filter said no."""
        with self._db.write():
            EventRow.update(verdicts=verdicts).where(EventRow.id == event_id).execute()

    def create(self, new: NewRun, actor: str, now: datetime) -> int:
        """Record a planned run with all its jobs at once; return its id. Nothing runs yet."""
        with self._db.write(durable=True):
            latest = RunRow.select(fn.MAX(RunRow.number)).where(
                (RunRow.repo_id == new.repo_id) & (RunRow.workflow_path == new.workflow_path)
            )
            number = (latest.scalar() or 0) + 1
            run = RunRow.create(
                number=number, repo_id=new.repo_id, event_id=new.event_id, workflow_path=new.workflow_path,
                workflow_name=new.workflow_name, title="", definition=new.definition, event=new.event, ref=new.ref,
                sha=new.sha, status=RunStatus.PENDING, priority=0, contexts=new.contexts, source=new.source,
                secrets=new.secrets, created_at=now,
            )  # fmt: skip
            plan = new.plan(run.id, number)
            status = RunStatus.PENDING if plan.concurrency_group else RunStatus.QUEUED
            run.title = plan.title or new.workflow_name
            run.priority = plan.priority
            run.concurrency_group = plan.concurrency_group
            run.cancel_in_progress = plan.cancel_in_progress
            run.status = RunStatus.BLOCKED if new.blocked else status
            run.save()
            change = Change("planned", now, actor)
            transitions.record_start("run", run.id, run.status, change, new.workflow_name)
            self._insert_jobs(run, plan.jobs, change)
            if not plan.jobs:
                raise ValueError("a plan without jobs")
        return int(run.id)

    def expand(self, job_id: int, plans: tuple[JobPlan, ...], actor: str, now: datetime) -> None:
        """Replace a dynamic job by its matrix members: it becomes the first, the others are added behind it."""
        first, rest = plans[0], plans[1:]
        with self._db.write():
            job = JobRow.get_by_id(job_id)
            if job.status != JobStatus.PENDING or not job.plan.get("dynamic"):
                return
            run = RunRow.get_by_id(job.run_id)
            JobRow.update(**_plan_fields(first)).where(JobRow.id == job_id).execute()
            dependents = [edge.job_id for edge in EdgeRow.select().where(EdgeRow.need_id == job_id)]
            needs = [edge.need_id for edge in EdgeRow.select().where(EdgeRow.job_id == job_id)]
            change = Change("planned", now, actor)
            for plan in rest:
                row = self._insert_job(run, plan, change)
                JobRow.update(unmet=0, ancestry_ok=job.ancestry_ok, ancestry_failed=job.ancestry_failed).where(
                    JobRow.id == row.id
                ).execute()
                edges = [{"job_id": row.id, "need_id": need} for need in needs]
                edges += [{"job_id": dependent, "need_id": row.id} for dependent in dependents]
                if edges:
                    EdgeRow.insert_many(edges).execute()
            JobRow.update(unmet=JobRow.unmet + len(rest)).where(JobRow.id.in_(dependents)).execute()
            RunRow.update(open_jobs=RunRow.open_jobs + len(rest)).where(RunRow.id == run.id).execute()

    def _insert_jobs(self, run: RunRow, plans: Iterable[JobPlan], change: Change) -> None:
        ids: dict[str, list[int]] = {}
        rows = [(plan, self._insert_job(run, plan, change)) for plan in plans]
        for plan, row in rows:
            ids.setdefault(plan.key, []).append(row.id)
        edges: list[dict[str, int]] = []
        for plan, row in rows:
            needed = [need_id for key in plan.needs for need_id in ids[key]]
            edges += [{"job_id": row.id, "need_id": need_id} for need_id in needed]
            JobRow.update(unmet=len(needed)).where(JobRow.id == row.id).execute()
        for start in range(0, len(edges), CHUNK):
            EdgeRow.insert_many(edges[start : start + CHUNK]).execute()
        RunRow.update(open_jobs=len(rows)).where(RunRow.id == run.id).execute()

    def _insert_job(self, run: RunRow, plan: JobPlan, change: Change) -> JobRow:
        row = JobRow.create(
            run_id=run.id, repo_id=run.repo_id, key=plan.key, status=JobStatus.PENDING, unmet=0, created_at=run.created_at,
            needs=list(plan.needs), max_retries=plan.retry.max if plan.retry else 0,
            retries_left=plan.retry.max if plan.retry else 0, **_plan_fields(plan),
        )  # fmt: skip
        transitions.record_start("job", run.id, JobStatus.PENDING, change, plan.name, job_id=row.id)
        return row

    # -- deciding ------------------------------------------------------------------------------------------------

    def needs_of(self, job_id: int) -> list[Need]:
        """Return the jobs that `job_id` waited for, in the order of their ids."""
        rows = (
            JobRow.select(JobRow.key, JobRow.status, JobRow.tolerated, JobRow.outputs)
            .join(EdgeRow, on=(EdgeRow.need_id == JobRow.id))
            .where(EdgeRow.job_id == job_id)
            .order_by(JobRow.id)
        )
        return [Need(row.key, JobStatus(row.status), row.tolerated, row.outputs) for row in rows]

    def snapshot(self, describe: Callable[[JobRow, RunRow], Decidable], now: datetime, limit: int = 500) -> Snapshot:
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
            known = describe(job, run)
            plan = job.plan
            candidates.append(
                Candidate(
                    job.id, run.id, run.cancel_asked_at is not None, job.ancestry_ok, job.ancestry_failed,
                    known.condition, known.contexts, bool(plan.get("dynamic")), job.key,
                    self._active(job) if plan.get("max_parallel") else 0, plan.get("max_parallel"),
                    job.concurrency_group, bool(plan.get("cancel_in_progress")),
                )
            )  # fmt: skip
        due = JobRow.select(JobRow.id).where((JobRow.status == JobStatus.RETRYING) & (JobRow.next_attempt_at <= now))
        waiting = RunRow.select().where(RunRow.status == RunStatus.PENDING).order_by(RunRow.id).limit(limit)
        waiting_runs = tuple((_run_member(run), run.concurrency_group, run.cancel_in_progress) for run in waiting)
        names = {c.group for c in candidates if c.group} | {group for _, group, _ in waiting_runs}
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

    def apply(self, moves: Iterable[Move], actor: str, now: datetime) -> tuple[list[int], list[int]]:
        """Write the moves, each a compare-and-set. Return the jobs that are queued now, and those to be expanded."""
        queued: list[int] = []
        expand: list[int] = []
        with self._db.write():
            for move in moves:
                match move:
                    case JobMove(job_id, expected, cause, reason):
                        done = transitions.change_job(job_id, expected, Change(cause, now, actor, reason))
                        if done and cause in ("needs_met", "due"):
                            queued.append(job_id)
                    case RunMove(run_id, expected, cause, reason):
                        transitions.change_run(run_id, expected, Change(cause, now, actor, reason))
                    case Hold(job_id, waits_for):
                        JobRow.update(waits_for=waits_for).where(
                            (JobRow.id == job_id) & (JobRow.status == JobStatus.PENDING)
                        ).execute()
                    case Expand(job_id):
                        expand.append(job_id)
                    case AskCancel(ident, is_run, reason):
                        self._ask_cancel(ident, is_run, reason, now, actor)
        return queued, expand

    def fail_pending(self, job_id: int, reason: str, actor: str, now: datetime) -> None:
        """End a job that could not even be worked out."""
        with self._db.write():
            transitions.change_job(job_id, JobStatus.PENDING, Change("condition_broken", now, actor, reason))

    # -- what a person asks ---------------------------------------------------------------------------------------

    def ask_cancel(self, run_id: int | None, job_id: int | None, reason: str, actor: str, now: datetime) -> bool:
        """Wish that a run or a job ends; return whether there was anything left to end."""
        with self._db.write(durable=True):
            if run_id is not None:
                return self._ask_cancel(run_id, True, reason, now, actor)
            assert job_id is not None
            return self._ask_cancel(job_id, False, reason, now, actor)

    def ask_retry(self, run_id: int, job_ids: Collection[int], reason: str, actor: str, now: datetime) -> list[int]:
        """Put finished jobs and everything that hangs on them back to pending; return their ids.

        Each keeps its id, its attempts and their logs. What is still unfinished is left as it is.
        """
        with self._db.write(durable=True):
            run = RunRow.get_by_id(run_id)
            asked = set(job_ids)
            again = sorted(asked | self._descendants(asked))
            reset = []
            for job in JobRow.select().where(JobRow.id.in_(again)).order_by(JobRow.id):
                if job.status not in JOB_FINAL:
                    continue
                cause = "need_retried" if job.status == JobStatus.SKIPPED and job.id not in asked else "retry_asked"
                plan = job.plan.get("retry") or {}
                transitions.change_job(
                    job.id, job.status, Change(cause, now, actor, reason), retries_left=plan.get("max", 0),
                    retry_count=JobRow.retry_count + (1 if job.attempts else 0), lost_count=0, cancel_asked_at=None,
                    deadline_at=None, finished_at=None, tolerated=False, outputs={}, waits_for="",
                )  # fmt: skip
                reset.append(job.id)
            if not reset:
                return []
            RunRow.update(open_jobs=RunRow.open_jobs + len(reset), cancel_asked_at=None).where(RunRow.id == run_id).execute()
            if run.status not in (*OPEN_RUN, RunStatus.PENDING, RunStatus.BLOCKED):
                transitions.change_run(
                    run_id, run.status, Change("retry_asked", now, actor, reason), attempt=RunRow.attempt + 1
                )
            for job_id in reset:
                self._recount(job_id)
        return reset

    def _recount(self, job_id: int) -> None:
        """Work out a reset job's unmet needs and what its finished ancestors came to, as if it were new."""
        unmet, ok, failed = 0, True, False
        for need in JobRow.select().join(EdgeRow, on=(EdgeRow.need_id == JobRow.id)).where(EdgeRow.job_id == job_id):
            if need.status not in JOB_FINAL:
                unmet += 1
                continue
            ok = ok and (need.status == JobStatus.SUCCESS or need.tolerated) and need.ancestry_ok
            failed = failed or need.ancestry_failed
            failed = failed or (need.status in (JobStatus.FAILED, JobStatus.TIMED_OUT) and not need.tolerated)
        JobRow.update(unmet=unmet, ancestry_ok=ok, ancestry_failed=failed).where(JobRow.id == job_id).execute()

    def _descendants(self, job_ids: Collection[int]) -> set[int]:
        found: set[int] = set()
        frontier = set(job_ids)
        while frontier:
            edges = EdgeRow.select(EdgeRow.job_id).where(EdgeRow.need_id.in_(list(frontier)))
            frontier = {edge.job_id for edge in edges} - found
            found |= frontier
        return found

    def _ask_cancel(self, ident: int, is_run: bool, reason: str, now: datetime, actor: str) -> bool:
        if is_run:
            run = RunRow.get_by_id(ident)
            if run.status in (RunStatus.PENDING, RunStatus.BLOCKED):
                RunRow.update(cancel_asked_at=now).where(RunRow.id == ident).execute()
                jobs = JobRow.select(JobRow.id, JobRow.status).where(JobRow.run_id == ident)
                for job in list(jobs):
                    if job.status not in JOB_FINAL:
                        transitions.change_job(job.id, job.status, Change("cancelled", now, actor, reason))
                return True
            asked = (RunRow.id == ident) & RunRow.status.in_(OPEN_RUN)
            return bool(RunRow.update(cancel_asked_at=now, reason=reason).where(asked).execute())
        asked = (JobRow.id == ident) & JobRow.status.not_in(list(JOB_FINAL)) & JobRow.cancel_asked_at.is_null()
        return bool(JobRow.update(cancel_asked_at=now, reason=reason).where(asked).execute())

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
        self, run_of: Callable[[int], RunRow], describe: Callable[[JobRow, RunRow], Decidable]
    ) -> Iterable[Member]:
        """What a person's wish ends now: all of a cancelled run but the jobs whose `if:` wants to see it through."""
        asked = JobRow.select().where(
            JobRow.status.in_([JobStatus.PENDING, JobStatus.QUEUED, JobStatus.RETRYING]) & JobRow.cancel_asked_at.is_null(False)
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
            known = describe(job, run)
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


def _plan_fields(plan: JobPlan) -> dict[str, Any]:
    return {
        "name": plan.name,
        "plan": plan.to_json(),
        "matrix": plan.matrix,
        "job_index": plan.job_index,
        "job_total": plan.job_total,
        "priority": plan.priority,
        "remaining_path": plan.remaining_path,
        "concurrency_group": plan.concurrency_group,
    }


def _survives(known: Decidable) -> bool:
    from engine.core.scheduling import status_functions

    assert known.condition is not None
    try:
        return known.condition(known.contexts, status_functions(ok=False, failed=False, cancelled=True))
    except ValueError:
        return False


def _job_member(row: JobRow) -> Member:
    return Member(row.id, JobStatus(row.status), row.created_at)


def _run_member(row: RunRow) -> Member:
    return Member(row.id, RunStatus(row.status), row.created_at, is_run=True)
