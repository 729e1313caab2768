"""Looks at the refs of repositories: at the start, for deliveries that were missed; then as often as `poll:` says, or
when a watcher says that something happened."""

import logging
import threading
from datetime import datetime, timedelta

from engine.bus import Bus
from engine.control.aside import Aside
from engine.control.mirrors import Mirrors
from engine.control.repo_ids import repo_id_of
from engine.control.routine import Routine
from engine.control.sources import POLL, START
from engine.control.triggers.refs import look
from engine.core.clock import Clock
from engine.core.errors import GitError, StoreBusy
from engine.settings.live import LiveSettings
from engine.settings.model import RepoSettings
from engine.store.store import Store

log = logging.getLogger(__name__)
RETRY_S, LONGEST_RETRY_S = 5.0, 600.0


class Lookout(Routine):
    """Keeps the time; each repository is asked on a thread aside, so that none waits for another."""

    def __init__(self, store: Store, settings: LiveSettings, bus: Bus, clock: Clock, mirrors: Mirrors) -> None:
        super().__init__("lookout", store, bus, clock, "settings")
        self._settings = settings
        self._known: dict[str, RepoSettings] = {}
        self._mirrors = mirrors
        self._aside = Aside(store)
        self._lock = threading.Lock()
        self._waiting: set[str] = set()  # whom a look is asked for that has not begun
        self._due_s: dict[str, float] = {}
        self._failures: dict[str, int] = {}

    def look(self, name: str, source: str, *, hasten: bool = False) -> None:
        """Have a repository looked at as soon as may be, if it is configured (still); before all others to `hasten`.

        One that waits for its turn sees what is to be seen, and is not asked for twice.
        """
        with self._lock:
            self._due_s.pop(name, None)
            waits = name in self._waiting
            self._waiting.add(name)
        if not waits:
            self._aside.go(name, lambda: self._look(name, source))
        if hasten:
            self._aside.hasten(name)

    def turn(self) -> datetime | None:
        """Have those looked at whose time it is, or whose settings are new; return when the next is due."""
        known, self._known = self._known, {repo.name: repo for repo in self._settings.now.repos}
        for name, repo in self._known.items():
            if known.get(name) != repo:
                self.look(name, START)
        now_s = self._clock.monotonic_s()
        with self._lock:
            due = [name for name, at_s in self._due_s.items() if at_s <= now_s]
            later = [at_s for at_s in self._due_s.values() if at_s > now_s]
        for name in due:
            polled = name in self._known and self._known[name].poll_s is not None
            self.look(name, POLL if polled and name not in self._failures else START)
        return self._clock.now() + timedelta(seconds=min(later) - now_s) if later else None

    def _look(self, name: str, source: str) -> None:
        """On a thread aside: look, and set when to look again."""
        with self._lock:
            self._waiting.discard(name)
        repo = self._settings.now.repo(name)
        if repo is None or self._stopped.is_set():
            return
        again_s = repo.poll_s
        try:
            repo_id = repo_id_of(self._store, repo)
            seen = look(self._store, self._mirrors, repo, repo_id, source, self._clock)
            failed = self._failures.pop(repo.name, None)
            if seen.news or failed:  # also for events that waited for an answer, and what a look saw before it failed
                self._bus.wake("refs", "inbox")
        except Exception as error:
            if not isinstance(error, GitError | StoreBusy):
                log.exception("looking at %s failed", repo.name)
            failures = self._failures[repo.name] = self._failures.get(repo.name, 0) + 1
            again_s = min(RETRY_S * 2 ** (failures - 1), LONGEST_RETRY_S)
            if failures == 1:
                log.warning("%s: %s", repo.name, error)
        if again_s is not None and self._settings.now.repo(repo.name) == repo:
            with self._lock:
                self._due_s[repo.name] = self._clock.monotonic_s() + again_s
            self._listener.wake()
