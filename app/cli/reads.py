"""What commands ask of runs, jobs and attempts: of the store's Queries, or of an engine elsewhere."""

from typing import Any, Protocol

from engine.core.records import Attempt, Job, Run, Step
from engine.core.states import JOB_FINAL, AttemptStatus


class ReadsAttempts(Protocol):
    """What became of jobs. Steps, annotations and summaries are asked of attempts that `attempts` has told of."""

    def attempts(self, job_id: int) -> list[Attempt]: ...

    def steps(self, attempt_id: int) -> list[Step]: ...

    def annotations(self, attempt_id: int) -> list[dict[str, Any]]: ...

    def summaries(self, attempt_id: int) -> list[str]: ...


class Reads(ReadsAttempts, Protocol):
    """All that is asked. What is not there is None, or an empty list."""

    def runs(
        self,
        repo: str | None = None,
        branch: str | None = None,
        status: str | None = None,
        before: int | None = None,
        limit: int = 20,
    ) -> list[Run]: ...

    def run(self, run_id: int) -> Run | None: ...

    def jobs(self, run_id: int) -> list[Job]: ...

    def job(self, job_id: int) -> Job | None: ...

    def of_run(self, run_id: int) -> ReadsAttempts:
        """Return what answers of all attempts of one run, as they are now."""


def is_over(queries: Reads, job_id: int, attempt: int) -> bool:
    """Return whether an attempt has ended, or will never begin."""
    made = next((one for one in queries.attempts(job_id) if one.number == attempt), None)
    if made is not None:
        return made.status != AttemptStatus.RUNNING
    job = queries.job(job_id)
    return job is None or job.status in JOB_FINAL
