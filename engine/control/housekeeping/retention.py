"""Has what is old enough go, hourly and when asked: in small steps, so that nobody who writes waits for long."""

import logging
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path

from engine.bus import Bus
from engine.control.routine import Routine
from engine.core.clock import Clock
from engine.settings.live import LiveSettings
from engine.settings.model import MIB
from engine.settings.model import Retention as Rules
from engine.store.contents.artifacts import Artifacts
from engine.store.contents.caches import Caches, caches_of
from engine.store.contents.gc import Collector, Roots, artifact_digests
from engine.store.copies.snapshots import Snapshots
from engine.store.retention import Going, Kind, Retention
from engine.store.store import Store

log = logging.getLogger(__name__)
EVERY = timedelta(hours=1)


class Pruning:
    """What goes from one home, and its going; `steps` may be left at any step, and is taken up by the next."""

    def __init__(self, store: Store, artifacts: Artifacts, caches: Caches, collector: Collector) -> None:
        self._caches = caches
        self._checkpoints = store.checkpoints
        self.retention = Retention(store.database, store.home, artifacts, store.definitions)
        self.collector = collector
        self.done: Counter[Kind] = Counter()
        self.freed_bytes = 0

    def __str__(self) -> str:
        counts = [f"{count} ({kind})" for kind, count in self.done.items()]
        return ", ".join([*counts, f"{self.freed_bytes / MIB:.1f} MiB of contents"])

    def going(self, rules: Rules, now: datetime) -> Iterator[Going]:
        return self.retention.going(rules, now)

    def steps(self, rules: Rules, now: datetime) -> Iterator[None]:
        """Take away what goes, then the contents that nothing refers to any more."""
        self.done.clear()
        self.freed_bytes = 0
        yield from self.retention.go_on()
        yield from self.retention.strays()
        for one in self.retention.going(rules, now):
            for number, step in enumerate(self.retention.take(one)):
                self.done[one.kind] += number == 0
                yield step
        yield from self.retention.texts()
        self._caches.trim(rules.caches_bytes)
        self._checkpoints.trim(rules.checkpoints_bytes)
        for freed in chain(self._caches.sweep(now), self._checkpoints.sweep(now), self.collector.steps(now)):
            self.freed_bytes += freed
            yield


class RetentionRoutine(Routine):
    """One thread. A step pauses so long that whoever waits for the store gets it first."""

    def __init__(self, store: Store, settings: LiveSettings, bus: Bus, clock: Clock, pruning: Pruning) -> None:
        super().__init__("retention", store, bus, clock, "prune")
        self._settings = settings
        self._pruning = pruning
        self._due_at = clock.now()

    def hurry(self) -> None:
        """Have the next turn now."""
        self._due_at = self._clock.now()
        self._bus.wake("prune")

    def turn(self) -> datetime | None:
        now = self._clock.now()
        if now < self._due_at:
            return self._due_at
        self._due_at = now + EVERY
        self.in_steps(self._pruning.steps(self._settings.now.retention, now))
        if self._pruning.done or self._pruning.freed_bytes:
            log.info("Retention took away %s.", self._pruning)
        return self._due_at


def pruning_of(store: Store, artifacts: Artifacts) -> Pruning:
    """Return the pruning of a home."""
    return Pruning(store, artifacts, caches_of(store.home), collector_of(store.home, artifacts))


def collector_of(home: Path, artifacts: Artifacts) -> Collector:
    """Return the collector of a home: everybody who refers to contents of its one store of them is named here."""
    roots: dict[str, Roots] = {
        "artifacts": lambda: artifact_digests(artifacts.folder),
        "snapshots": Snapshots(home, artifacts.blobs).digests,
    }
    return Collector(artifacts.blobs, roots)
