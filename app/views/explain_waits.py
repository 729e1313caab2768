"""What a job waits for, since when, and what it has waited for before: read off its changes and those of its run."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from app.shapes import instant
from app.views.explain_plan import Told
from engine.core.clock import rfc3339
from engine.core.moves import GROUP
from engine.core.records import Job, Run, Transition
from engine.core.states import JobStatus, RunStatus
from engine.core.waiting import Cause, Paused, Room, Waiting, listed, why
from engine.store import explain
from engine.store.explain import Standing
from pipelines.records import dataclass

SHORTEST_S = 0.05  # below that nobody has waited


@dataclass(frozen=True, slots=True)
class Past:
    """A job with what happened to it and to its run, and the jobs that it needs."""

    job: Job
    run: Run
    changes: Sequence[Transition]
    run_changes: Sequence[Transition]
    needs: Sequence[Job]

    @property
    def entered_at(self) -> datetime:
        """When it came into its status."""
        return self.changes[-1].at if self.changes else self.job.created_at

    @property
    def needs_met_at(self) -> datetime | None:
        """When the last of its needs ended; None while one has not, and of a job without needs."""
        ends = [need.finished_at for need in self.needs]
        return max((at for at in ends if at), default=None) if all(ends) else None


def waits_now(
    one: Waiting | None, past: Past, standing: Standing, repo_id: int, paused: Paused | None, room: Room
) -> Told | None:
    """Return what a job waits for now, None for one that does not wait (`one`: as the queue tells it):

    {`cause` (see engine/core/waiting), `reason`, `since`, `until`, `place`, `needs` [{`job`, `name`, `status`,
    `since`}], `group`, `holders` [{`kind`, `id`, `run`, `number`, `name`, `since`}], `before` (those that wait for
    the group before it)}.
    """
    if one is None:
        return None
    reason = why(one, paused, room)
    told: Told = {
        "cause": str(reason.cause),
        "reason": reason.sentence,
        "since": rfc3339(_since(reason.cause, one, past, paused)),
        "until": instant(reason.until),
        "place": one.place,
        "needs": [_need(need) for need in past.needs if need.finished_at is None],
        "group": None,
        "holders": [],
        "before": 0,
    }
    if reason.cause is Cause.GROUP:
        group = past.run.concurrency_group if past.run.status == RunStatus.PENDING else standing.waits_for[len(GROUP) :]
        told |= group_now(repo_id, group or "", past.run.id if past.run.status == RunStatus.PENDING else past.job.id)
        told["reason"] += _held_by(told["holders"])
    return told


def group_now(repo_id: int, group: str, own: int) -> Told:
    """Return who holds a concurrency group, and how many wait for it before the run or job `own`."""
    found = [one for one in explain.in_group(repo_id, group) if one.id != own or not one.waits]
    holders = [
        {
            "kind": "run" if one.is_run else "job",
            "id": one.id,
            "run": one.run_id,
            "number": one.number,
            "name": one.name,
            "since": instant(one.since),
        }
        for one in found
        if not one.waits
    ]
    return {"group": group, "holders": holders, "before": sum(one.waits and one.id < own for one in found)}


def _held_by(holders: Sequence[Told]) -> str:
    names = [f"{one['kind']} {one['id']} ({one['name']} #{one['number']})" for one in holders]
    return f", held by {listed(names)}" if names else ""


def run_waits(run: Run, changes: Sequence[Transition], repo_id: int) -> Told | None:
    """Return what a whole run waits for, in the form of `waits_now`; None when it does not."""
    since = rfc3339(changes[-1].at if changes else run.created_at)
    told: Told = {"since": since, "until": None, "place": None, "needs": [], "group": None, "holders": [], "before": 0}
    if run.status == RunStatus.BLOCKED:
        return told | {"cause": str(Cause.APPROVAL), "reason": "waits for a person's approval"}
    if run.status != RunStatus.PENDING:
        return None
    told |= group_now(repo_id, run.concurrency_group or "", run.id)
    reason = f"waits for the concurrency group {run.concurrency_group!r}{_held_by(told['holders'])}"
    return told | {"cause": str(Cause.GROUP), "reason": reason}


def waited(past: Past) -> list[Told]:
    """Return what a job has waited for before, in order: [{`reason`, `from`, `to`, `seconds`}]."""
    found: list[Told] = []

    def add(reason: str, since: datetime, until: datetime) -> None:
        if (seconds := (until - since).total_seconds()) >= SHORTEST_S:
            found.append({"reason": reason, "from": rfc3339(since), "to": rfc3339(until), "seconds": round(seconds, 3)})

    for change, after in zip(past.changes, past.changes[1:], strict=False):
        match change.to_status:
            case JobStatus.PENDING:
                _add_pending(past, change.at, after.at, add)
            case JobStatus.BLOCKED:
                add(f"a person's approval of the environment ({after.reason or after.cause})", change.at, after.at)
            case JobStatus.QUEUED:
                add("a free worker", change.at, after.at)
            case JobStatus.RETRYING:
                add(f"its backoff after attempt {change.attempt}", change.at, after.at)
    return found


def _add_pending(past: Past, since: datetime, until: datetime, add: Any) -> None:
    """Tell the parts of a stay in `pending` from each other, as far as what was written down lets one."""
    for change, after in zip(past.run_changes, past.run_changes[1:], strict=False):
        if change.to_status in (RunStatus.PENDING, RunStatus.BLOCKED) and since < after.at <= until:
            waits = "its run's approval" if change.to_status == RunStatus.BLOCKED else "its run's concurrency group"
            add(waits, max(since, change.at), after.at)
            since = after.at
    ends = [(need.finished_at, need.name) for need in past.needs if need.finished_at and since < need.finished_at]
    if ends and (last := max(ends))[0] <= until:
        add(f"what it needs, the last of it {last[1]}", since, last[0])
        since = last[0]
    add("its place in a concurrency group or matrix, or the scheduler", since, until)


def _since(cause: Cause, one: Waiting, past: Past, paused: Paused | None) -> datetime:
    """Return since when a job waits for what it waits for now."""
    entered_at = past.entered_at
    run_at = past.run_changes[-1].at if past.run_changes else past.run.created_at
    match cause:
        case Cause.PAUSE if paused is not None:
            return max(one.job.queued_at or entered_at, paused.at)
        case Cause.WORKER | Cause.DISK:
            return one.job.queued_at or entered_at
        case Cause.APPROVAL | Cause.GROUP if past.run.status in (RunStatus.PENDING, RunStatus.BLOCKED):
            return max(run_at, entered_at)
        case Cause.GROUP | Cause.MATRIX | Cause.SCHEDULER:
            let_go = [c.at for c in past.run_changes if c.from_status in (RunStatus.PENDING, RunStatus.BLOCKED)]
            return max(entered_at, past.needs_met_at or entered_at, *let_go)
    return entered_at


def _need(need: Job) -> Told:
    since = need.started_at if need.status == JobStatus.RUNNING else need.queued_at
    return {"job": need.id, "name": need.name, "status": str(need.status), "since": instant(since or need.created_at)}
