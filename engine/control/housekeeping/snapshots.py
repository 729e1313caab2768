"""Takes snapshots when they are due, and lets the old ones go: `retention.snapshots` says how many of each age."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from engine.bus import Bus
from engine.control.routine import Routine, give_way
from engine.core.clock import Clock
from engine.core.errors import EngineError
from engine.settings.live import LiveSettings
from engine.settings.model import SnapshotRetention
from engine.store.copies.snapshots import HAND, SCHEDULE, Snapshot, Snapshots
from engine.store.store import Store

log = logging.getLogger(__name__)
PERIODS = (("hourly", timedelta(hours=1)), ("daily", timedelta(days=1)), ("weekly", timedelta(days=7)))
FORMS = {"hourly": "%Y-%m-%d %H", "daily": "%Y-%m-%d", "weekly": "%G-%V"}  # what those of one period have in common
EARLY = timedelta(minutes=1)  # so that each hour has its own although taking one takes a moment
AGAIN = timedelta(minutes=10)  # after one that could not be taken


def due_at(snapshots: Sequence[Snapshot], rules: SnapshotRetention, now: datetime) -> datetime | None:
    """Return when the next one is due; None when none is to be kept.

    The shortest time of which any are kept has one each: it is the day's and the week's as well.
    """
    period = next((period for name, period in PERIODS if getattr(rules, name)), None)
    if period is None:
        return None
    latest = max((one.created_at for one in snapshots if one.kind == SCHEDULE), default=None)
    return latest + period - EARLY if latest else now


def thinned(snapshots: Sequence[Snapshot], rules: SnapshotRetention) -> list[Snapshot]:
    """Return those that are to go: all but the newest of each of the last hours, days and weeks that have one.

    Hours, days and weeks are of UTC. One that a person made stays until a person removes it, and counts for nothing.
    """
    made = sorted((one for one in snapshots if one.kind != HAND), key=lambda one: one.created_at, reverse=True)
    kept: set[str] = set()
    for name, form in FORMS.items():
        newest: dict[str, Snapshot] = {}
        for one in made:
            newest.setdefault(one.created_at.strftime(form), one)
        kept.update(one.id for one in list(newest.values())[: getattr(rules, name)])
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
        at = due_at(self._snapshots.list(), rules, now)
        if at is None or (at := max(at, self._not_before)) > now:
            return at
        give_way()
        try:
            self._take(now)
        except (EngineError, OSError) as error:
            if self._stopped.is_set():
                return None
            log.error("No snapshot was taken: %s", error)
            self._not_before = now + AGAIN
            return self._not_before
        if gone := prune(self._snapshots, rules):
            log.info("Let %d snapshots go.", len(gone))
        return due_at(self._snapshots.list(), rules, now)

    def _take(self, now: datetime) -> None:
        version = self._store.database.data_version()
        unchanged = self._seen[1] if self._seen and self._seen[0] == version else None
        snapshot = self._snapshots.create(
            SCHEDULE, now, config=self._settings.file, unchanged=unchanged, stopped=self._stopped.is_set
        )
        self._seen = (version, snapshot)
        log.info("Took snapshot %s: %d new bytes.", snapshot.id, snapshot.new_bytes)
        for name in snapshot.incomplete:
            log.warning("Snapshot %s: contents of %s are not on the disk.", snapshot.id, name)
