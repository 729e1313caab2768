"""From the inbox to recorded runs, event by event: match, plan, record. Runs nothing.

An event is settled in the write that records the runs that come of it, so that a kill -9 neither loses an event nor
plans it twice; events that start nothing are settled many at a time. Events of one repository are taken in order. What
only the network can tell is fetched aside, outside any write; a forge that is down makes its own repository wait and no
other.
"""

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from engine.bus import Bus
from engine.control.aside import Aside
from engine.control.called_workflows import other_repositories
from engine.control.inbox.judge import Judge, Settled
from engine.control.inbox.ledger import Ledger
from engine.control.inbox.places import CommitNotHere, NotHere
from engine.control.mirrors import Mirrors
from engine.control.routine import Routine
from engine.core.clock import Clock
from engine.core.errors import GitError, StoreBusy
from engine.settings.live import LiveSettings
from engine.store.inbox import InboxEvent
from engine.store.secrets import KeyLost
from engine.store.store import Store

log = logging.getLogger(__name__)
BACKOFF_S, LONGEST_BACKOFF_S = 5.0, 600.0
MISSING_TRIES = 3  # a forge may tell of a commit a moment before it shows it
BROKEN_TRIES = 5
FETCHES = 4  # at once, of different repositories
GIVE_WAY_S = 0.05
SHORT_S = 5.0


class Planner(Routine):
    """Woken by the `inbox` topic and by the clock when a postponed event is due.

    It stops after the event in hand. A fetch that hangs is left behind, it writes Git objects only.
    """

    def __init__(
        self,
        store: Store,
        settings: LiveSettings,
        bus: Bus,
        clock: Clock,
        mirrors: Mirrors,
        calm: Callable[[float], None] | None = None,
    ) -> None:
        """`calm` waits while a storm of events comes in, but no longer than it is told."""
        super().__init__("planner", store, bus, clock, "inbox")
        self._settings = settings
        self._mirrors = mirrors
        self._calm = calm
        others = other_repositories(store.home, lambda: settings.now.actions)
        self._judge = Judge(store, mirrors, others, lambda repo: settings.now.vars_of(repo))
        self._ledger = Ledger(store, bus, clock)
        self._lock = threading.Lock()
        self._fetching: dict[int, int] = {}  # repository -> event
        self._fetched: dict[int, dict[str, str]] = {}  # event -> what was fetched for it, and why that failed, or ""
        self._aside = Aside(store, FETCHES)

    @property
    def fetching(self) -> bool:
        """Whether an event waits for its fetch, or for the turn after it; the `inbox` topic is woken in between."""
        with self._lock:
            return bool(self._fetching or self._fetched)

    def start(self) -> None:
        """Begin with a new try of what was postponed: whatever was in the way may be mended by now."""
        self._store.inbox.hurry()
        super().start()

    def turn(self) -> datetime | None:
        """Plan what can be planned; return when the next postponed event is due.

        Nothing is planned or fetched while the disk is short of room; events wait in the inbox meanwhile.
        """
        if self._store.disk.look().short:
            return self._clock.now() + timedelta(seconds=SHORT_S)
        while not self._stopped.is_set():
            now = self._clock.now()
            with self._lock:
                busy = set(self._fetching)
            if self._calm is not None:
                self._calm(GIVE_WAY_S)
            if not self._take_all(self._store.inbox.due(now, passing_over=busy), busy):
                break
        return self._store.inbox.next_try_at(after=self._clock.now())

    def _take_all(self, events: list[InboxEvent], busy: set[int]) -> int:
        """Settle events but those of busy repositories; return how many were settled."""
        seen = self._store.refs.repos_with_sightings()
        settled = 0
        for event in events:
            if self._stopped.is_set():
                break
            if event.repo_id in busy:
                continue
            if event.repo_id in seen:
                self._ledger.write()  # what a push is held against has to be up to date
            if self._take(event):
                settled += 1
            else:
                busy.add(event.repo_id)
        self._ledger.write()
        return settled

    def _take(self, event: InboxEvent) -> bool:
        """Settle an event; return False if it has to wait, and its repository with it."""
        repo = self._settings.now.repo(event.repo)
        with self._lock:
            fetched = self._fetched.pop(event.id, {})
        problem = next((why for why in fetched.values() if why), "")
        if problem and (fetched.get(CommitNotHere.key) or event.tries < MISSING_TRIES):
            return self._postpone(event, problem)
        try:
            if repo is None:
                self._ledger.note(event, Settled(f"the repository {event.repo} is not configured any more"))
                return True
            self._ledger.note(event, self._judge.judge(event, repo, fetched))
            return True
        except NotHere as missing:
            assert repo is not None
            if missing.key not in fetched:
                self._fetch(event, missing, fetched)
                return False
            return self._postpone(event, str(missing), MISSING_TRIES)
        except StoreBusy:
            raise
        except (GitError, KeyLost) as error:
            return self._postpone(event, str(error))
        except Exception as error:  # one event must not stall those behind it for ever
            log.exception("event %s cannot be planned", event.id)
            return self._postpone(event, f"{type(error).__name__}: {error}", BROKEN_TRIES)

    def _postpone(self, event: InboxEvent, problem: str, most_tries: int | None = None) -> bool:
        """Try an event again later, longer each time, or drop it once it had its tries."""
        if most_tries is not None and event.tries >= most_tries:
            self._ledger.note(event, Settled(problem))
            return True
        self._ledger.write()  # those before it do not wait with it
        wait_s = min(BACKOFF_S * 2**event.tries, LONGEST_BACKOFF_S)
        log.warning("event %s of %s waits %.0f s: %s", event.id, event.repo, wait_s, problem)
        self._store.inbox.postponed(event.id, problem, _later(self._clock.now(), wait_s))
        return False

    def _fetch(self, event: InboxEvent, missing: NotHere, fetched: dict[str, str]) -> None:
        with self._lock:
            self._fetching[event.repo_id] = event.id
        self._aside.go(event.repo, lambda: self._bring(event, missing, fetched))

    def _bring(self, event: InboxEvent, missing: NotHere, fetched: dict[str, str]) -> None:
        """On a thread aside: fetch, note how it went, and have the event looked at again."""
        problem = ""
        try:
            missing.fetch(lambda refs: self._mirrors.found(self._store, event.repo_id, refs))
        except Exception as error:
            problem = str(error) or type(error).__name__
        with self._lock:
            del self._fetching[event.repo_id]
            self._fetched[event.id] = {**fetched, missing.key: problem}
        self._bus.wake("inbox")


def _later(now: datetime, seconds: float) -> datetime:
    return now + timedelta(seconds=seconds)
