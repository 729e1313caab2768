"""Keeps a home from growing without end: once an hour, in small steps that keep nobody waiting."""

import logging
from datetime import datetime, timedelta
from itertools import chain

from engine.bus import Bus
from engine.control.aside import Aside
from engine.control.routine import Routine, give_way
from engine.core.clock import Clock
from engine.core.errors import GitError
from engine.git import upkeep
from engine.store.store import Store
from engine.store.sweep import Sweep

log = logging.getLogger(__name__)
EVERY = timedelta(hours=1)


class Upkeep(Routine):
    """Sweeps the store, and combines the packs of mirrors on a thread aside, one mirror after the other."""

    def __init__(self, store: Store, bus: Bus, clock: Clock) -> None:
        super().__init__("upkeep", store, bus, clock)
        self._sweep = Sweep(store.database)
        self._aside = Aside(store, most=1)
        self._due_at = clock.now()

    def turn(self) -> datetime | None:
        """Do all that has to be done, if it is time; return when it is next."""
        now = self._clock.now()
        if now < self._due_at:
            return self._due_at
        self._aside.go("mirrors", lambda: self._tidy_mirrors(now))
        sweep = self._sweep
        kinds = (sweep.events, sweep.letters, sweep.commits, sweep.durations, sweep.failures)
        self.in_steps(chain.from_iterable(kind(now) for kind in kinds))
        self._due_at = now + EVERY
        return self._due_at

    def _tidy_mirrors(self, now: datetime) -> None:
        """On a thread aside. Whoever stops leaves it behind: a kill in the middle does a mirror no harm."""
        give_way()
        for path in upkeep.mirrors(self._store.home / "repos"):
            if self._stopped.is_set():
                return
            try:
                upkeep.tidy(path, now)
            except GitError as error:
                log.warning("%s", error)
