"""Threads for what waits on a network or a disk, so that who asks for it need not. Keeps no results."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Hashable
from typing import TypeAlias

from engine.store.store import Store

log = logging.getLogger(__name__)
Work: TypeAlias = Callable[[], None]


class Aside:
    """One piece of work at a time for each key, `most` in all; what is asked for meanwhile is done once more after it.

    There are no more threads than that, however much waits, and none when nothing does. They are daemons: whoever stops
    leaves what hangs behind. So the work must be such that a kill does no harm.
    """

    def __init__(self, store: Store, most: int = 4) -> None:
        self._store = store
        self._most = most
        self._lock = threading.Lock()
        self._threads = 0
        self._waiting: deque[tuple[Hashable, Work]] = deque()
        self._again: dict[Hashable, Work | None] = {}  # of what waits or is under way: what to do after it

    def go(self, key: Hashable, work: Work) -> None:
        """Have a piece of work done as soon as may be, in the order of asking; return at once."""
        with self._lock:
            if key in self._again:
                self._again[key] = work
                return
            self._again[key] = None
            self._waiting.append((key, work))
            if self._threads < self._most:
                threading.Thread(target=self._run, name="aside", daemon=True).start()
                self._threads += 1

    def hasten(self, key: Hashable) -> None:
        """Have what waits for its turn under a key done next."""
        with self._lock:
            for place, (waiting, _) in enumerate(self._waiting):
                if waiting == key:
                    self._waiting.rotate(-place)
                    first = self._waiting.popleft()
                    self._waiting.rotate(place)
                    self._waiting.appendleft(first)
                    return

    def _run(self) -> None:
        try:
            while (taken := self._take()) is not None:
                key, work = taken
                try:
                    work()
                except Exception:
                    log.exception("work for %s failed", key)
                self._done(key)
        finally:
            self._store.close()

    def _take(self) -> tuple[Hashable, Work] | None:
        with self._lock:
            if not self._waiting:
                self._threads -= 1
                return None
            return self._waiting.popleft()

    def _done(self, key: Hashable) -> None:
        with self._lock:
            again = self._again.pop(key)
            if again is not None:
                self._again[key] = None
                self._waiting.append((key, again))
