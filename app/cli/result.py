"""What `treadle run` ends with, and the port through which it shows its progress."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Protocol

from engine.core.records import Job, Run, Transition
from pipelines.records import dataclass


@dataclass(frozen=True, slots=True)
class JobResult:
    """One job's end. `seconds` spans its first start to its last end; `attempts` counts those begun."""

    id: int
    key: str
    status: str
    attempts: int
    outputs: Mapping[str, str]
    seconds: float
    needs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunResult:
    """One run's end; `jobs` by display name, in the order of the plan."""

    id: int
    workflow: str
    status: str
    jobs: Mapping[str, JobResult]


@dataclass(frozen=True, slots=True)
class Result:
    """The end of everything that was asked for: `success` when every run succeeded or had nothing to do."""

    status: str
    seconds: float
    runs: tuple[RunResult, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the `result` line of the contract."""
        runs = [
            {
                "id": run.id,
                "workflow": run.workflow,
                "status": run.status,
                "jobs": {name: asdict(job) | {"seconds": round(job.seconds, 3)} for name, job in run.jobs.items()},
            }
            for run in self.runs
        ]
        return {"type": "result", "status": self.status, "seconds": round(self.seconds, 3), "runs": runs}


def job_result(job: Job) -> JobResult:
    """Return the result of a finished (or never started) job."""
    spent = (job.finished_at - job.started_at).total_seconds() if job.finished_at and job.started_at else 0.0
    return JobResult(job.id, job.key, str(job.status), job.attempts, dict(job.outputs), max(0.0, spent), job.needs)


class Renderer(Protocol):
    """Shows runs while they happen. All calls come from one thread, in the order of what happened."""

    def run_added(self, run: Run, jobs: tuple[Job, ...], needs: Mapping[str, tuple[str, ...]]) -> None:
        """A run is about to begin; `needs` gives for each job key the keys that it waits for."""

    def transition(self, t: Transition) -> None:
        """A status changed. Called in the order of the sequence numbers."""

    def job_added(self, job: Job) -> None:
        """A job that a dynamic matrix made; for a known id, newer facts of it (`next_attempt_at`, `tolerated`)."""

    def steps(self, job_id: int, attempt: int, names: Sequence[str]) -> None:
        """The step names of an attempt, once they are known."""

    def step_tolerated(self, job_id: int, step: int) -> None:
        """The step of the latest attempt that has just failed does not fail its job."""

    def log(self, job: Job, attempt: int, step: int, data: bytes) -> None:
        """New log bytes, secrets masked; mostly whole lines, but the last one may still be open."""

    def tick(self) -> None:
        """Time has passed; about ten times a second."""

    def finished(self, result: Result) -> None:
        """All has ended: the last word."""

    def close(self) -> None:
        """Give the terminal back. Always called, last, also after an interruption."""


class Silent:
    """Shows nothing: for when nobody is left to read."""

    def run_added(self, run: Run, jobs: tuple[Job, ...], needs: Mapping[str, tuple[str, ...]]) -> None: ...

    def transition(self, t: Transition) -> None: ...

    def job_added(self, job: Job) -> None: ...

    def steps(self, job_id: int, attempt: int, names: Sequence[str]) -> None: ...

    def step_tolerated(self, job_id: int, step: int) -> None: ...

    def log(self, job: Job, attempt: int, step: int, data: bytes) -> None: ...

    def tick(self) -> None: ...

    def finished(self, result: Result) -> None: ...

    def close(self) -> None: ...
