"""Takes events into the inbox: many callers, one writer, so that a burst shares its fsyncs. Never plans anything."""

import logging
import threading
from collections import deque
from concurrent.futures import Future

from engine.bus import Bus
from engine.core.clock import Clock
from engine.core.errors import EngineError, StoreBusy
from engine.store.inbox import Arrival
from engine.store.store import Store
from pipelines.records import dataclass

log = logging.getLogger(__name__)
BATCH = 256
COUNT_AGAIN_S = 0.2
STORM = 3  # events at once
STORM_S = 0.03  # how long after such a batch another is expected


@dataclass(frozen=True, slots=True)
class Accepted:
    """An event that survives a power cut. `new` is False for one that was there already, under the same id."""

    event_id: int
    new: bool


class BacklogFull(EngineError):
    """As many events as `limits.backlog` allows wait to be planned."""


class Draining(EngineError):
    """The engine is being stopped and takes nothing any more."""


class Acceptor:
    """Any thread may `submit`; one thread of its own writes what waits, in that order, and wakes the `inbox` topic."""

    def __init__(self, store: Store, bus: Bus, clock: Clock, backlog_limit: int) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock
        self._limit = backlog_limit
        self._news = threading.Condition()
        self._waiting: deque[tuple[Arrival, Future[Accepted]]] = deque()
        self._writing = 0
        self._unplanned = 0  # at most so many events wait to be planned; counted again when it matters
        self._counted_s = -COUNT_AGAIN_S
        self._full = False
        self._calm_from_s = 0.0
        self._stopped = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="acceptor", daemon=True)

    def start(self) -> None:
        self._unplanned = self._store.inbox.backlog()
        self._thread.start()

    def stop(self) -> None:
        """Take nothing more, write what was submitted, and end."""
        with self._news:
            self._stopped = True
            self._news.notify()
        self._thread.join()

    def submit(self, arrival: Arrival) -> Future[Accepted]:
        """Have an event kept; the future is done when it is on disk. Raises BacklogFull or Draining at once.

        A future that is cancelled while it waits takes its event back.
        """
        future: Future[Accepted] = Future()
        with self._news:
            if self._stopped:
                raise Draining("The engine is being stopped.", "Try again in a moment.")
            if self._unplanned + self._writing + len(self._waiting) >= self._limit:
                self._full = True
                self._news.notify()
                raise BacklogFull(f"{self._limit} events wait to be planned.", "Try again later.")
            self._waiting.append((arrival, future))
            self._news.notify()
        return future

    def calm(self, longest_s: float) -> None:
        """Wait while a storm of events comes in, but no longer than this: who plans gives way to who is promised."""
        wait_s = min(self._calm_from_s - self._clock.monotonic_s(), longest_s)
        if wait_s > 0:
            self._ended.wait(wait_s)

    def _run(self) -> None:
        try:
            while True:
                with self._news:
                    self._news.wait_for(lambda: self._waiting or self._full or self._stopped)
                    taken = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
                    batch = [pair for pair in taken if pair[1].set_running_or_notify_cancel()]
                    self._writing = len(batch)
                    if not taken and self._stopped:
                        return
                if batch:
                    self._write(batch)
                elif self._full:
                    self._count()
        finally:
            self._ended.set()
            self._store.close()

    def _write(self, batch: list[tuple[Arrival, Future[Accepted]]]) -> None:
        try:
            kept = self._store.inbox.accept([arrival for arrival, _ in batch], self._clock.now())
        except Exception as error:
            if isinstance(error, StoreBusy):
                log.warning("%d events could not be kept: %s", len(batch), error)
            else:
                log.exception("%d events could not be kept", len(batch))
            self._writing = 0
            for _, future in batch:
                future.set_exception(error)
            return
        if len(batch) >= STORM:
            self._calm_from_s = self._clock.monotonic_s() + STORM_S
        fresh = sum(new for _, new in kept)
        with self._news:
            self._unplanned += fresh
            self._writing = 0
        if fresh:
            self._bus.wake("inbox")
        for (_, future), (event_id, new) in zip(batch, kept, strict=True):
            future.set_result(Accepted(event_id, new))

    def _count(self) -> None:
        """Learn how many of the counted events have been planned since, but not all the time."""
        with self._news:
            pause_s = self._counted_s + COUNT_AGAIN_S - self._clock.monotonic_s()
            if pause_s > 0 and self._news.wait_for(lambda: self._waiting or self._stopped, pause_s):
                return
        try:
            unplanned = self._store.inbox.backlog()
        except Exception:  # without this thread nothing would be taken any more
            log.exception("the events that wait could not be counted")
            unplanned = self._unplanned
        with self._news:
            self._counted_s = self._clock.monotonic_s()
            self._unplanned = unplanned
            self._full = False  # the next one that is refused has it counted again
