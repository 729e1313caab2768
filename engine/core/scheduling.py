"""Decides what may run next: a snapshot and the time in, moves out. No clock, no store, no log.

A snapshot holds only what changed since it was last decided (jobs whose needs are all finished, retries that are
due, matrices that lost a member), so a run of 5,000 jobs costs O(edges) in all and an idle engine nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from engine.core.moves import GROUP, MATRIX_FULL, AskCancel, CloseCall, Expand, JobMove, Move, RunMove, Told, Wait
from engine.core.snapshot import Candidate, EndedCall, Gate, Group, GroupKey, Member, Snapshot
from engine.core.states import JobStatus, RunStatus, cause_of_end

NAMED = 5  # jobs in a reason


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
        return [Wait(job_id, MATRIX_FULL)]
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
        return moves if member.is_run else [*moves, Wait(member.id, GROUP + group.name)]
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
