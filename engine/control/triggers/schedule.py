"""Schedules: the `on: schedule` times of each repository's default branch, as they come due.

A machine that slept, or an engine that was off, catches up once for each schedule, whatever number of times it missed.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from engine.bus import Bus
from engine.control.default_branches import DefaultBranches
from engine.control.mirrors import Mirrors
from engine.control.repo_ids import repo_id_of
from engine.control.routine import Routine
from engine.control.sources import SCHEDULE
from engine.core.clock import Clock, rfc3339
from engine.settings.live import LiveSettings
from engine.settings.model import RepoSettings
from engine.store.inbox import Arrival
from engine.store.store import Store
from pipelines import cron
from pipelines.model import Workflow
from pipelines.records import dataclass

WINDOWS = (timedelta(hours=1), timedelta(days=1), timedelta(days=31), timedelta(days=366 * 8))


@dataclass(frozen=True, slots=True)
class Schedule:
    """One line of one workflow. `key` tells it from every other of its repository."""

    workflow: str
    cron: str
    timezone: str

    @property
    def key(self) -> str:
        return f"{self.workflow}|{self.cron}|{self.timezone}"

    @property
    def zone(self) -> tzinfo:
        return ZoneInfo(self.timezone) if self.timezone else UTC

    def next_after(self, at: datetime) -> datetime | None:
        return cron.parse(self.cron).next_after(at, self.zone)

    def latest(self, after: datetime, now: datetime) -> datetime | None:
        """Return the last time that came due after `after` and not later than `now`, or None."""
        for window in WINDOWS:
            at = self.next_after(max(after, now - window))
            if at is not None and at <= now:
                while (later := self.next_after(at)) is not None and later <= now:
                    at = later
                return at
        return None


@dataclass(frozen=True, slots=True)
class Due:
    """When the next schedule of a repository is due, None where it has none."""

    at: datetime | None


def schedules_of(workflow: Workflow) -> Iterator[Schedule]:
    for trigger in workflow.on:
        lines = trigger.filters.get("cron", ())
        zones = trigger.filters.get("timezone", ("",) * len(lines))
        yield from (Schedule(workflow.path, line, zone) for line, zone in zip(lines, zones, strict=True))


class Schedules(Routine):
    """Woken when a default branch moves, when the settings change, and when the next time is due."""

    def __init__(self, store: Store, settings: LiveSettings, bus: Bus, clock: Clock, mirrors: Mirrors) -> None:
        super().__init__("schedules", store, bus, clock, "refs")
        self._settings = settings
        self._mirrors = mirrors
        self._branches = DefaultBranches(store, bus, mirrors)
        self._due: dict[tuple[RepoSettings, str], Due] = {}  # by repository and the commit of its default branch

    def turn(self) -> datetime | None:
        """Accept an event for each schedule that is due; return when the next is, None without any.

        Only repositories that moved, or in which something is due, are looked into.
        """
        now, heads = self._clock.now(), self._mirrors.default_heads(self._store)
        known, self._due = self._due, {}
        for repo in self._settings.now.repos:
            if (sha := heads.get(repo.name)) is None:
                continue
            due = known.get((repo, sha))
            if due is None or (due.at is not None and due.at <= now):
                due = self._take(repo, now)
            if due is not None:
                self._due[repo, sha] = due
        return min((due.at for due in self._due.values() if due.at is not None), default=None)

    def _take(self, repo: RepoSettings, now: datetime) -> Due | None:
        """Accept what is due in one repository; return when the next is, None while its workflows are not known."""
        repo_id = repo_id_of(self._store, repo)
        commit = self._branches.commit(repo, repo_id)
        if commit is None:
            return None
        schedules = [one for workflow in self._branches.workflows(commit) for one in schedules_of(workflow)]
        kept: dict[str, str] = self._store.cursors.get(_key(repo_id)) or {}
        last: dict[str, str] = {}
        arrivals = []
        for schedule in schedules:
            last[schedule.key] = kept.get(schedule.key) or rfc3339(now)
            fire = schedule.latest(datetime.fromisoformat(last[schedule.key]), now)
            if fire is not None:
                last[schedule.key] = rfc3339(fire)
                arrivals.append(_arrival(repo_id, schedule, fire))
        if last != kept:
            with self._store.database.write(durable=bool(arrivals)):
                self._store.cursors.set(_key(repo_id), last)
                if arrivals:
                    self._store.inbox.accept(arrivals, now)
        if arrivals:
            self._bus.wake("inbox")
        return Due(min((at for one in schedules if (at := one.next_after(now)) is not None), default=None))


def _arrival(repo_id: int, schedule: Schedule, fire: datetime) -> Arrival:
    told = {"workflow": schedule.workflow, "cron": schedule.cron, "timezone": schedule.timezone, "at": rfc3339(fire)}
    return Arrival(repo_id, f"schedule|{schedule.key}|{rfc3339(fire)}", "schedule", SCHEDULE, {"schedule": told})


def _key(repo_id: int) -> str:
    return f"schedules:{repo_id}"
