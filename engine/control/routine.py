"""What the threads of the control plane share: a turn when something is said or falls due, and sleep in between."""

import logging
import os
import sys
import threading
from collections.abc import Iterable
from datetime import datetime

from engine.bus import Bus
from engine.core.clock import Clock
from engine.store.store import Store

log = logging.getLogger(__name__)
PAUSE_S, LONGEST_PAUSE_S = 1.0, 16.0
STEP_PAUSE_S = 0.02
NICE = 15
REST, LONGEST_REST_S = 4, 0.05  # times as long as its last turn took, and no longer
LONGEST_NAP_S = 60.0  # a waiting thread does not notice that the machine slept, nor that its clock was set


class Routine:
    """A part on a thread of its own. Without polling: it sleeps until one of its topics is woken or something is due.

    What comes alone has its turn at once. What comes in a storm is taken together, for between two turns there is a
    moment of rest: a turn costs nearly the same for one thing and for twenty.

    An error in a turn never ends the thread, for without it nothing would go on: it is told, and the turn is taken
    again after a pause, longer each time. One that lasts is told once. A wake-up cuts the first pause short, no other.
    """

    def __init__(self, name: str, store: Store, bus: Bus, clock: Clock, *topics: str) -> None:
        self._name = name
        self._store = store
        self._bus = bus
        self._clock = clock
        self._listener = bus.listen(*topics)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def turn(self) -> datetime | None:
        """Do what there is to do now; return when something falls due, None for nothing."""
        raise NotImplementedError

    def start(self) -> None:
        """Take a turn at once, and from then on whenever there is reason to."""
        self._thread.start()

    def stop(self) -> None:
        """End after the turn in hand."""
        self._stopped.set()
        self._listener.wake()
        self._thread.join()
        self._bus.leave(self._listener)

    def in_steps(self, steps: Iterable[object]) -> None:
        """Work step by step until all is done or it is time to stop; in the pauses who waits for the store has it."""
        for _ in steps:
            if self._stopped.wait(STEP_PAUSE_S):
                break

    def _run(self) -> None:
        failures = 0
        try:
            while not self._stopped.is_set():
                began_s = self._clock.monotonic_s()
                try:
                    due = self.turn()
                except Exception as error:
                    self._store.trouble.tell(log, self._name, error)
                    failures += 1
                    sleep = self._listener.wait if failures == 1 else self._stopped.wait
                    sleep(min(PAUSE_S * 2 ** (failures - 1), LONGEST_PAUSE_S))
                else:
                    failures = 0
                    self._store.trouble.over(log, self._name)
                    ended_s = self._clock.monotonic_s()
                    self._listener.wait(None if due is None else self._nap_s(due))
                    rested_s = ended_s + min(REST * (ended_s - began_s), LONGEST_REST_S)
                    if (rest_s := rested_s - self._clock.monotonic_s()) > 0:
                        self._stopped.wait(rest_s)
        finally:
            self._store.close()

    def _nap_s(self, due: datetime) -> float:
        return min(LONGEST_NAP_S, max(0.0, (due - self._clock.now()).total_seconds()))


def give_way() -> None:
    """Have the calling thread run behind all others of the machine, on a system where a thread has its own priority."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
