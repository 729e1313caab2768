"""Who is in a concurrency group, for it holds it or waits in it: the one place that says so. Changes nothing."""

from engine.core.moves import GROUP
from engine.core.states import JOB_ACTIVE
from engine.store.tables.runs import JobRow, RunRow

_ACTIVE = f"status IN ({', '.join(repr(str(status)) for status in sorted(JOB_ACTIVE))})"
_JOBS = f"repo_id = ? AND concurrency_group = ? AND ({_ACTIVE} OR status = 'pending' AND waits_for = ?)"
_RUNS = "repo_id = ? AND concurrency_group = ? AND status IN ('pending', 'queued', 'running')"


def jobs_in(repo_id: int, group: str, fields: tuple[str, ...]) -> list[JobRow]:
    """Return the jobs in a group of a repository, with these fields; the pending ones among them wait."""
    return JobRow.read(_JOBS, (repo_id, group, f"{GROUP}{group}"), fields)


def runs_in(repo_id: int, group: str, fields: tuple[str, ...]) -> list[RunRow]:
    """Return the runs that are as a whole in a group of a repository, with these fields; the pending ones wait."""
    return RunRow.read(_RUNS, (repo_id, group), fields)
