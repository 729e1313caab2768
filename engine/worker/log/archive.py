"""Compresses finished logs when the engine has nothing better to do. Readers never notice."""

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

from engine.bus import Bus
from engine.store.logs.writer import compress
from engine.store.store import Store

log = logging.getLogger(__name__)
QUIET_S = 5.0  # how long nothing must have happened before a log is taken on
SMALL_BYTES = 16 * 1024  # what is smaller would gain nothing


class LogArchive:
    """One thread of low urgency. It may be killed at any moment: of every log, one whole form is always there."""

    def __init__(self, store: Store, bus: Bus, busy: Callable[[], int]) -> None:
        self._store = store
        self._bus = bus
        self._busy = busy
        self._listener = bus.listen("news")
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log-archive", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Take no further log on. Does not wait for the one in hand."""
        self._stopped.set()
        self._listener.wake()
        self._bus.leave(self._listener)

    def tick(self) -> int:
        """Compress every finished log that is worth it, as long as no job runs; return how many were."""
        done = 0
        running = {self._store.log_path(*key) for key in self._store.queries.running_logs()}
        for path in sorted((self._store.home / "logs").glob("*/*.log")):
            if self._stopped.is_set() or self._busy():
                break
            if path not in running and path.is_file() and path.stat().st_size >= SMALL_BYTES:
                self._compress(path)
                done += 1
        return done

    def _compress(self, path: Path) -> None:
        try:
            compress(path)
        except OSError as error:
            log.warning("%s stays as it is: %s", path, os.strerror(error.errno or 0))

    def _run(self) -> None:
        try:
            while not self._stopped.is_set():
                if not self._listener.wait(QUIET_S) and not self._busy():
                    self.tick()
                    self._listener.wait()
        finally:
            self._store.close()
