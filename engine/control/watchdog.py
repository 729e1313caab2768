"""The watchdog's loop: ends in the store what no worker ended in time. The rules are in `engine/core/deadlines`."""

from datetime import datetime

from engine.bus import Bus
from engine.core.clock import Clock
from engine.core.deadlines import next_due, overdue
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
        """End every attempt that is late beyond its worker's own limits."""
        late = overdue(self._store.queue.watched(), self._grace_s, self._clock.now())
        for attempt in late:
            try:
                self._store.queue.end_overdue(attempt.token, attempt.outcome, ACTOR, self._clock.now())
            except LeaseLost:
                continue  # its worker was quicker
        if late:
            self._bus.wake("schedule", "queue", "wishes", "news")

    def next_due(self) -> datetime | None:
        return next_due(self._store.queue.watched(), self._grace_s)
