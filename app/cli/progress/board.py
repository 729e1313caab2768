"""What a renderer knows of the runs it shows, kept up to date from transitions. Shows nothing itself."""

from collections.abc import Sequence
from dataclasses import field
from datetime import datetime

from engine.core.records import Job, Run, Transition
from engine.core.states import JOB_FINAL, RUN_FINAL
from pipelines.records import dataclass
from widgets.safe_text import plain

TAIL_BYTES = 16_384
WAITING = frozenset({"pending", "queued", "blocked"})


@dataclass(slots=True)
class StepView:
    name: str
    status: str = "pending"
    started_at: datetime | None = None
    finished_at: datetime | None = None
    exit_code: int | None = None
    tolerated: bool = False

    @property
    def failed(self) -> bool:
        """Whether it ended badly, and its job with it."""
        return self.status in ("failed", "timed_out") and not self.tolerated


@dataclass(slots=True)
class JobView:
    """A job as it stands. `steps` are those of the latest attempt, by index."""

    job: Job
    name: str
    status: str
    attempt: int
    reason: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    steps: dict[int, StepView] = field(default_factory=dict)

    @property
    def final(self) -> bool:
        return self.status in JOB_FINAL

    @property
    def running_step(self) -> StepView | None:
        return next((step for step in self.steps.values() if step.status == "running"), None)

    @property
    def failed_step(self) -> tuple[int, StepView] | None:
        """The first step of the latest attempt that ended badly, and the job with it."""
        return next(((index, step) for index, step in sorted(self.steps.items()) if step.failed), None)

    @property
    def last_step(self) -> int | None:
        """The step that the latest attempt came to before it ended, however it did."""
        begun = [index for index, step in self.steps.items() if step.status not in ("pending", "skipped")]
        return max(begun, default=None)

    def seconds(self, now: datetime) -> float | None:
        """Return how long the latest attempt has taken, or None before it began."""
        if self.started_at is None:
            return None
        return ((self.finished_at or now) - self.started_at).total_seconds()


@dataclass(slots=True)
class RunView:
    run: Run
    name: str
    status: str
    jobs: list[JobView]
    finished_at: datetime | None = None
    reason: str = ""

    @property
    def waits(self) -> bool:
        """Whether nothing of it has begun."""
        return self.finished_at is None and all(job.status in WAITING for job in self.jobs)

    def seconds(self, now: datetime) -> float:
        return ((self.finished_at or now) - self.run.created_at).total_seconds()


class Board:
    """All runs and jobs shown, by id, and the last bytes that each unfinished or failed step printed."""

    def __init__(self) -> None:
        self.runs: dict[int, RunView] = {}
        self.jobs: dict[int, JobView] = {}
        self._tails: dict[tuple[int, int, int], bytes] = {}

    def run_added(self, run: Run, jobs: Sequence[Job]) -> RunView:
        name = plain(run.workflow_name)
        if len(name) > 60:
            name = name[:59] + "…"
        view = self.runs[run.id] = RunView(run, name, str(run.status), [], run.finished_at)
        for job in jobs:
            self.job_added(job)
        return view

    def job_added(self, job: Job) -> JobView:
        """Take up a job, or the newer facts of a known one; statuses come by transitions alone."""
        known = self.jobs.get(job.id)
        if known is not None:
            known.job, known.name = job, plain(job.name)
            return known
        view = JobView(job, plain(job.name), str(job.status), job.attempts, job.reason, job.started_at, job.finished_at)
        self.jobs[job.id] = view
        jobs = self.runs[job.run_id].jobs
        last = max((place for place, other in enumerate(jobs) if other.job.key == job.key), default=len(jobs) - 1)
        jobs.insert(last + 1, view)
        return view

    def steps(self, job_id: int, names: Sequence[str], first: int = 0) -> None:
        view = self.jobs[job_id]
        for index, name in enumerate(names, first):
            view.steps.setdefault(index, StepView(plain(name))).name = plain(name)

    def step_tolerated(self, job_id: int, step: int) -> None:
        self.jobs[job_id].steps[step].tolerated = True

    def apply(self, t: Transition) -> None:
        """Take in one change of one status."""
        if t.noun == "run" and t.run_id in self.runs:
            run = self.runs[t.run_id]
            run.status, run.reason = t.to_status, plain(t.reason)
            run.finished_at = t.at if t.to_status in RUN_FINAL else None
        elif t.job_id not in self.jobs:
            return
        elif t.noun == "job":
            self._job(self.jobs[t.job_id], t)
        elif t.noun == "step" and t.step is not None:
            self._step(self.jobs[t.job_id], t.job_id, t.step, t)

    def _job(self, view: JobView, t: Transition) -> None:
        if t.to_status == "running":
            view.attempt = t.attempt or view.attempt + 1
            view.steps = {}
            view.started_at, view.finished_at = t.at, None
        elif view.status == "running" or t.to_status in JOB_FINAL:
            view.finished_at = t.at
        view.status, view.reason, view.name = t.to_status, plain(t.reason), plain(t.name) or view.name

    def _step(self, view: JobView, job_id: int, index: int, t: Transition) -> None:
        step = view.steps.setdefault(index, StepView(plain(t.name)))
        step.status, step.name = t.to_status, plain(t.name) or step.name
        if t.to_status == "running":
            step.started_at = t.at
        else:
            step.finished_at, step.exit_code = t.at, t.exit_code
        if t.to_status in ("success", "skipped"):
            self._tails.pop((job_id, view.attempt, index), None)

    def keep_tail(self, job_id: int, attempt: int, step: int, data: bytes) -> None:
        """Remember the end of what a step printed."""
        key = (job_id, attempt, step)
        self._tails[key] = (self._tails.get(key, b"")[-TAIL_BYTES:] + data[-TAIL_BYTES:])[-TAIL_BYTES:]

    def last_lines(self, job_id: int, attempt: int, step: int, count: int) -> list[str]:
        """Return the last lines that a step printed; the first may be cut where the memory ends."""
        tail = self._tails.get((job_id, attempt, step), b"")
        return tail.decode("utf-8", "replace").rstrip("\n").split("\n")[-count:] if tail.strip() else []
