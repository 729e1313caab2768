"""The control plane's one thread: ticks scheduler and watchdog when woken or when something falls due."""

import logging
import threading

from engine.bus import Bus
from engine.control.scheduler import Scheduler
from engine.control.watchdog import Watchdog
from engine.core.clock import Clock
from engine.core.errors import StoreBusy
from engine.store.store import Store

log = logging.getLogger(__name__)
RETRY_S = 1.0


class ControlLoop:
    """No polling: an idle engine sleeps until somebody wakes the `schedule` topic."""

    def __init__(self, store: Store, bus: Bus, clock: Clock, grace_s: float) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock
        self._parts = (Scheduler(store, bus, clock), Watchdog(store, bus, clock, grace_s))
        self._listener = bus.listen("schedule")
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="control", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._listener.wake()
        self._thread.join()
        self._bus.leave(self._listener)

    def _run(self) -> None:
        try:
            while not self._stopped.is_set():
                self._listener.wait(self._turn())
        finally:
            self._store.close()

    def _turn(self) -> float | None:
        """Tick both; return the seconds until the next thing is due."""
        try:
            for part in self._parts:
                part.tick()
            due = [at for part in self._parts if (at := part.next_due()) is not None]
        except StoreBusy as busy:
            log.warning("%s Trying again.", busy)
            return RETRY_S
        except Exception:
            log.exception("the control plane failed; trying again")  # without this thread nothing would go on
            return RETRY_S
        if not due:
            return None
        return max(0.0, (min(due) - self._clock.now()).total_seconds())
