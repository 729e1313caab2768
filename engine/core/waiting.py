"""Why a job does not run yet, told from what `decide` left behind: its status, and what holds it. Decides nothing."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum

from engine.core.moves import GROUP, MATRIX_FULL
from engine.core.records import Job, Run
from engine.core.states import JobStatus, RunStatus
from pipelines.records import dataclass

NAMED = 5  # things that a sentence names


class Cause(StrEnum):
    WORKER = "worker"  # it is queued: the next free worker takes the first
    DISK = "disk"  # there is too little room on the home's disk
    PAUSE = "pause"  # a person has paused the queue
    RETRY = "retry"  # its backoff has not ended
    NEEDS = "needs"  # jobs that it needs have not ended
    MATRIX = "matrix"  # as many of its matrix run as `max-parallel` allows
    GROUP = "group"  # its concurrency group, or its run's, is taken
    APPROVAL = "approval"  # its run waits for a person
    SCHEDULER = "scheduler"  # nothing holds it: the scheduler looks at it next


@dataclass(frozen=True, slots=True)
class Paused:
    """Nothing is claimed until a person resumes the queue. `by` is who paused it."""

    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Room:
    """The disk of the home. While less than `floor_bytes` is free nothing is claimed or planned."""

    free_bytes: int
    total_bytes: int
    floor_bytes: int

    @property
    def short(self) -> bool:
        return self.free_bytes < self.floor_bytes

    @property
    def free(self) -> str:
        """What is free and what has to be, in words."""
        return f"{self.free_bytes / (1 << 30):.1f} GiB free, floor {self.floor_bytes / (1 << 30):.1f} GiB"

    @property
    def sentence(self) -> str:
        return f"The disk is nearly full: {self.free}."


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job that neither runs nor has ended. `needs` are the names of those it needs that have not ended.

    `place` counts from 1 among the queued, in the order in which they would be claimed now.
    """

    job: Job
    run: Run
    waits_for: str = ""
    needs: tuple[str, ...] = ()
    place: int | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """`cause` for programs, `sentence` for people; `until` where the end of it is known."""

    cause: Cause
    sentence: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class QueueView:
    """The queue at one moment. `running` are jobs by their workers, `counts` the jobs by status that is no end."""

    paused: Paused | None
    waiting: tuple[Waiting, ...]
    running: Mapping[str, tuple[Job, Run, datetime]]
    counts: Mapping[str, int]
    room: Room


def why(one: Waiting, paused: Paused | None, room: Room | None = None) -> Reason:
    """Return why a job waits; `room` is that of the disk, if anybody looked."""
    job, run = one.job, one.run
    if job.status == JobStatus.QUEUED:
        if paused is not None:
            return Reason(Cause.PAUSE, f"the queue is paused, by {paused.by}")
        if room is not None and room.short:
            return Reason(Cause.DISK, f"the disk is nearly full: {room.free}")
        before = (one.place or 1) - 1
        if not before:
            return Reason(Cause.WORKER, "it is next: waits for a free worker")
        others = "1 job is" if before == 1 else f"{before} jobs are"
        return Reason(Cause.WORKER, f"waits for a free worker, {others} before it")
    if job.status == JobStatus.RETRYING:
        tried = f"tries again after attempt {job.attempts}" + (f" ({job.reason})" if job.reason else "")
        return Reason(Cause.RETRY, tried, job.next_attempt_at)
    if JobStatus.BLOCKED in (job.status, run.status):
        return Reason(Cause.APPROVAL, "its run waits for a person's approval")
    if run.status == RunStatus.PENDING:
        return Reason(Cause.GROUP, f"its run waits for the concurrency group {run.concurrency_group!r}")
    if one.needs:
        return Reason(Cause.NEEDS, f"needs {listed(one.needs)}")
    if one.waits_for == MATRIX_FULL:
        return Reason(Cause.MATRIX, "as many jobs of its matrix run as its max-parallel allows")
    if one.waits_for.startswith(GROUP):
        return Reason(Cause.GROUP, f"waits for the concurrency group {one.waits_for.removeprefix(GROUP)!r}")
    return Reason(Cause.SCHEDULER, "is being looked at")


def listed(names: Sequence[str]) -> str:
    """Return the first of some names, and how many more there are."""
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")
