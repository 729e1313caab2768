"""What an explanation has to know beyond the records: what decides of a job, who holds a group, what was written down.

Read-only; it decides nothing.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from peewee import fn

from engine.core.records import Job, Transition
from engine.core.states import JobStatus, RunStatus
from engine.store import groups, transitions
from engine.store.queries import job_record
from engine.store.tables.runs import EdgeRow, JobRow, RunRow, StepRow
from pipelines.records import dataclass


@dataclass(frozen=True, slots=True)
class Standing:
    """What the scheduler asks of a job's row: how its ancestors ended, and what holds it although its needs are met."""

    ancestry_ok: bool
    ancestry_failed: bool
    waits_for: str
    group: str | None


@dataclass(frozen=True, slots=True)
class Planned:
    """What a run was planned from. `contexts` are github, inputs and vars as its workflow sees them."""

    repo_id: int
    event_id: int
    definition: str
    contexts: Mapping[str, Any]
    secrets: bytes | None
    group: str | None
    group_limit: int
    cancel_in_progress: bool
    queue_all: bool


@dataclass(frozen=True, slots=True)
class Holder:
    """A run, or a job of one, that is in a concurrency group: it holds it, or `waits` in it. `since` when."""

    is_run: bool
    id: int
    run_id: int
    number: int
    name: str
    waits: bool
    since: datetime | None


def standing(job_id: int) -> Standing:
    return standings([job_id])[job_id]


def standings(job_ids: Collection[int]) -> dict[int, Standing]:
    """Return how each of these jobs stands, by its id."""
    columns = (JobRow.id, JobRow.ancestry_ok, JobRow.ancestry_failed, JobRow.waits_for, JobRow.concurrency_group)
    found: Any = JobRow.select(*columns).where(JobRow.id.in_(list(job_ids))).tuples()
    return {ident: Standing(*told) for ident, *told in found}


def planned(run_id: int) -> Planned:
    """Return what a run was planned from; the run must exist."""
    run = RunRow.get_by_id(run_id)
    return Planned(
        run.repo_id, run.event_id, run.definition, run.contexts, run.secrets, run.concurrency_group, run.group_limit,
        run.cancel_in_progress, run.queue_all,
    )  # fmt: skip


def open_plans(run_id: int) -> set[int]:
    """Return the jobs of a run whose needs have still to settle what they become."""
    is_open = fn.json_extract(JobRow.plan, "$.dynamic")
    found: Any = JobRow.select(JobRow.id).where(
        (JobRow.run_id == run_id) & (JobRow.status == JobStatus.PENDING) & is_open
    )
    return {ident for (ident,) in found.tuples()}


def need_ids(job_id: int) -> list[int]:
    """Return the jobs that a job waits for, in the order of their ids."""
    rows = EdgeRow.select(EdgeRow.need_id).where(EdgeRow.job_id == job_id).order_by(EdgeRow.need_id)
    return [row.need_id for row in rows]


def in_group(repo_id: int, group: str) -> list[Holder]:
    """Return who is in a concurrency group of a repository: those that hold it first, then those that wait for it."""
    runs = groups.runs_in(repo_id, group, ("id", "number", "workflow_name", "status", "started_at", "created_at"))
    jobs = groups.jobs_in(repo_id, group, ("id", "run_id", "name", "status", "queued_at", "started_at"))
    theirs: Any = RunRow.select(RunRow.id, RunRow.number).where(RunRow.id.in_([job.run_id for job in jobs]))
    numbers = dict(theirs.tuples())
    found = [
        Holder(
            True, run.id, run.id, run.number, run.workflow_name, run.status == RunStatus.PENDING,
            run.started_at or run.created_at,
        )
        for run in runs
    ]  # fmt: skip
    found += [
        Holder(
            False, job.id, job.run_id, numbers[job.run_id], job.name, job.status == JobStatus.PENDING,
            job.queued_at or job.started_at,
        )
        for job in jobs
    ]  # fmt: skip
    return sorted(found, key=lambda one: (one.waits, one.run_id, one.id))


def members(job: Job) -> list[Job]:
    """Return the jobs of a job's matrix, itself included, in the order of the cells."""
    same = (JobRow.run_id == job.run_id) & (JobRow.key == job.key)
    same &= JobRow.parent_id.is_null() if job.parent_id is None else JobRow.parent_id == job.parent_id
    return [job_record(row) for row in JobRow.select().where(same).order_by(JobRow.id)]


def run_changes(run_id: int) -> list[Transition]:
    """Return what happened to a run itself, oldest first."""
    return transitions.of_run(run_id)


def job_changes(job_id: int) -> list[Transition]:
    """Return what happened to a job itself, oldest first: neither its attempts' nor its steps' changes."""
    return changes_of_jobs([job_id])[job_id]


def changes_of_jobs(job_ids: Collection[int]) -> dict[int, list[Transition]]:
    """Return what happened to each of these jobs itself, by its id."""
    found: dict[int, list[Transition]] = {job_id: [] for job_id in job_ids}
    for one in transitions.of_jobs(job_ids):
        assert one.job_id is not None
        found[one.job_id].append(one)
    return found


def step_reasons(attempt_id: int) -> dict[int, list[Any]]:
    """Return, by place, the rows of the steps' own conditions as they were kept (see pipelines/expr_trace)."""
    rows = StepRow.select(StepRow.position, StepRow.why).where(
        (StepRow.attempt_id == attempt_id) & StepRow.why.is_null(False)
    )
    return {row.position: row.why for row in rows}
