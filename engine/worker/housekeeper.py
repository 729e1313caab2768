"""Once an hour has what jobs left behind in Docker taken away. Never asks an engine that no job has needed yet."""

import logging
import threading
from collections.abc import Callable

from engine.core.errors import EngineError
from engine.store.store import Store

log = logging.getLogger(__name__)
EVERY_S = 3600.0


class Housekeeper:
    """One thread. `sweep` removes what is left over and returns its names; it is asked only while `wanted`."""

    def __init__(self, store: Store, wanted: Callable[[], bool], sweep: Callable[[], list[str]]) -> None:
        self._store = store
        self._wanted = wanted
        self._sweep = sweep
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="housekeeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End after the sweep in hand. Does not wait for an engine that does not answer."""
        self._stopped.set()

    def tick(self) -> None:
        """Sweep once."""
        if not self._wanted():
            return
        try:
            removed = self._sweep()
        except EngineError as error:
            log.warning("What jobs left in Docker stays for now: %s", error)
            return
        if removed:
            log.info("Removed from Docker: %s.", ", ".join(removed))

    def _run(self) -> None:
        try:
            while not self._stopped.wait(EVERY_S):
                self.tick()
        finally:
            self._store.close()
