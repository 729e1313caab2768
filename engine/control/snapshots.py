"""Takes snapshots when they are due, and lets the old ones go: `retention.snapshots` says how many of each age."""

import logging
import os
import sys
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from engine.bus import Bus
from engine.control.routine import Routine
from engine.core.clock import Clock
from engine.core.errors import EngineError
from engine.settings import SnapshotRetention
from engine.settings_live import LiveSettings
from engine.store.snapshots import DAILY, HAND, HOURLY, WEEKLY, Snapshot, Snapshots
from engine.store.store import Store

log = logging.getLogger(__name__)
NICE = 15
PERIODS = ((HOURLY, timedelta(hours=1)), (DAILY, timedelta(days=1)), (WEEKLY, timedelta(days=7)))
EARLY = timedelta(minutes=1)  # hourly ones stay in step although each takes a moment
AGAIN = timedelta(minutes=10)  # after one that could not be taken
NEVER = datetime.min.replace(tzinfo=UTC)


def next_due(snapshots: Sequence[Snapshot], rules: SnapshotRetention) -> tuple[str, datetime | None] | None:
    """Return which kind is due next and when (None: now); None when none is to be kept.

    A daily one is the hourly one of its time, too, and a weekly one both: of what is due at once, the rarest is made.
    """
    due: list[tuple[str, datetime]] = []
    for at, (kind, period) in enumerate(PERIODS):
        if getattr(rules, kind):
            serve = [other for other, _ in PERIODS[at:]]
            last = max((one.created_at for one in snapshots if one.kind in serve), default=NEVER)
            due.append((kind, last + period - EARLY if last > NEVER else NEVER))
    if not due:
        return None
    first = min(at for _, at in due)
    kind = [kind for kind, at in due if at <= first + 2 * EARLY][-1]
    return kind, None if first == NEVER else first


def thinned(snapshots: Sequence[Snapshot], rules: SnapshotRetention) -> list[Snapshot]:
    """Return those that are to go: all but the newest of each of the last hours, days and weeks that have one.

    Hours, days and weeks are of UTC. One that a person made stays until a person removes it, and counts for nothing.
    """
    made = sorted((one for one in snapshots if one.kind != HAND), key=lambda one: one.created_at, reverse=True)
    kept: set[str] = set()
    for kind, form in ((HOURLY, "%Y-%m-%d %H"), (DAILY, "%Y-%m-%d"), (WEEKLY, "%G-%V")):
        newest: dict[str, Snapshot] = {}
        for one in made:
            newest.setdefault(one.created_at.strftime(form), one)
        kept.update(one.id for one in list(newest.values())[: getattr(rules, kind)])
    return [one for one in made if one.id not in kept]


def prune(snapshots: Snapshots, rules: SnapshotRetention) -> list[Snapshot]:
    """Let go what `rules` do not keep; return what went. The disk has it back after the next sweep."""
    gone = thinned(snapshots.list(), rules)
    for snapshot in gone:
        snapshots.remove(snapshot)
    return gone


class SnapshotRoutine(Routine):
    """One thread of low priority. It does not look at the database at all while nobody has written to it."""

    def __init__(self, store: Store, settings: LiveSettings, bus: Bus, clock: Clock, snapshots: Snapshots) -> None:
        super().__init__("snapshots", store, bus, clock, "settings")
        self._settings = settings
        self._snapshots = snapshots
        self._seen: tuple[int, Snapshot] | None = None
        self._not_before = clock.now()

    def turn(self) -> datetime | None:
        """Take the snapshot that is due, if one is; return when the next one is."""
        rules, now = self._settings.now.retention.snapshots, self._clock.now()
        due = next_due(self._snapshots.list(), rules)
        if due is None:
            return None
        kind, at = due
        if (wait := max(at or now, self._not_before)) > now:
            return wait
        self._be_nice()
        try:
            self._take(kind, now)
        except (EngineError, OSError) as error:
            log.error("No snapshot was taken: %s", error)
            self._not_before = now + AGAIN
            return self._not_before
        if gone := prune(self._snapshots, rules):
            log.info("Let %d snapshots go.", len(gone))
        due = next_due(self._snapshots.list(), rules)
        return due[1] if due else None

    def _take(self, kind: str, now: datetime) -> None:
        version = self._store.database.rows("PRAGMA data_version")[0][0]  # another one when another connection wrote
        unchanged = self._seen[1] if self._seen and self._seen[0] == version else None
        snapshot = self._snapshots.create(kind, now, config=self._settings.file, unchanged=unchanged)
        self._seen = (version, snapshot)
        log.info("Took snapshot %s (%s): %d new bytes.", snapshot.id, kind, snapshot.new_bytes)
        for name in snapshot.incomplete:
            log.warning("Snapshot %s: contents of %s are not on the disk.", snapshot.id, name)

    def _be_nice(self) -> None:
        if sys.platform == "linux":  # where a thread has a priority of its own
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
