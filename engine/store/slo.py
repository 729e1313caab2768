"""What the store knows of the promises of `slo:`, by index ranges over the window alone; and how fresh that must be."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from peewee import JOIN, fn

from engine.core.slo import CODE, WINDOWS, Measured, SloReport, Window, blame, window
from engine.core.states import JOB_BROKEN, JobStatus, RunStatus
from engine.settings.model import Slo
from engine.store import greens
from engine.store.tables.columns import DATABASE
from engine.store.tables.events import EventRow
from engine.store.tables.runs import AttemptRow, JobRow, RunRow, TransitionRow

LONGEST_KEPT_S = 30.0
SHORTEST_KEPT_S = 2.0


class SloReporter:
    """Answers from memory what it worked out a moment ago, as long as that is fresh. Any thread."""

    def __init__(self, targets: Callable[[], Slo]) -> None:
        self._targets = targets
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[datetime, Window]] = {}

    def report(self, now: datetime) -> SloReport:
        slo = self._targets()
        with self._lock:  # one works it out, the others wait for that
            windows = tuple(self._window(name, length_s, now) for name, length_s in WINDOWS.items())
        return SloReport(now, slo.trigger_s, slo.completion, windows)

    def _window(self, name: str, length_s: float, now: datetime) -> Window:
        kept = self._kept.get(name)
        if kept is None or not 0 <= (now - kept[0]).total_seconds() < fresh_s(name):
            measured = measure(now - timedelta(seconds=length_s))
            kept = self._kept[name] = now, window(name, measured, self._targets().trigger_s)
        return kept[1]


def fresh_s(window: str) -> float:
    """Return how long what was worked out of a window may be told again: a thousandth of it, 2 to 30 s."""
    return min(max(WINDOWS[window] / 1000, SHORTEST_KEPT_S), LONGEST_KEPT_S)


def slo_report(targets: Slo, now: datetime) -> SloReport:
    """Return how well the promises were kept up to `now`, in the store that is open, worked out afresh."""
    return SloReporter(lambda: targets).report(now)


def measure(since: datetime) -> Measured:
    """Return what happened since then, of the store that is open in this process."""
    succeeded, failed = _ends(since)
    return Measured([seconds for _, seconds in triggers(since)], _waits_s(since), succeeded, failed)


def triggers(since: datetime) -> list[tuple[float, float]]:
    """For each event whose first job started since then: when that was, in seconds since the epoch, and how many
    seconds after its acceptance.

    Events that waited for a person's approval, and bisections, say nothing of the machine and are left out.
    """
    every, said = RunRow.alias(), TransitionRow.alias()
    first_at = every.select(fn.MIN(every.started_at)).where(every.event_id == RunRow.event_id)
    born = said.select(said.to_status).where(said.run_id == RunRow.id).order_by(said.sequence).limit(1)
    query: Any = (
        RunRow.select(RunRow.event_id, RunRow.started_at, RunRow.started_at - EventRow.received_at)
        .join(EventRow, on=(EventRow.id == RunRow.event_id))
        .where((RunRow.started_at >= since) & (RunRow.started_at == first_at) & (born != RunStatus.BLOCKED))
        .where(~greens.bisects(RunRow.id))
    )
    rows = DATABASE.execute(query)  # the cursor's own rows: there may be a hundred thousand
    by_event = {event: (at_s, max(0.0, seconds)) for event, at_s, seconds in rows}
    return list(by_event.values())  # two runs may start at the same instant


def _waits_s(since: datetime) -> list[float]:
    waited = (AttemptRow.started_at - AttemptRow.queued_at).coerce(False)
    trials = JobRow.select(JobRow.id).where(greens.bisects(JobRow.run_id))
    began = (AttemptRow.started_at >= since) & AttemptRow.queued_at.is_null(False)
    query: Any = AttemptRow.select(waited).where(began & AttemptRow.job_id.not_in(trials))
    return [max(0.0, seconds) for (seconds,) in DATABASE.execute(query)]


def _ends(since: datetime) -> tuple[int, dict[str, int]]:
    """Return how many jobs have ended in success since then, and how many have not, by whom to blame.

    One that was patched by hand has not: its own code failed. The jobs of bisections count neither way.
    """
    ended = (JobRow.finished_at >= since) & (JobRow.is_call == 0) & ~greens.bisects(JobRow.run_id)
    good = ended & (JobRow.status == JobStatus.SUCCESS)
    succeeded = JobRow.select().where(good & ~greens.is_patched()).count()
    patched = JobRow.select().where(good & greens.is_patched()).count()
    last = (AttemptRow.job_id == JobRow.id) & (AttemptRow.number == JobRow.attempts)
    broken: Any = (
        JobRow.select(fn.COALESCE(AttemptRow.kind, ""), fn.COUNT(JobRow.id))
        .join(AttemptRow, JOIN.LEFT_OUTER, on=last)
        .where(ended & JobRow.status.in_(list(JOB_BROKEN)) & ~JobRow.tolerated)
        .group_by(AttemptRow.kind)
    )
    failed = {CODE: patched} if patched else {}
    for kind, count in broken.tuples():
        failed[blame(kind)] = failed.get(blame(kind), 0) + count
    return int(succeeded), failed
