"""Has the logs of what has ended learnt by the search index, after the fact and behind everybody who works."""

import logging
import sqlite3
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from engine.bus import Bus
from engine.control.routine import Routine, give_way
from engine.core.clock import Clock
from engine.store.logs.ended import ended_logs
from engine.store.logs.search import SearchIndex
from engine.store.store import Store

log = logging.getLogger(__name__)
GATHER_S = 1.0  # what ends together is written together
TIDY_EVERY = timedelta(hours=1)
PAGE = 50
FEW = 5  # while somebody waits


class SearchRoutine(Routine):
    """One thread of low priority. What it had not come to when it was stopped is taken up at the next start."""

    def __init__(self, store: Store, bus: Bus, clock: Clock, limit_bytes: int) -> None:
        """`limit_bytes` is what the index may take; 0 for none at all."""
        super().__init__("search", store, bus, clock, "news")
        self._index = SearchIndex(store.home)
        self._limit = limit_bytes
        self._tidy_at = clock.now()

    def turn(self) -> datetime | None:
        """Learn what has ended since the last turn; once an hour forget what is gone."""
        if threading.current_thread().name == self._name:  # never a test's, or whoever takes a turn by hand
            give_way()
        if not self._limit:
            self._index.reset()
            return None
        if self._stopped.wait(GATHER_S):
            return None
        try:
            learn(self._store, self._index, self._limit, PAGE, self._stopped.is_set)
            if self._clock.now() >= self._tidy_at:
                self._tidy_at = self._clock.now() + TIDY_EVERY
                for _ in self._index.forget_gone():
                    if self._stopped.is_set():
                        break
        except sqlite3.OperationalError:
            raise  # locked, or the disk is full: the file is as it was
        except sqlite3.DatabaseError as error:
            log.warning("%s is damaged (%s) and is made anew.", self._index.path, error)
            self._index.reset()
        return self._tidy_at


def learn(store: Store, index: SearchIndex, limit_bytes: int, page: int, enough: Callable[[], bool]) -> bool:
    """Learn what has ended, `page` logs at a time, until it is `enough`; return whether all is known.

    Any process may, beside others that do. Raises what SQLite raises.
    """
    known = False
    while not known and not enough():
        ended = ended_logs(store.database, index.place(), page)
        if ended:
            index.take([facts for _, facts in ended], ended[-1][0])
            index.shrink(limit_bytes)
        known = len(ended) < page
    return known


def catch_up(store: Store, limit_bytes: int, clock: Clock, most_s: float) -> bool:
    """Have the index know, within so many seconds, what ended just now or while no server ran; say whether it does."""
    index, until_s = SearchIndex(store.home), clock.monotonic_s() + most_s
    try:
        return learn(store, index, limit_bytes, FEW, lambda: clock.monotonic_s() > until_s)
    except sqlite3.OperationalError:
        return False  # another process writes just now, or there is no room: what is known is known
    except sqlite3.DatabaseError:
        index.reset()
        return learn(store, index, limit_bytes, FEW, lambda: clock.monotonic_s() > until_s)
