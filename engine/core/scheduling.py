"""Decides what may run next: a snapshot and the time in, moves out. No clock, no store, no log.

A snapshot holds only what changed since it was last decided (jobs whose needs are all finished, retries that are
due, matrices that lost a member), so a run of 5,000 jobs costs O(edges) in all and an idle engine nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import field, replace
from datetime import datetime
from typing import Any, TypeAlias

from engine.core.states import JobStatus, RunStatus, cause_of_end, result_word
from pipelines.records import dataclass

# A job's order in the queue is one number of seconds, smaller first: when its run was created, put forward for each
# point of priority and put back for each job of its repository that is running. Time alone makes everybody's turn
# come, so nothing starves; among jobs of one run and priority the longest remaining path goes first, in seconds as
# their last green attempts took: see engine/core/paths.py.
PRIORITY_S = 60.0
RUNNING_JOB_S = 30.0

MATRIX_FULL = "matrix"
GROUP = "group:"
NAMED = 5  # jobs in a reason


@dataclass(frozen=True, slots=True)
class Need:
    """A finished job that another one waited for."""

    key: str
    status: JobStatus
    tolerated: bool
    outputs: Mapping[str, str]

    @property
    def result(self) -> str:
        return "success" if self.tolerated else result_word(self.status)


Condition: TypeAlias = Callable[[Mapping[str, Any], Mapping[str, Callable[..., Any]]], bool]


@dataclass(frozen=True, slots=True)
class Group:
    """A concurrency group as one job or run asks for it: `limit` hold it at once; of those that wait, only the newest
    stays (GitHub's rule) unless `queue_all` keeps them all, in order. Each repository has groups of its own."""

    name: str
    cancel_in_progress: bool = False
    queue_all: bool = False
    limit: int = 1
    repo_id: int = 0

    @property
    def key(self) -> "GroupKey":
        return self.repo_id, self.name


GroupKey: TypeAlias = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pending job whose needs are all finished.

    `condition` evaluates its `if:` (None: there is none) on `contexts` plus the status functions that are passed in;
    it may raise ValueError with a sentence. `open` says that its needs have still to settle its matrix, name or group.
    `active_siblings` counts the queued, running and retrying jobs of its matrix. `is_call`: it calls a workflow, and
    needs no worker; `callers` are the jobs that call the workflows that it is of. `gate` is its environment's.
    """

    job_id: int
    run_id: int
    run_cancelled: bool
    ancestry_ok: bool
    ancestry_failed: bool
    condition: Condition | None
    contexts: Mapping[str, Any]
    open: bool = False
    matrix: str = ""
    active_siblings: int = 0
    max_parallel: int | None = None
    group: Group | None = None
    is_call: bool = False
    callers: tuple[int, ...] = ()
    gate: "Gate | None" = None


@dataclass(frozen=True, slots=True)
class Gate:
    """The environment of a candidate that may not just enter it: `refused` says why never, else a person is asked."""

    environment: str
    refused: str = ""


@dataclass(frozen=True, slots=True)
class EndedCall:
    """A job that calls a workflow, all of whose jobs are over. `outputs` is None, with a `problem`, when the workflow's
    outputs cannot be worked out; `failed` names the jobs that broke it."""

    job_id: int
    ended: tuple[JobStatus, ...]
    failed: tuple[str, ...]
    cancel_asked: bool
    reason: str
    outputs: Mapping[str, str] | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """A job in a concurrency group, or in a matrix that fails fast. `is_run` marks a whole run in a group.

    `reason` is why it was cancelled, if a person or a group asked for this one alone.
    """

    id: int
    status: JobStatus | RunStatus
    is_run: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class FailedMatrix:
    """Members that failed for good in a matrix that fails fast, and their siblings that are not finished."""

    failed: tuple[int, ...]
    siblings: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What there is to decide now.

    `groups` holds, for each concurrency group that a candidate or waiting run asks for, the members that hold it or
    wait in it. `failed_matrices` are those whose siblings have not been told yet. `cancelled` are the unfinished jobs
    of runs that a person cancelled, and jobs cancelled one by one. `sequence` is that of the last transition before
    anything else was read.
    """

    candidates: tuple[Candidate, ...] = ()
    due: tuple[int, ...] = ()
    failed_matrices: tuple[FailedMatrix, ...] = ()
    cancelled: tuple[Member, ...] = ()
    waiting_runs: tuple[tuple[Member, Group], ...] = ()
    groups: Mapping[GroupKey, tuple[Member, ...]] = field(default_factory=dict)
    sequence: int = 0
    ended_calls: tuple[EndedCall, ...] = ()


@dataclass(frozen=True, slots=True)
class JobMove:
    """Change a job that is still `expected` by `cause`."""

    job_id: int
    expected: JobStatus
    cause: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RunMove:
    run_id: int
    expected: RunStatus
    cause: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """Leave a pending job until what it waits for is free; `waits_for` is MATRIX_FULL or GROUP + name.

    Holds only if nothing has ended since the snapshot was read: what would set the job free might be past.
    """

    job_id: int
    waits_for: str


@dataclass(frozen=True, slots=True)
class Expand:
    """Settle a job's matrix, name or group, now that what they depend on is known."""

    job_id: int


@dataclass(frozen=True, slots=True)
class CloseCall:
    """End a job that called a workflow, unless some of that is to run again."""

    job_id: int
    cause: str
    reason: str
    outputs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AskCancel:
    """Wish that a running job, or a whole run, ends."""

    id: int
    is_run: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Told:
    """Note that the siblings of a failed matrix member know of it; what is retried later is not theirs to end."""

    job_id: int


Move: TypeAlias = JobMove | RunMove | Hold | Expand | CloseCall | AskCancel | Told


def decide(snapshot: Snapshot) -> list[Move]:
    """Return the moves that the snapshot asks for, in the order to apply them."""
    moves: list[Move] = []
    for member in snapshot.cancelled:
        moves += _end(member, member.reason or "the run was cancelled")
    for matrix in snapshot.failed_matrices:
        for member in matrix.siblings:
            moves += _end(member, "another job of the matrix failed")
        moves += [Told(job_id) for job_id in matrix.failed]
    moves += map(_close, snapshot.ended_calls)
    groups = {key: list(members) for key, members in snapshot.groups.items()}
    for run, group in snapshot.waiting_runs:
        moves += _enter_group(run, group, groups)
    doomed = {move.job_id for move in moves if isinstance(move, JobMove)}
    taken: dict[tuple[int, str], int] = {}
    for candidate in snapshot.candidates:
        if candidate.job_id not in doomed:
            moves += _consider(candidate, groups, taken)
    moves += [JobMove(job_id, JobStatus.RETRYING, "due") for job_id in snapshot.due if job_id not in doomed]
    return moves


def status_functions(*, ok: bool, failed: bool, cancelled: bool) -> dict[str, Callable[..., bool]]:
    """Return the four functions that an `if:` may ask about the state so far."""
    return {
        "success": lambda *_: ok and not cancelled,
        "failure": lambda *_: failed and not cancelled,
        "cancelled": lambda *_: cancelled,
        "always": lambda *_: True,
    }


def order_s(created_at: datetime, priority: int) -> float:
    """Return a queued job's place on the scale of seconds described above, before fairness."""
    return created_at.timestamp() - priority * PRIORITY_S


def turn_s(order: float, running: int) -> float:
    """Return where that place is while its repository has so many jobs running: the smallest is claimed first."""
    return order + RUNNING_JOB_S * running


def _consider(
    candidate: Candidate, groups: dict[GroupKey, list[Member]], taken: dict[tuple[int, str], int]
) -> list[Move]:
    job_id = candidate.job_id
    verdict = _may_start(candidate)
    if verdict is not None:
        return [JobMove(job_id, JobStatus.PENDING, *verdict)]
    if candidate.open:
        return [Expand(job_id)]
    if candidate.gate is not None:
        return [_stopped(job_id, candidate.gate)]
    matrix = (candidate.run_id, candidate.matrix)
    active = candidate.active_siblings + taken.get(matrix, 0)
    if candidate.max_parallel is not None and active >= candidate.max_parallel:
        return [Hold(job_id, MATRIX_FULL)]
    start = "called" if candidate.is_call else "needs_met"
    moves: list[Move] = [JobMove(job_id, JobStatus.PENDING, start)]
    if candidate.group is not None:
        if (holder := _waits_for_itself(candidate, candidate.group, groups)) is not None:
            reason = f"{holder} holds the concurrency group {candidate.group.name!r}: it would wait for ever"
            return [JobMove(job_id, JobStatus.PENDING, "cancelled", reason)]
        moves = _enter_group(Member(job_id, JobStatus.PENDING), candidate.group, groups, start)
    if moves and isinstance(moves[-1], JobMove):
        taken[matrix] = taken.get(matrix, 0) + 1
    return moves


def _may_start(candidate: Candidate) -> tuple[str, str] | None:
    """Return None if the job may start, else the cause and reason that end it."""
    functions = status_functions(
        ok=candidate.ancestry_ok, failed=candidate.ancestry_failed, cancelled=candidate.run_cancelled
    )
    if candidate.condition is None:
        runs = functions["success"]()
    else:
        try:
            runs = candidate.condition(candidate.contexts, functions)
        except ValueError as error:
            return "condition_broken", str(error)
    if runs:
        return None
    if candidate.run_cancelled:
        return "cancelled", "the run was cancelled"
    if candidate.condition is None or not candidate.ancestry_ok:
        return "needs_failed", "a job that it needs did not succeed"
    return "condition_false", "its condition is false"


def _stopped(job_id: int, gate: Gate) -> JobMove:
    if gate.refused:
        return JobMove(job_id, JobStatus.PENDING, "refused", gate.refused)
    reason = f"the environment {gate.environment} waits for approval: treadle approve j{job_id}"
    return JobMove(job_id, JobStatus.PENDING, "approval_needed", reason)


def _close(call: EndedCall) -> CloseCall:
    """Return how a job ends whose called workflow is over: as that did."""
    cause = cause_of_end(call.ended, cancel_asked=call.cancel_asked)
    if cause == "succeeded" and call.outputs is None:
        return CloseCall(call.job_id, "gave_up", call.problem, {})
    outputs = call.outputs or {}
    if cause != "failed":
        return CloseCall(call.job_id, cause, call.reason if cause == "cancelled" else "", outputs)
    names = ", ".join(call.failed[:NAMED]) + (" and others" if len(call.failed) > NAMED else "")
    return CloseCall(call.job_id, "gave_up", f"{names} failed", outputs)


def _enter_group(
    member: Member, group: Group, groups: dict[GroupKey, list[Member]], start: str = "needs_met"
) -> list[Move]:
    """Let a member into its group if there is room, else have it wait; a newer one takes the waiting place.

    The last move is the one that lets the member in, or holds it; of a run that waits there is none.
    """
    others = [o for o in groups.get(group.key, ()) if (o.is_run, o.id) != (member.is_run, member.id)]
    moves: list[Move] = []
    if not group.queue_all:
        older = [o for o in others if not _holds(o) and o.is_run == member.is_run and o.id < member.id]
        for other in older:
            moves += _end(other, f"a newer one waits in the concurrency group {group.name!r}")
        others = [other for other in others if other not in older]
    holders = [other for other in others if _holds(other)]
    if len(holders) >= group.limit and group.cancel_in_progress:
        for holder in holders:
            moves += _end(holder, f"superseded in the concurrency group {group.name!r}")
    if len(holders) >= group.limit:
        groups[group.key] = [*others, member]
        return moves if member.is_run else [*moves, Hold(member.id, GROUP + group.name)]
    if member.is_run:
        groups[group.key] = [*others, replace(member, status=RunStatus.QUEUED)]
        return [*moves, RunMove(member.id, RunStatus.PENDING, "group_free")]
    groups[group.key] = [*others, replace(member, status=JobStatus.QUEUED)]
    return [*moves, JobMove(member.id, JobStatus.PENDING, start)]


def _holds(member: Member) -> bool:
    return member.status not in (JobStatus.PENDING, RunStatus.PENDING)


def _waits_for_itself(candidate: Candidate, group: Group, groups: Mapping[GroupKey, list[Member]]) -> str | None:
    """Return what would wait for a job that waits for it, if there is such: its run, or a job that calls it.

    GitHub ends such a job likewise.
    """
    holders = [member for member in groups.get(group.key, ()) if _holds(member)]
    if len(holders) < group.limit:
        return None
    if any(holder.is_run and holder.id == candidate.run_id for holder in holders):
        return "its own run"
    called = any(not holder.is_run and holder.id in candidate.callers for holder in holders)
    return "a job that calls it" if called else None


def _end(member: Member, reason: str) -> list[Move]:
    """Cancel what has not started, ask what runs to end."""
    if member.is_run:
        return [AskCancel(member.id, True, reason)]
    if member.status == JobStatus.RUNNING:
        return [AskCancel(member.id, False, reason)]
    return [JobMove(member.id, JobStatus(member.status), "cancelled", reason)]
