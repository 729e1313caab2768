"""Notices that the machine's clock was set, or that the machine slept, and has what is due by it follow."""

import logging
from datetime import datetime, timedelta

from engine.bus import Bus
from engine.core.clock import Clock
from engine.store.store import Store

log = logging.getLogger(__name__)
LEAST = timedelta(seconds=2)  # less is a clock that is being slewed, or a busy machine


class ClockWatch:
    """Compares the clock that may be set with the one that is not, at each of the control plane's turns.

    No job that runs is lost for it, and each keeps the time that it has; no wait becomes longer.
    """

    def __init__(self, store: Store, bus: Bus, clock: Clock) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock
        self._now, self._steady_s = clock.now(), clock.monotonic_s()
        self._running = self._store.queue.watched()

    def tick(self) -> None:
        now, steady_s = self._clock.now(), self._clock.monotonic_s()
        jump = now - self._now - timedelta(seconds=steady_s - self._steady_s)
        if abs(jump) >= LEAST:
            ahead = "forward, or the machine slept," if jump > timedelta(0) else "back"
            log.warning("The clock was set %s by %.0f s: what is due by it follows.", ahead, abs(jump).total_seconds())
            self._store.clock_moves.follow(jump, self._running, now)
            self._bus.wake("inbox", "outbox")
        self._now, self._steady_s = now, steady_s
        self._running = self._store.queue.watched()

    def next_due(self) -> datetime | None:
        return None
