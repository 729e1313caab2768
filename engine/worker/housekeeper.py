"""Once an hour has what jobs left behind in Docker taken away. Never asks an engine that no job has needed yet.

At the start, after a kill, nobody knows what is left where, so that everybody is asked; who was away then, or when a
job needed it, is asked again until it answers.
"""

import logging
import threading
from collections.abc import Callable

from engine.core.clock import Clock
from engine.core.errors import EngineError
from engine.store.store import Store

log = logging.getLogger(__name__)
EVERY_S = 3600.0
AGAIN_S, LONGEST_AGAIN_S = 10.0, 600.0


class Housekeeper:
    """One thread. `sweep` removes what is left over and returns its names; it is asked only while `wanted`.

    `clear` removes what an earlier engine left, and `ask_again` does where that could not be.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        wanted: Callable[[], bool],
        sweep: Callable[[], list[str]],
        clear: Callable[[], None],
        ask_again: Callable[[], bool],
    ) -> None:
        self._store = store
        self._clock = clock
        self._ask_again = ask_again
        self._clear = clear
        self._wanted = wanted
        self._sweep = sweep
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="housekeeper", daemon=True)
        self._untidy = False

    def start(self, *, untidy: bool = False) -> None:
        """Begin; `untidy`: an earlier engine had no time to clear away."""
        self._untidy = untidy
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
            if self._untidy:
                self._clear()
            due_s = self._clock.monotonic_s() + EVERY_S
            pause_s = AGAIN_S
            while not self._stopped.wait(pause_s):
                pause_s = AGAIN_S if self._ask_again() else min(2 * pause_s, LONGEST_AGAIN_S)
                if self._clock.monotonic_s() >= due_s:
                    self.tick()
                    due_s = self._clock.monotonic_s() + EVERY_S
        finally:
            self._store.close()
