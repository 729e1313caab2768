"""Keeps held boxes to their time and to the memory that they may use: one thread that sleeps while nothing is held."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Protocol

from engine.bus import Bus
from engine.control.routine import Routine
from engine.core.clock import Clock
from engine.core.errors import EngineError
from engine.core.holding import over_budget
from engine.settings.live import LiveSettings
from engine.store.mending.holds import Hold
from engine.store.store import Store

log = logging.getLogger(__name__)
LOOK = timedelta(seconds=60)


class Boxes(Protocol):
    """The data plane's part: see engine/worker/mending/held_boxes.py. Both raise EngineError while nobody answers."""

    def memory_bytes(self, hold: Hold) -> int | None:
        """Return what a held box and all beside it use now, None when it is gone."""

    def remove(self, hold: Hold) -> None:
        """Take away a held box with all that belongs to it."""


class HoldKeeper(Routine):
    """Takes boxes away that are past their time, were let go, or use too much together, the oldest first.

    One that its job is about to go on in stays whatever happens.
    """

    def __init__(self, store: Store, bus: Bus, clock: Clock, settings: LiveSettings, boxes: Boxes) -> None:
        super().__init__("holds", store, bus, clock, "holds")
        self._settings = settings
        self._boxes = boxes

    def turn(self) -> datetime | None:
        now = self._clock.now()
        found = self._store.holds.all()
        if not found:
            return None
        held = [hold for hold in found if not hold.wanted]
        for hold in held:
            if hold.until <= now:
                self._remove(hold)
        staying = [hold for hold in held if hold.until > now]
        used = self._measure(staying)
        for hold in over_budget([hold for hold in staying if hold.job_id in used], used, self._budget):
            log.info("The box of job %d goes: held boxes use more than hold.memory.", hold.job_id)
            self._remove(hold)
        return min([now + LOOK, *(hold.until for hold in staying)])

    @property
    def _budget(self) -> int:
        return self._settings.now.hold.memory_bytes

    def _measure(self, held: list[Hold]) -> dict[int, int]:
        """Note what each box uses, and forget those that are gone."""
        used: dict[int, int] = {}
        for hold in held:
            try:
                memory = self._boxes.memory_bytes(hold)
            except EngineError as error:
                log.warning("Nobody tells what the box of job %d uses: %s", hold.job_id, error)
                continue
            if memory is None:
                self._remove(hold)
            else:
                used[hold.job_id] = memory
        self._note(used)
        return used

    def _note(self, used: Mapping[int, int]) -> None:
        if used:
            self._store.holds.measured(used)

    def _remove(self, hold: Hold) -> None:
        """Forget a hold, unless its job goes on in it by now, and then take its box away."""
        if not self._store.holds.end(hold):
            return
        try:
            self._boxes.remove(hold)
        except EngineError as error:
            log.warning("The box of job %d is left behind, the next start removes it: %s", hold.job_id, error)
