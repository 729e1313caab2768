"""The state machine, as data: one table per noun. `docs/states.md` is printed from here."""

from collections.abc import Collection
from enum import StrEnum

from engine.core.errors import IllegalTransition


class RunStatus(StrEnum):
    PENDING = "pending"  # waits for its concurrency group
    BLOCKED = "blocked"  # waits for a person
    QUEUED = "queued"  # planned, no job started yet
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"  # every job was skipped


class JobStatus(StrEnum):
    PENDING = "pending"  # its needs are not all finished, or its concurrency group is taken
    BLOCKED = "blocked"  # waits for a person
    QUEUED = "queued"
    RUNNING = "running"  # or, of one that calls a workflow: its jobs are not all finished
    RETRYING = "retrying"  # waits for next_attempt_at
    SUCCESS = "success"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


class AttemptStatus(StrEnum):
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    LOST = "lost"  # its engine or container went away; becomes a new attempt


class StepStatus(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


class BisectStatus(StrEnum):
    RUNNING = "running"
    FOUND = "found"
    FAILED = "failed"  # nothing more can be tried, or the failure comes and goes
    CANCELLED = "cancelled"


R, J, A, S, B = RunStatus, JobStatus, AttemptStatus, StepStatus, BisectStatus

RUN_TRANSITIONS: dict[tuple[RunStatus, str], RunStatus] = {
    (R.PENDING, "group_free"): R.QUEUED,
    (R.BLOCKED, "approved"): R.QUEUED,
    (R.BLOCKED, "approval_waits"): R.PENDING,  # an approved run takes its turn in the concurrency group
    (R.QUEUED, "started"): R.RUNNING,
    (R.QUEUED, "succeeded"): R.SUCCESS,
    (R.QUEUED, "failed"): R.FAILED,
    (R.QUEUED, "nothing_ran"): R.SKIPPED,
    (R.RUNNING, "succeeded"): R.SUCCESS,
    (R.RUNNING, "failed"): R.FAILED,
    (R.RUNNING, "nothing_ran"): R.SKIPPED,
    (R.SUCCESS, "retry_asked"): R.RUNNING,
    (R.FAILED, "retry_asked"): R.RUNNING,
    (R.CANCELLED, "retry_asked"): R.RUNNING,
    (R.SKIPPED, "retry_asked"): R.RUNNING,
    (R.SUCCESS, "retry_waits"): R.PENDING,  # a retry takes its turn in the concurrency group, as the run did
    (R.FAILED, "retry_waits"): R.PENDING,
    (R.CANCELLED, "retry_waits"): R.PENDING,
    (R.SKIPPED, "retry_waits"): R.PENDING,
} | {(s, "cancelled"): R.CANCELLED for s in (R.PENDING, R.BLOCKED, R.QUEUED, R.RUNNING)}

JOB_TRANSITIONS: dict[tuple[JobStatus, str], JobStatus] = {
    (J.BLOCKED, "approved"): J.PENDING,
    (J.PENDING, "needs_met"): J.QUEUED,
    (J.PENDING, "needs_failed"): J.SKIPPED,
    (J.PENDING, "condition_false"): J.SKIPPED,
    (J.PENDING, "condition_broken"): J.FAILED,
    (J.PENDING, "called"): J.RUNNING,  # a job that calls a workflow runs while the jobs of that do
    (J.PENDING, "not_called"): J.SKIPPED,  # the job that would have called it was skipped or broken
    (J.PENDING, "approval_needed"): J.BLOCKED,  # its environment waits for a person
    (J.PENDING, "refused"): J.FAILED,  # its environment takes no jobs of this branch
    (J.QUEUED, "claimed"): J.RUNNING,
    (J.RUNNING, "succeeded"): J.SUCCESS,
    (J.RUNNING, "gave_up"): J.FAILED,
    (J.RUNNING, "overran"): J.TIMED_OUT,
    (J.RUNNING, "will_retry"): J.RETRYING,
    (J.RUNNING, "lost"): J.QUEUED,
    (J.RUNNING, "nothing_ran"): J.SKIPPED,  # all jobs of the workflow that it calls were skipped
    (J.RETRYING, "due"): J.QUEUED,
    (J.SUCCESS, "retry_asked"): J.PENDING,
    (J.FAILED, "retry_asked"): J.PENDING,
    (J.TIMED_OUT, "retry_asked"): J.PENDING,
    (J.CANCELLED, "retry_asked"): J.PENDING,
    (J.SKIPPED, "retry_asked"): J.PENDING,
    (J.SKIPPED, "need_retried"): J.PENDING,
} | {(s, "cancelled"): J.CANCELLED for s in (J.PENDING, J.BLOCKED, J.QUEUED, J.RUNNING, J.RETRYING)}

ATTEMPT_TRANSITIONS: dict[tuple[AttemptStatus, str], AttemptStatus] = {
    (A.RUNNING, "succeeded"): A.SUCCESS,
    (A.RUNNING, "failed"): A.FAILED,
    (A.RUNNING, "overran"): A.TIMED_OUT,
    (A.RUNNING, "cancelled"): A.CANCELLED,
    (A.RUNNING, "lost"): A.LOST,
}

STEP_TRANSITIONS: dict[tuple[StepStatus, str], StepStatus] = {
    (S.PENDING, "started"): S.RUNNING,
    (S.PENDING, "condition_false"): S.SKIPPED,
    (S.PENDING, "kept"): S.SUCCESS,  # it ran in an earlier attempt, on which this one goes on
    (S.PENDING, "failed"): S.FAILED,
    (S.PENDING, "cancelled"): S.CANCELLED,
    (S.RUNNING, "succeeded"): S.SUCCESS,
    (S.RUNNING, "failed"): S.FAILED,
    (S.RUNNING, "overran"): S.TIMED_OUT,
    (S.RUNNING, "cancelled"): S.CANCELLED,
}

BISECT_TRANSITIONS: dict[tuple[BisectStatus, str], BisectStatus] = {
    (B.RUNNING, "tried"): B.RUNNING,  # a commit begins to be tried, or what it is has come out
    (B.RUNNING, "found"): B.FOUND,
    (B.RUNNING, "gave_up"): B.FAILED,
    (B.RUNNING, "cancelled"): B.CANCELLED,
}

TABLES = {
    "run": RUN_TRANSITIONS, "job": JOB_TRANSITIONS, "attempt": ATTEMPT_TRANSITIONS, "step": STEP_TRANSITIONS,
    "bisect": BISECT_TRANSITIONS,
}  # fmt: skip

RUN_FINAL = frozenset({R.SUCCESS, R.FAILED, R.CANCELLED, R.SKIPPED})
JOB_FINAL = frozenset({J.SUCCESS, J.FAILED, J.TIMED_OUT, J.CANCELLED, J.SKIPPED})
JOB_ACTIVE = frozenset({J.QUEUED, J.RUNNING, J.RETRYING})
JOB_BROKEN = frozenset({J.FAILED, J.TIMED_OUT})
STEP_BROKEN = frozenset({S.FAILED, S.TIMED_OUT})


def cause_of_end(ended: Collection[JobStatus], *, cancel_asked: bool) -> str:
    """Return what ends a run, or a job that calls a workflow, whose jobs came to `ended` (tolerated ones: SUCCESS)."""
    broken = not JOB_BROKEN.isdisjoint(ended)
    if J.CANCELLED in ended and (cancel_asked or not broken):
        return "cancelled"
    if broken:
        return "failed"
    return "nothing_ran" if set(ended) == {J.SKIPPED} else "succeeded"


def next_status(noun: str, status: str, cause: str) -> str:
    """Return the status that `cause` leads a `noun` of `TABLES` to. Raises IllegalTransition."""
    table: dict[tuple[str, str], str] = TABLES[noun]  # type: ignore[assignment]
    try:
        return str(table[(status, cause)])
    except KeyError:
        raise IllegalTransition(f"A {noun} that is {status} cannot become anything by {cause!r}.") from None


def result_word(status: str) -> str:
    """Return how GitHub's contexts (`needs.*.result`, `steps.*.outcome`, `job.status`) spell a status."""
    return "failure" if status in JOB_BROKEN else status
