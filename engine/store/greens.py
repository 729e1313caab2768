"""What an ordinary green is: a run that succeeded, in no box that a person had hands on, for the sake of its commit.

The one place that says so. Badges, `workflow_run`, retention, comparing and bisecting look back at these runs alone:
one that was patched by hand, or that a bisection started, tells nothing of its commit or of how long its jobs take.
"""

from dataclasses import dataclass
from typing import Any

from peewee import fn

from engine.core.states import JobStatus, RunStatus
from engine.store.tables import JobRow, RunRow


@dataclass(frozen=True, slots=True)
class Green:
    """A job that succeeded in an ordinary green run, and by which of its attempts."""

    run_id: int
    job_id: int
    attempt: int
    sha: str


def is_green(run: Any = RunRow) -> Any:
    """Return the clause on RunRow, or an alias of it, that holds for ordinary green runs."""
    hand = JobRow.alias()
    patched = hand.select(hand.id).where((hand.run_id == run.id) & hand.patched)
    return (run.status == RunStatus.SUCCESS) & run.bisect_id.is_null() & ~fn.EXISTS(patched)


def green_sql(run: str) -> str:
    """Return the same in SQL, on the table or alias `run`."""
    patched = f"SELECT 1 FROM job AS hand WHERE hand.run_id = {run}.id AND hand.patched"
    return f"{run}.status = '{RunStatus.SUCCESS}' AND {run}.bisect_id IS NULL AND NOT EXISTS ({patched})"


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
