"""The queue played forward, in its own order, on so many workers: when each job would start and end. Pure.

Every job that is planned is taken to run and to succeed, and takes as long as it usually does; one that nobody has
timed, as long as the median of those that somebody has. What waits for a person, or for another's concurrency group,
never starts, nor does what follows on it.
"""

import heapq
from collections import deque
from collections.abc import Iterable, Mapping
from statistics import median

from engine.core.states import JOB_FINAL, JobStatus
from engine.core.turns import Turns
from pipelines.records import dataclass

SOON = 0.1
"""A job that is over its time is expected to end in this share of what it took so far, SOON_LEAST_S at least."""
SOON_LEAST_S = 1.0
_END, _DUE, _DROP = range(3)
_NOT_BEGUN = (JobStatus.PENDING, JobStatus.BLOCKED)


@dataclass(slots=True)
class Work:
    """One job of a run that has not ended. There may be thousands of these: instants are seconds since the epoch, and
    nothing keeps anybody from changing one, for a frozen one takes ten times as long to make.

    `needs` and `caller` are jobs, `order` its place in the queue before fairness (see `order_s`), `path` the tie-break
    behind that. `expected_s` is None for a job that nobody has timed. `started_s` is when its attempt that runs did,
    `due_s` when it is tried again. `held` waits for something that no clock knows, `doomed` will end without having
    run. Of one matrix (run and key) `max_parallel` are queued or run at once.
    """

    id: int
    run_id: int
    status: JobStatus
    key: str = ""
    repo_id: int = 0
    needs: tuple[int, ...] = ()
    caller: int | None = None
    is_call: bool = False
    order: float = 0.0
    path: float = 0.0
    expected_s: float | None = None
    started_s: float | None = None
    finished_s: float | None = None
    due_s: float | None = None
    held: bool = False
    doomed: bool = False
    max_parallel: int | None = None


@dataclass(frozen=True, slots=True)
class Outlook:
    """All jobs of the runs that have not ended, and who works on them. `claims`: a free worker takes what is queued."""

    jobs: tuple[Work, ...]
    workers: int
    claims: bool = True


class Usual:
    """How long each job takes, if need be by the median of its run or of all runs. `known` are the runs that one can
    speak of."""

    def __init__(self, jobs: Iterable[Work]) -> None:
        by_run: dict[int, list[float]] = {}
        for job in jobs:
            if job.expected_s is not None:
                by_run.setdefault(job.run_id, []).append(job.expected_s)
        self.known = {run_id: median(timed) for run_id, timed in by_run.items()}
        self._else = median([seconds for timed in by_run.values() for seconds in timed]) if by_run else 0.0

    def seconds(self, job: Work) -> float:
        return self.known.get(job.run_id, self._else) if job.expected_s is None else job.expected_s


class Play:
    """The queue, played forward. `starts` and `finishes` are seconds since the epoch, by job."""

    def __init__(self, outlook: Outlook, jobs: Mapping[int, Work], usual: Usual, now_s: float) -> None:
        self._outlook, self._jobs, self._usual, self._now = outlook, jobs, usual, now_s
        self.starts: dict[int, float] = {}
        self.finishes: dict[int, float] = {}
        self._unmet: dict[int, int] = {}
        self._dependents: dict[int, list[int]] = {}
        self._inner: dict[int, list[int]] = {}
        self._open: dict[int, int] = {}  # of a call: its jobs that have not ended
        self._turns = Turns()
        self._active: dict[tuple[int, str], int] = {}  # of a matrix with a limit
        self._gated: dict[tuple[int, str], deque[int]] = {}
        self._events: list[tuple[float, int, int]] = []  # when, what, job
        self._doomed: set[int] = set()
        self._busy = 0

    def play(self) -> "Play":
        self._lay_out()
        while True:
            self._claim()
            if not self._events:
                return self
            self._now = self._events[0][0]
            while self._events and self._events[0][0] <= self._now:
                _, kind, job_id = heapq.heappop(self._events)
                if kind == _DUE:
                    self._queue(self._jobs[job_id])
                else:
                    self._end(self._jobs[job_id], ran=kind == _END)

    def _lay_out(self) -> None:
        jobs, waiting = self._jobs, []
        for job in jobs.values():
            if job.status in JOB_FINAL:
                if job.finished_s is not None:
                    self.finishes[job.id] = job.finished_s
                continue
            if job.caller is not None:
                self._inner.setdefault(job.caller, []).append(job.id)
                self._open[job.caller] = self._open.get(job.caller, 0) + 1
            if job.doomed:
                self._doomed.add(job.id)
            if job.status == JobStatus.PENDING:
                unmet = [need for need in job.needs if need in jobs and jobs[need].status not in JOB_FINAL]
                for need in unmet:
                    self._dependents.setdefault(need, []).append(job.id)
                caller = jobs.get(job.caller) if job.caller is not None else None
                self._unmet[job.id] = len(unmet) + (caller is not None and caller.status in _NOT_BEGUN)
                waiting.append(job)
        for job in jobs.values():
            self._take_up(job)
        for job in waiting:
            if not self._unmet[job.id] and job.id not in self.finishes:
                self._arrive(job.id)

    def _take_up(self, job: Work) -> None:
        """Go on from what a job that is under way has come to."""
        if job.status == JobStatus.RUNNING and job.is_call:
            self.starts[job.id] = self._now if job.started_s is None else job.started_s
            if not self._open.get(job.id):
                heapq.heappush(self._events, (self._now, _END, job.id))
        elif job.status == JobStatus.RUNNING:
            started = self._now if job.started_s is None else job.started_s
            left = started + self._usual.seconds(job) - self._now
            soon = max(SOON_LEAST_S, SOON * (self._now - started))
            self._begin(job, started, self._now + (soon if left <= 0 or job.doomed else left))
        elif job.status == JobStatus.QUEUED:
            self._count(job, 1)
            self._queue(job)
        elif job.status == JobStatus.RETRYING and not job.held:
            self._count(job, 1)
            heapq.heappush(self._events, (max(self._now, job.due_s or 0.0), _DUE, job.id))

    def _arrive(self, job_id: int) -> None:
        """Have a job go where it goes once nothing that it needs is open."""
        job = self._jobs[job_id]
        if job.held:
            return
        if job_id in self._doomed:
            heapq.heappush(self._events, (self._now, _DROP, job_id))
        elif job.is_call:
            self._call(job)
        elif job.max_parallel and self._active.get((job.run_id, job.key), 0) >= job.max_parallel:
            self._gated.setdefault((job.run_id, job.key), deque()).append(job_id)
        else:
            self._count(job, 1)
            self._queue(job)

    def _call(self, job: Work) -> None:
        self.starts[job.id] = self._now
        if job.id not in self._inner:  # what it calls is not known yet
            heapq.heappush(self._events, (self._now + self._usual.seconds(job), _END, job.id))
        self._begin_called(job)

    def _begin_called(self, job: Work) -> None:
        """Let the jobs of the workflow that is called wait for nothing but their needs."""
        for one in self._inner.get(job.id, ()):
            if one in self._unmet:
                self._unmet[one] -= 1
                if not self._unmet[one]:
                    self._arrive(one)

    def _queue(self, job: Work) -> None:
        if job.id in self._doomed:
            self._count(job, -1)
            heapq.heappush(self._events, (self._now, _DROP, job.id))
        elif not job.held:
            self._turns.push(job.repo_id, (job.order, -job.path, job.id))

    def _claim(self) -> None:
        """Give free workers the first of what is queued, as Queue.claim does."""
        while self._outlook.claims and self._busy < self._outlook.workers:
            if (first := self._turns.pop()) is None:
                return
            job = self._jobs[first[1][2]]
            self._begin(job, self._now, self._now + self._usual.seconds(job), counted=True)

    def _begin(self, job: Work, start: float, end: float, counted: bool = False) -> None:
        self.starts[job.id] = start
        self._busy += 1
        self._turns.count(job.repo_id, 1)
        if not counted:
            self._count(job, 1)
        heapq.heappush(self._events, (end, _END, job.id))

    def _end(self, job: Work, ran: bool) -> None:
        if not ran:
            self._doomed.update(self._inner.get(job.id, ()))
        elif not job.is_call:
            self._busy -= 1
            self._turns.count(job.repo_id, -1)
            self._count(job, -1)
        self._settle(job.id)
        if not ran:
            self._begin_called(job)

    def _settle(self, job_id: int) -> None:
        """Note the end of a job, and let go on what waited for it."""
        ended = [job_id]
        while ended:
            one = ended.pop()
            if one in self.finishes:
                continue
            self.finishes[one] = self._now
            for dependent in self._dependents.get(one, ()):
                if one in self._doomed:
                    self._doomed.add(dependent)
                self._unmet[dependent] -= 1
                if not self._unmet[dependent]:
                    self._arrive(dependent)
            caller = self._jobs[one].caller
            if caller is not None and caller in self._open:
                self._open[caller] -= 1
                if not self._open[caller]:
                    ended.append(caller)

    def _count(self, job: Work, step: int) -> None:
        """Count a job of a matrix in, or out: then the next may come."""
        if job.max_parallel:
            matrix = (job.run_id, job.key)
            self._active[matrix] = self._active.get(matrix, 0) + step
            if step < 0 and self._gated.get(matrix):
                self._arrive(self._gated[matrix].popleft())
