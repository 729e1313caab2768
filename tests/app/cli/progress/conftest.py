"""A small world for the renderers: a run of jobs, and the transitions that a test tells of it."""

import io
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from engine.core.records import Job, Run, Transition
from engine.core.states import JobStatus, RunStatus

START = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


@dataclass
class World:
    """Feeds renderers as the runner does. Seconds count from the start of the run."""

    renderers: list = field(default_factory=list)
    sequence: int = 0
    at_s: float = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.at_s)

    def monotonic_s(self) -> float:
        return self.at_s

    def run(self, *jobs: Job, id: int = 7, name: str = "CI") -> Run:
        run = Run(
            id=id, number=3, repo="site", workflow_path=".github/workflows/ci.yml", workflow_name=name,
            title="a push", event="push", ref="refs/heads/main", sha="0123456789abcdef", status=RunStatus.QUEUED,
            priority=0, attempt=1, created_at=START,
        )  # fmt: skip
        for renderer in self.renderers:
            renderer.run_added(run, jobs, {job.key: job.needs for job in jobs})
        return run

    def job(self, id: int, name: str, *, key: str = "", needs: tuple[str, ...] = (), run_id: int = 7) -> Job:
        return Job(
            id=id, run_id=run_id, key=key or name, name=name, status=JobStatus.PENDING, matrix=None, job_index=0,
            job_total=1, needs=needs, priority=0, retry_count=0, max_retries=0, attempts=0, created_at=START,
        )  # fmt: skip

    def tell(self, noun, job, was, now, *, attempt=None, step=None, name="", reason="", code=None) -> None:
        self.sequence += 1
        job_id, run_id = (job.id, job.run_id) if isinstance(job, Job) else (None, job.id)
        name = name or getattr(job, "name", "")
        fact = Transition(
            self.sequence, noun, run_id, job_id, attempt, step, name, was, now, "", reason, "", self.now(), code
        )
        for renderer in self.renderers:
            renderer.transition(fact)

    def log(self, job: Job, attempt: int, step: int, data: bytes) -> None:
        for renderer in self.renderers:
            renderer.log(job, attempt, step, data)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def out() -> io.BytesIO:
    return io.BytesIO()
