"""How a status is written: a compare-and-set through the transition table, and its line in the log of changes.

Only this module writes a status. `apply`, `claim` and `finish` call it, inside the transaction of their change.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from engine.core.moves import GROUP, MATRIX_FULL
from engine.core.records import Transition
from engine.core.states import (
    JOB_BROKEN,
    JOB_FINAL,
    RUN_FINAL,
    JobStatus,
    cause_of_end,
    next_status,
)
from engine.store.tables.columns import DATABASE, First
from engine.store.tables.mending import BisectRow
from engine.store.tables.runs import AttemptRow, JobRow, RunRow, StepRow, TransitionRow
from pipelines.records import dataclass

# What a job's own change and its end have to know of it; whole rows are wide, and this is done for every job.
ENDING = (
    "id", "run_id", "repo_id", "key", "name", "status", "attempts", "tolerated", "ancestry_ok", "ancestry_failed",
    "job_total", "plan", "concurrency_group", "parent_id", "is_call",
)  # fmt: skip
CLOSING = ("status", "open_jobs", "cancel_asked_at", "reason")

# What every job and every step does is plain SQL: see `Row`.
_STEP = "SELECT status, name FROM step WHERE attempt_id = ? AND position = ?"
_IF_STILL = "id = ? AND status = ?"
_COUNT_DOWN_CALL = "UPDATE job SET unmet = unmet - 1 WHERE id = ? AND status = 'running'"
_COUNT_DOWN = (
    "UPDATE job SET unmet = unmet - 1, ancestry_ok = ancestry_ok AND ?, ancestry_failed = ancestry_failed OR ?"
    " WHERE id IN (SELECT job_id FROM edge WHERE need_id = ?)"
)
_FREE = (
    "UPDATE job SET waits_for = '' WHERE repo_id = ? AND concurrency_group = ? AND status = 'pending' AND waits_for = ?"
)
_COUNT_RUN_DOWN = "UPDATE run SET open_jobs = open_jobs - 1 WHERE id = ?"
_RECORD = (
    "INSERT INTO transition"
    " (noun, run_id, job_id, attempt, step, name, from_status, to_status, cause, reason, actor, at, exit_code)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_READ = (  # in the order of Transition's fields: whoever follows a run asks for these all the time
    "SELECT sequence, noun, run_id, job_id, attempt, step, name, from_status, to_status, cause, reason, actor, at,"
    " exit_code FROM transition WHERE "
)
_RESTART = (
    "UPDATE job SET status = ?, reason = ?, retries_left = ?, begin_at = ?, debug = ?,"
    " retry_count = retry_count + (attempts > 0), lost_count = 0, cancel_asked_at = NULL, cancel_now = 0,"
    " deadline_at = NULL, finished_at = NULL, tolerated = 0, outputs = '{}', waits_for = '', fails_matrix = 0,"
    " approved_by = '', environment_url = '' WHERE id = ? AND status = ?"
)


@dataclass(frozen=True, slots=True)
class Change:
    """Who changes what, when, why. `actor` is a worker, `scheduler`, `watchdog`, `bisector`, `restore` or a person."""

    cause: str
    at: datetime
    actor: str
    reason: str = ""
    exit_code: int | None = None


class AttemptKey(Protocol):
    """All that names an attempt: its own id, its number in its job, its job and its run."""

    @property
    def attempt_id(self) -> int: ...
    @property
    def number(self) -> int: ...
    @property
    def job_id(self) -> int: ...
    @property
    def run_id(self) -> int: ...


def change_run(run_id: int, expected: str, change: Change, **fields: Any) -> bool:
    """Move a run that is still `expected`; return whether it was."""
    status = next_status("run", expected, change.cause)
    if status in RUN_FINAL:
        fields |= {"finished_at": change.at, "reason": change.reason}
    else:
        fields["finished_at"] = None
    if change.cause == "started":
        fields["started_at"] = First(change.at)
    elif change.reason:
        fields["reason"] = change.reason
    if RunRow.write({"status": status, **fields}, _IF_STILL, (run_id, str(expected))) != 1:
        return False
    [run] = RunRow.read("id = ?", (run_id,), ("workflow_name", "repo_id", "concurrency_group"))
    _record("run", run_id, expected, status, change, name=run.workflow_name)
    if status in RUN_FINAL:
        _free_group(run.repo_id, run.concurrency_group)
    return True


def change_job(job_id: int, expected: str, change: Change, **fields: Any) -> bool:
    """Move a job that is still `expected`, and tell what hangs on it when it is final; return whether it was."""
    status = next_status("job", expected, change.cause)
    if status in JOB_FINAL:
        fields["finished_at"] = change.at
    elif status == JobStatus.QUEUED:
        fields |= {"queued_at": change.at, "next_attempt_at": None, "waits_for": ""}
    elif change.cause == "called":
        fields |= {"started_at": First(change.at), "waits_for": ""}
    fields |= {"status": status, "reason": change.reason}
    if JobRow.write(fields, _IF_STILL, (job_id, str(expected))) != 1:
        return False
    [job] = JobRow.read("id = ?", (job_id,), ENDING)
    _record("job", job.run_id, expected, status, change, job_id=job_id, attempt=job.attempts or None, name=job.name)
    if change.cause == "called":
        _open_call(job)
    if status in JOB_FINAL:
        _release(job, change)
        _close_run(job.run_id, change)
    return True


def restart_job(
    job: JobRow, change: Change, *, retries_left: int, begin_at: Mapping[str, Any] | None, debug: bool
) -> None:
    """Put a job that has ended, as it was read in this write, back to where it begins; its attempts alone are kept.

    Its needs are counted anew by who asks for this.
    """
    status = next_status("job", job.status, change.cause)
    fields = (retries_left, JobRow.begin_at.db_value(begin_at), debug)
    hit = DATABASE.execute_sql(_RESTART, (str(status), change.reason, *fields, job.id, job.status)).rowcount
    assert hit == 1, "a job is restarted in the write that it was read in"
    _record("job", job.run_id, job.status, status, change, job_id=job.id, attempt=job.attempts or None, name=job.name)


def change_attempt(row: AttemptRow, job: JobRow, change: Change, kind: str = "") -> bool:
    status = next_status("attempt", row.status, change.cause)
    fields = {
        "status": status, "finished_at": change.at, "exit_code": change.exit_code, "reason": change.reason,
        "kind": kind, "state": None,
    }  # fmt: skip
    if AttemptRow.write(fields, f"{_IF_STILL} AND token = ?", (row.id, row.status, row.token)) != 1:
        return False
    _record("attempt", job.run_id, row.status, status, change, job_id=job.id, attempt=row.number, name=job.name)
    return True


def change_step(attempt: AttemptKey, index: int, change: Change, **fields: Any) -> bool:
    place = (attempt.attempt_id, index)
    before, name = DATABASE.execute_sql(_STEP, place).fetchone()
    status = next_status("step", before, change.cause)
    fields |= {"started_at": change.at} if status == "running" else {"finished_at": change.at}
    fields |= {"status": status, "exit_code": change.exit_code}
    if StepRow.write(fields, "attempt_id = ? AND position = ? AND status = ?", (*place, before)) != 1:
        return False
    where = {"job_id": attempt.job_id, "attempt": attempt.number, "step": index, "name": fields.get("name", name)}
    _record("step", attempt.run_id, before, status, change, **where)
    return True


def change_bisect(row: BisectRow, change: Change, **fields: Any) -> bool:
    """Move a search that is still as `row` says, or note a step of it; return whether it was."""
    status = next_status("bisect", row.status, change.cause)
    if status != row.status:
        fields |= {"finished_at": change.at, "reason": change.reason}
    query = BisectRow.update(status=status, **fields).where(
        (BisectRow.id == row.id) & (BisectRow.status == row.status) & (BisectRow.steps == row.steps)
    )
    if query.execute() != 1:
        return False
    _record("bisect", row.run_id, row.status, status, change, name=row.job_name)
    return True


def record_start(noun: str, run_id: int, status: str, change: Change, name: str, **where: Any) -> None:
    """Write the first line of something's life; it comes from no status."""
    _record(noun, run_id, "", status, change, name=name, **where)


def after(
    sequence: int, *, run_ids: Collection[int] | None = None, job_id: int | None = None, limit: int = 1000
) -> list[Transition]:
    """Return the transitions after `sequence`, oldest first."""
    where, values = "sequence > ?", [sequence]
    if run_ids is not None:
        where += f" AND run_id IN ({','.join('?' * len(run_ids))})"
        values += run_ids
    if job_id is not None:
        where += " AND job_id = ?"
        values.append(job_id)
    return _read(f"{where} ORDER BY sequence LIMIT ?", [*values, limit])


def of_run(run_id: int) -> list[Transition]:
    """Return the transitions of a run itself, oldest first."""
    return _read("run_id = ? AND noun = 'run' ORDER BY sequence", [run_id])


def of_jobs(job_ids: Collection[int]) -> list[Transition]:
    """Return the transitions of jobs themselves, oldest first: neither their attempts' nor their steps' changes."""
    marks = ",".join("?" * len(job_ids))
    return _read(f"job_id IN ({marks}) AND noun = 'job' ORDER BY sequence", list(job_ids))


def _read(where: str, values: Sequence[Any]) -> list[Transition]:
    rows: Iterable[Sequence[Any]] = DATABASE.execute_sql(_READ + where, values)
    return [Transition(*(*facts, datetime.fromtimestamp(at, UTC), code)) for *facts, at, code in rows]


def ended_since(sequence: int) -> bool:
    """Return whether a job or a run has reached a final status after this transition."""
    ended = TransitionRow.to_status.in_([*JOB_FINAL, *RUN_FINAL]) & TransitionRow.noun.in_(["job", "run"])
    return bool(TransitionRow.select().where((TransitionRow.sequence > sequence) & ended).exists())


def _record(
    noun: str,
    run_id: int,
    before: str,
    status: str,
    change: Change,
    *,
    name: str,
    job_id: int | None = None,
    attempt: int | None = None,
    step: int | None = None,
) -> None:
    whose = (noun, run_id, job_id, attempt, step, name)
    why = (change.cause, change.reason, change.actor, change.at.timestamp(), change.exit_code)
    DATABASE.execute_sql(_RECORD, (*whose, str(before), str(status), *why))


def _open_call(job: JobRow) -> None:
    """Let the jobs of the workflow that is called wait for nothing but their needs, and count them."""
    below = (JobRow.parent_id == job.id) & JobRow.finished_at.is_null()
    count = JobRow.update(unmet=JobRow.unmet - 1).where(below).execute()
    JobRow.update(unmet=count).where(JobRow.id == job.id).execute()


def _end_called(job: JobRow, change: Change) -> None:
    """End the jobs of a workflow that is not called any more, none of which has begun."""
    cause = "cancelled" if job.status == JobStatus.CANCELLED else "not_called"
    ended = Change(cause, change.at, change.actor, change.reason or f"{job.name} was {job.status}")
    below = JobRow.select(JobRow.id, JobRow.status).where((JobRow.parent_id == job.id) & JobRow.finished_at.is_null())
    for one in list(below):
        change_job(one.id, one.status, ended)


def _release(job: JobRow, change: Change) -> None:
    """Count a finished job down in those that need it, and let one go on that waited for its place."""
    if job.is_call:
        _end_called(job, change)
    if job.parent_id is not None:
        DATABASE.execute_sql(_COUNT_DOWN_CALL, (job.parent_id,))
    broke = job.status in JOB_BROKEN and not job.tolerated
    ok = (job.status == JobStatus.SUCCESS or job.tolerated) and job.ancestry_ok
    failed = broke or job.ancestry_failed
    DATABASE.execute_sql(_COUNT_DOWN, (ok, failed, job.id))
    if broke and job.job_total > 1 and job.plan["fail_fast"]:
        JobRow.update(fails_matrix=True).where(JobRow.id == job.id).execute()
    if job.job_total > 1 and job.plan["max_parallel"]:
        siblings = (JobRow.run_id == job.run_id) & (JobRow.key == job.key) & (JobRow.status == JobStatus.PENDING)
        waiting = JobRow.select(JobRow.id).where(siblings & (JobRow.waits_for == MATRIX_FULL))
        JobRow.update(waits_for="").where(JobRow.id.in_(waiting.order_by(JobRow.id).limit(1))).execute()
    _free_group(job.repo_id, job.concurrency_group)


def _free_group(repo_id: int, group: str | None) -> None:
    if group is not None:
        DATABASE.execute_sql(_FREE, (repo_id, group, f"{GROUP}{group}"))


def _close_run(run_id: int, change: Change) -> None:
    """Count a finished job down in its run; the last one decides how the run ended."""
    DATABASE.execute_sql(_COUNT_RUN_DOWN, (run_id,))
    [run] = RunRow.read("id = ?", (run_id,), CLOSING)
    if run.open_jobs > 0:
        return
    jobs = list(JobRow.select(JobRow.status, JobRow.tolerated).where(JobRow.run_id == run_id))
    ended = {JobStatus.SUCCESS if job.tolerated else JobStatus(job.status) for job in jobs}
    cause = cause_of_end(ended, cancel_asked=run.cancel_asked_at is not None)
    reason = run.reason if cause == "cancelled" and run.cancel_asked_at is not None else ""
    change_run(run_id, run.status, Change(cause, change.at, change.actor, reason))
