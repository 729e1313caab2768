"""The watchdog's loop: ends in the store what no worker ended in time. The rules are in `engine/core/deadlines`."""

from datetime import datetime, timedelta

from engine.bus import Bus
from engine.core.clock import Clock
from engine.core.deadlines import LEASE_S, next_due, overdue
from engine.core.errors import LeaseLost
from engine.store.store import Store

ACTOR = "watchdog"


class Watchdog:
    def __init__(self, store: Store, bus: Bus, clock: Clock, grace_s: float) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock
        self._grace_s = grace_s

    def tick(self) -> None:
        """End every attempt that is late beyond its worker's own limits.

        No worker is silent that could not write: after such a time each has a whole lease to be heard.
        """
        late = overdue(self._store.queue.watched(), self._grace_s, self._clock.now())
        if self._unheard_s() > 0:
            late = [attempt for attempt in late if attempt.outcome.cause != "lost"]
        for attempt in late:
            try:
                self._store.queue.end_overdue(attempt.token, attempt.outcome, ACTOR, self._clock.now())
            except LeaseLost:
                continue  # its worker was quicker
        if late:
            self._bus.wake("schedule", "queue", "wishes", "news")

    def next_due(self) -> datetime | None:
        due = next_due(self._store.queue.watched(), self._grace_s)
        unheard_s = self._unheard_s()
        if due is None or unheard_s <= 0:
            return due
        return max(due, self._clock.now() + timedelta(seconds=min(unheard_s, 1.0)))

    def _unheard_s(self) -> float:
        """Return for how long yet a lease that has run out says nothing of its worker."""
        return self._store.database.stalled_at_s + LEASE_S - self._clock.monotonic_s()
