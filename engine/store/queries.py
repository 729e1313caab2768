"""What people ask of the store: read-only, records out. Nothing here changes a row."""

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from peewee import fn

from engine.core.records import Attempt, Job, JobFacts, Run, Step, Transition
from engine.core.refs import HEADS
from engine.core.states import AttemptStatus, JobStatus, RunStatus
from engine.store import greens, transitions
from engine.store.tables.columns import DATABASE, instant
from engine.store.tables.events import RepoRow
from engine.store.tables.mending import HoldRow
from engine.store.tables.runs import AnnotationRow, AttemptRow, EdgeRow, JobRow, PinRow, RunRow, StepRow
from engine.store.whole_run import STEP, WholeRun, annotation_record, step_record
from pipelines.plan import JobPlan

# What a `Job` is made of, read without peewee's rows: they, and plans that nobody asks for, are most of the cost of a
# large run's page.
_JOBS = """SELECT id, run_id, key, name, status, matrix, job_index, job_total, needs, priority, retry_count,
 max_retries, attempts, created_at, queued_at, started_at, finished_at, next_attempt_at, deadline_at, cancel_asked_at,
 outputs, reason, tolerated, parent_id, is_call, environment, environment_url, approved_by, debug, expected_s, hold,
 held_until, patched FROM job"""
_ATTEMPTS = """SELECT attempt.id, job_id, number, worker, token, attempt.status, attempt.started_at, lease_expires_at,
 attempt.finished_at, exit_code, kind, attempt.reason, box_id, attempt.queued_at, began_at, attempt.patched,
 box_attempt_id, box_number, box_executor, box_image FROM attempt"""
_STATUSES = {str(status): status for status in JobStatus}


class Queries:
    def runs(
        self,
        repo: str | None = None,
        branch: str | None = None,
        status: str | None = None,
        before: int | None = None,
        limit: int = 20,
        workflow: str | None = None,
        event: int | None = None,
    ) -> list[Run]:
        """Return runs, newest first. `before` is the id to page on from; `branch` a name or a whole ref.

        `workflow` is a file's path, its name without folder and ending, or the workflow's name; `event` an event's id.
        """
        query = _runs()
        if repo is not None:
            query = query.where(RepoRow.name == repo)
        if branch is not None:
            query = query.where(RunRow.ref.in_([branch, f"{HEADS}{branch}"]))
        if status is not None:
            query = query.where(RunRow.status == status)
        if before is not None:
            query = query.where(RunRow.id < before)
        if workflow is not None:
            query = query.where(_is_workflow(workflow))
        if event is not None:
            query = query.where(RunRow.event_id == event)
        return [_run(row) for row in query.order_by(RunRow.id.desc()).limit(limit).namedtuples()]

    def run(self, run_id: int) -> Run | None:
        row = _runs().where(RunRow.id == run_id).namedtuples().first()
        return None if row is None else _run(row)

    def runs_by_id(self, run_ids: Collection[int]) -> dict[int, Run]:
        return {row.id: _run(row) for row in _runs().where(RunRow.id.in_(list(run_ids))).namedtuples()}

    def runs_of_events(self, event_ids: Collection[int]) -> list[tuple[int, Run]]:
        """Return the runs that came of these events, each with its event, oldest first."""
        rows = _runs().select_extend(RunRow.event_id).where(RunRow.event_id.in_(list(event_ids))).order_by(RunRow.id)
        found = []
        for row in rows.namedtuples():
            told = row._asdict()
            found.append((told.pop("event_id"), _told_run(told)))
        return found

    def jobs(self, run_id: int) -> list[Job]:
        """Return a run's jobs in the order of the workflow file."""
        return [_job(*row) for row in _rows(f"{_JOBS} WHERE run_id = ? ORDER BY id", run_id)]

    def job(self, job_id: int) -> Job | None:
        row = JobRow.get_or_none(JobRow.id == job_id)
        return None if row is None else job_record(row)

    def facts(self, job_id: int) -> JobFacts:
        """Return a job with all that its run was planned from. The job must exist."""
        row = JobRow.get_by_id(job_id)
        run = RunRow.get_by_id(row.run_id)
        return _facts(row, run, RepoRow.get_by_id(run.repo_id))

    def needs(self, run_id: int) -> dict[int, list[int]]:
        """Return, for each job of a run, the ids of the jobs it waits for."""
        edges: dict[int, list[int]] = {}
        query: Any = EdgeRow.select(EdgeRow.job_id, EdgeRow.need_id).join(JobRow, on=(JobRow.id == EdgeRow.job_id))
        wanted = query.where(JobRow.run_id == run_id).order_by(EdgeRow.job_id, EdgeRow.need_id)
        for job_id, need_id in wanted.tuples():
            edges.setdefault(job_id, []).append(need_id)
        return edges

    def attempts(self, job_id: int) -> list[Attempt]:
        return [_attempt(*row) for row in _rows(f"{_ATTEMPTS} WHERE job_id = ? ORDER BY number", job_id)]

    def run_attempts(self, run_id: int) -> list[Attempt]:
        """Return the attempts of a run's jobs, by job, then number."""
        of_run = " JOIN job ON job.id = attempt.job_id WHERE job.run_id = ? ORDER BY job_id, number"
        return [_attempt(*row) for row in _rows(_ATTEMPTS + of_run, run_id)]

    def running(self) -> list[Attempt]:
        """Return the attempts that run now: the running status view."""
        return [_attempt(*row) for row in _rows(f"{_ATTEMPTS} WHERE status = ?", AttemptStatus.RUNNING)]

    def running_logs(self) -> list[tuple[int, int, int]]:
        """Return run, job and attempt number of what runs now: whose logs are still written."""
        attempts = self.running()
        jobs = {row.id: row.run_id for row in JobRow.select().where(JobRow.id.in_([a.job_id for a in attempts]))}
        return [(jobs[attempt.job_id], attempt.job_id, attempt.number) for attempt in attempts]

    def attempt_state(self, attempt_id: int) -> Any:
        """Return what the worker left for a restarted engine, or None."""
        return AttemptRow.get_by_id(attempt_id).state

    def steps(self, attempt_id: int) -> list[Step]:
        return [step_record(row) for row in StepRow.read("attempt_id = ? ORDER BY position", (attempt_id,), STEP)]

    def summaries(self, attempt_id: int) -> list[str]:
        """Return the step summaries (Markdown) of an attempt, in order."""
        told = "attempt_id = ? AND summary != '' ORDER BY position"
        return [row.summary for row in StepRow.read(told, (attempt_id,), ("summary",))]

    def annotations(self, attempt_id: int) -> list[dict[str, Any]]:
        return [annotation_record(row) for row in AnnotationRow.read("attempt_id = ? ORDER BY id", (attempt_id,))]

    def of_run(self, run_id: int) -> WholeRun:
        """Return what answers of this run's attempts without a query for each."""
        return WholeRun(run_id, self.run_attempts(run_id))

    def transitions(
        self,
        after: int = 0,
        job_id: int | None = None,
        limit: int = 1000,
        run_ids: Collection[int] | None = None,
    ) -> list[Transition]:
        """Return changes after a sequence number, oldest first; a reader keeps the last one as its cursor."""
        return transitions.after(after, run_ids=run_ids, job_id=job_id, limit=limit)

    def last_sequence(self) -> int:
        [(last,)] = _rows("SELECT max(sequence) FROM transition")
        return int(last or 0)

    def counts(self, among: Collection[str] | None = None) -> dict[str, int]:
        """Return how many jobs there are in each status, or in each of these, which is quick for what is not over;
        those aside that only call others."""
        query = JobRow.select(JobRow.status, fn.COUNT(JobRow.id).alias("jobs")).where(JobRow.is_call == 0)
        if among is not None:
            query = query.where(JobRow.status.in_(list(among)))
        rows: Any = query.group_by(JobRow.status).namedtuples()
        return {row.status: row.jobs for row in rows}


def _rows(sql: str, *values: object) -> Iterable[Sequence[Any]]:
    found: Iterable[Sequence[Any]] = DATABASE.execute_sql(sql, values)
    return found


def _is_workflow(name: str) -> Any:
    path = RunRow.workflow_path
    ends = [path.endswith(f"/{name}{ending}") for ending in ("", ".yml", ".yaml")]
    return (path == name) | (RunRow.workflow_name == name) | ends[0] | ends[1] | ends[2]


def _runs() -> Any:
    holding = JobRow.select(JobRow.run_id).where(
        JobRow.id.in_(HoldRow.select(HoldRow.job_id)) & JobRow.held_until.is_null(False)
    )
    return RunRow.select(
        RunRow.id, RunRow.number, RepoRow.name.alias("repo"), RunRow.workflow_path,
        RunRow.workflow_name, RunRow.title, RunRow.event, RunRow.ref, RunRow.sha, RunRow.status, RunRow.priority,
        RunRow.attempt, RunRow.created_at, RunRow.started_at, RunRow.finished_at, RunRow.reason, RunRow.cancel_asked_at,
        RunRow.concurrency_group, RunRow.actor, RunRow.id.in_(PinRow.select(PinRow.run_id)).alias("pinned"),
        RunRow.bisect_id, RunRow.id.in_(holding).alias("held"), greens.has_patched().alias("patched"),
    ).join(RepoRow, on=(RepoRow.id == RunRow.repo_id))  # fmt: skip


def _run(row: Any) -> Run:
    return _told_run(row._asdict())


def _told_run(told: dict[str, Any]) -> Run:
    marks = {name: bool(told[name]) for name in ("pinned", "held", "patched")}
    return Run(**told | marks | {"status": RunStatus(told["status"])})


def job_record(row: JobRow) -> Job:
    return Job(
        row.id, row.run_id, row.key, row.name, JobStatus(row.status), row.matrix, row.job_index, row.job_total,
        tuple(row.needs), row.priority, row.retry_count, row.max_retries, row.attempts, row.created_at, row.queued_at,
        row.started_at, row.finished_at, row.next_attempt_at, row.deadline_at, row.cancel_asked_at, row.outputs,
        row.reason, row.tolerated, row.parent_id, row.is_call, row.environment, row.environment_url, row.approved_by,
        row.debug, expected_s=row.expected_s, hold=row.hold, held_until=row.held_until, patched=row.patched,
    )  # fmt: skip


def _job(
    ident: int, run_id: int, key: str, name: str, status: str, matrix: str | None, index: int, total: int, needs: str,
    priority: int, retry_count: int, max_retries: int, attempts: int, created: float, queued: float | None,
    started: float | None, finished: float | None, again: float | None, deadline: float | None,
    cancelled: float | None, outputs: str, reason: str, tolerated: int, parent_id: int | None, is_call: int,
    environment: str, environment_url: str, approved_by: str, debug: int, expected_s: float | None, hold: int,
    held_until: float | None, patched: int,
) -> Job:  # fmt: skip
    """Return a job from the columns of _JOBS, in their order."""
    return Job(
        ident, run_id, key, name, _STATUSES[status], None if matrix is None else json.loads(matrix), index, total,
        () if needs == "[]" else tuple(json.loads(needs)), priority, retry_count, max_retries, attempts,
        datetime.fromtimestamp(created, UTC), instant(queued), instant(started), instant(finished), instant(again),
        instant(deadline), instant(cancelled), {} if outputs == "{}" else json.loads(outputs), reason,
        bool(tolerated), parent_id, bool(is_call), environment, environment_url, approved_by, bool(debug), expected_s,
        hold=bool(hold), held_until=instant(held_until), patched=bool(patched),
    )  # fmt: skip


def _facts(job: JobRow, run: RunRow, repo: RepoRow) -> JobFacts:
    caller = None if job.parent_id is None else _facts(JobRow.get_by_id(job.parent_id), run, repo)
    return facts_record(job, run, repo, caller)


def facts_record(job: JobRow, run: RunRow, repo: RepoRow, caller: JobFacts | None) -> JobFacts:
    record = Run(
        run.id, run.number, repo.name, run.workflow_path, run.workflow_name, run.title, run.event, run.ref,
        run.sha, RunStatus(run.status), run.priority, run.attempt, run.created_at, run.started_at, run.finished_at,
        run.reason, run.cancel_asked_at, run.concurrency_group, run.actor, bisect_id=run.bisect_id,
    )  # fmt: skip
    plan = JobPlan.from_json(job.plan)
    definition = run.calls[plan.workflow]["definition"] if plan.workflow else run.definition
    trigger = run.contexts if caller is None else {**run.contexts, "inputs": caller.plan.inputs or {}}
    return JobFacts(job_record(job), record, definition, trigger, run.source, run.secrets, plan, run.calls, caller)


def _attempt(
    ident: int, job_id: int, number: int, worker: str, token: str, status: str, started: float, expires: float,
    finished: float | None, exit_code: int | None, kind: str, reason: str, box_id: str,
    queued: float | None, began: str | None, patched: int, box_attempt_id: int | None, box_number: int | None,
    box_executor: str, box_image: str,
) -> Attempt:  # fmt: skip
    """Return an attempt from the columns of _ATTEMPTS, in their order."""
    return Attempt(
        ident, job_id, number, worker, token, AttemptStatus(status), datetime.fromtimestamp(started, UTC),
        datetime.fromtimestamp(expires, UTC), instant(finished), exit_code,
        kind, reason, box_id, instant(queued), None if began is None else json.loads(began), bool(patched),
        box_attempt_id, box_number, box_executor, box_image,
    )  # fmt: skip
