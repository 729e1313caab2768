"""What an ordinary green is: a run that succeeded, in no box that a person had hands on, for the sake of its commit.

The one place that says so. Badges, promises, `workflow_run`, retention, comparing and bisecting look back at these runs
alone: one that was patched by hand, or that a bisection started, tells nothing of its commit.
"""

from collections.abc import Collection
from typing import Any

from peewee import fn

from engine.core.states import JobStatus, RunStatus
from engine.store.tables.runs import JobRow, RunRow
from pipelines.records import dataclass

BISECTING = "SELECT id FROM run WHERE bisect_id IS NOT NULL"
"""The runs that a bisection started; from an index of those alone."""


@dataclass(frozen=True, slots=True)
class Green:
    """A job that succeeded in an ordinary green run, and by which of its attempts."""

    run_id: int
    job_id: int
    attempt: int
    sha: str


def is_green() -> Any:
    """Return the clause that holds for ordinary green runs."""
    return (RunRow.status == RunStatus.SUCCESS) & ~bisects(RunRow.id) & ~has_patched()


def has_patched() -> Any:
    """Return the clause that holds for runs with a job whose latest attempt a person had hands on."""
    hand = JobRow.alias()
    return fn.EXISTS(hand.select(hand.id).where((hand.run_id == RunRow.id) & hand.patched))


def green_sql(run: str) -> str:
    """Return the same in SQL, on the table or alias `run`."""
    patched = f"SELECT 1 FROM job AS hand WHERE hand.run_id = {run}.id AND hand.patched"
    return f"{run}.status = '{RunStatus.SUCCESS}' AND {run}.id NOT IN ({BISECTING}) AND NOT EXISTS ({patched})"


def bisects(run_id: Any) -> Any:
    """Return the clause that holds where `run_id`, a column, is a run that a bisection started."""
    trial = RunRow.alias()
    return run_id.in_(trial.select(trial.id).where(trial.bisect_id.is_null(False)))


def is_patched() -> Any:
    """Return the clause that holds for jobs whose latest attempt a person had hands on; reads an index alone."""
    hand = JobRow.alias()
    return JobRow.id.in_(hand.select(hand.id).where(hand.patched))


def standings(run_ids: Collection[int]) -> dict[int, RunStatus]:
    """Return what these runs say of their commits: one that came to its success by hand, that it failed.

    Those that a bisection started say nothing, and are left out.
    """
    rows: Any = RunRow.select(RunRow.id, RunRow.status, is_green()).where(
        RunRow.id.in_(list(run_ids)) & ~bisects(RunRow.id)
    )
    return {
        run_id: RunStatus.FAILED if status == RunStatus.SUCCESS and not green else RunStatus(status)
        for run_id, status, green in rows.tuples()
    }


def latest_green(
    repo_id: int, workflow_path: str, job_name: str, *, ref: str | None = None, before: int | None = None
) -> Green | None:
    """Return the job of this display name in the newest ordinary green run of its workflow, or None.

    `ref` asks for runs of one branch or tag alone, `before` for those that are older than the run of this id.
    """
    runs = (RunRow.repo_id == repo_id) & (RunRow.workflow_path == workflow_path) & is_green()
    if ref is not None:
        runs &= RunRow.ref == ref
    if before is not None:
        late = RunRow.alias()
        runs &= RunRow.number < late.select(late.number).where(late.id == before)
    query: Any = (
        RunRow.select(RunRow.id, JobRow.id, JobRow.attempts, RunRow.sha)
        .join(JobRow, on=(JobRow.run_id == RunRow.id))
        .where(runs & (JobRow.name == job_name) & (JobRow.status == JobStatus.SUCCESS))
        .order_by(RunRow.number.desc(), JobRow.id)
    )
    found = query.limit(1).tuples().first()
    return None if found is None else Green(*found)
