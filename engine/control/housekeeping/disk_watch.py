"""Says when the home's disk is nearly full, and has work go on by itself once there is room again. Frees nothing."""

import logging
from datetime import datetime, timedelta

from engine.bus import Bus
from engine.control.routine import Routine
from engine.core.clock import Clock
from engine.store.store import Store

log = logging.getLogger(__name__)
LOOK = timedelta(seconds=30)
LOOK_WHILE_SHORT = timedelta(seconds=2)


class DiskWatch(Routine):
    """One thread. That nothing is claimed or planned meanwhile is not its doing: queue and planner look themselves."""

    def __init__(self, store: Store, bus: Bus, clock: Clock) -> None:
        super().__init__("disk", store, bus, clock)
        self._was_short = False

    def turn(self) -> datetime | None:
        room = self._store.disk.look()
        if room.short and not self._was_short:
            log.warning("%s No job is started before there is room; see `treadle doctor`.", room.sentence)
        elif self._was_short and not room.short:
            log.info("There is room on the disk again: %s.", room.free)
        if self._was_short != room.short:
            self._bus.wake("queue", "inbox", "news")
        elif not room.short and self._store.queue.waiting():
            self._bus.wake("queue")  # a worker may have looked in a short moment that we did not see
        self._was_short = room.short
        return self._clock.now() + (LOOK_WHILE_SHORT if room.short else LOOK)
