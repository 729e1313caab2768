"""Threads for what waits on a network or a disk, so that who asks for it need not."""

import logging
import threading
from collections.abc import Callable, Hashable

from engine.store.store import Store

log = logging.getLogger(__name__)


class Aside:
    """One piece of work at a time for each key, `most` in all; what is asked for meanwhile is done once more after it.

    The threads are daemons: whoever stops leaves what hangs behind. So the work must be such that a kill does no harm.
    """

    def __init__(self, store: Store, most: int = 4) -> None:
        self._store = store
        self._slots = threading.Semaphore(most)
        self._lock = threading.Lock()
        self._next: dict[Hashable, Callable[[], None] | None] = {}

    def go(self, key: Hashable, work: Callable[[], None]) -> None:
        with self._lock:
            if key in self._next:
                self._next[key] = work
                return
            self._next[key] = None
        threading.Thread(target=self._run, args=(key, work), name=f"aside-{key}", daemon=True).start()

    def _run(self, key: Hashable, work: Callable[[], None] | None) -> None:
        try:
            while work is not None:
                try:
                    with self._slots:
                        work()
                except Exception:
                    log.exception("work for %s failed", key)
                with self._lock:
                    work = self._next[key]
                    if work is None:
                        del self._next[key]
                    else:
                        self._next[key] = None
        finally:
            self._store.close()
