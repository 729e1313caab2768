"""What keeps failing is told when it begins and when it is over, not each time, however many threads meet it."""

import logging
import threading

from engine.core.errors import EngineError


class Trouble:
    """The faults that last, of one home. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: dict[str, str] = {}

    def tell(self, log: logging.Logger, who: str, error: Exception) -> None:
        """Say what fails, with where it arose unless it is of our own making; nothing that was said already.

        What fails is tried again, and whoever said so says once that it is `over`.
        """
        fault = f"{type(error).__name__} {error}"
        with self._lock:
            known = fault in self._faults.values()
            self._faults[who] = fault
        if known:
            return
        if isinstance(error, EngineError):
            log.warning("%s: %s Trying again.", who, error)
        else:
            log.error("%s: it failed. Trying again.", who, exc_info=error)

    def over(self, log: logging.Logger, who: str) -> None:
        """What `who` does has succeeded: say so if it had failed, and fails for nobody else any more."""
        if who not in self._faults:
            return
        with self._lock:
            fault = self._faults.pop(who, None)
            known = fault is None or fault in self._faults.values()
        if not known:
            log.info("%s: it goes on.", who)
