"""The worker pool: so many threads that each claim a job, run it and claim the next. Decides nothing about jobs."""

import logging
import shutil
import threading
import traceback
from collections.abc import Callable, Collection
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from engine.bus import Bus, Listener
from engine.core.clock import Clock
from engine.core.deadlines import LEASE_S
from engine.core.errors import LeaseLost, StoreBusy, is_full
from engine.core.retry import Outcome
from engine.store.mending.boxes import wanted_boxes
from engine.store.queue import Lease
from engine.store.secrets import KeyLost
from engine.store.store import Store
from engine.worker.halt import Detached, Halt
from engine.worker.job_runner import JobRunner

T = TypeVar("T")

log = logging.getLogger(__name__)
RETRY_S = 1.0


class Pool:
    """`size` workers, one thread that keeps their leases alive, and one that passes on wishes to cancel."""

    def __init__(
        self, store: Store, bus: Bus, clock: Clock, size: int, runner: Callable[[Lease, Halt], JobRunner]
    ) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock
        self._runner = runner
        self._lock = threading.Lock()
        self._halts: dict[int, tuple[Lease, Halt]] = {}
        self._stopped = threading.Event()
        self._names = [f"worker-{number}" for number in range(1, size + 1)]
        self._listeners = [bus.listen("queue") for _ in self._names]
        self._wishes = bus.listen("wishes")
        self._threads: list[threading.Thread] = []
        self._left: list[Lease] = []

    def start(self) -> None:
        """Take up what an earlier engine left running, then work on the queue.

        If it had more workers than there are now, what they left is seen to its end by workers beyond the size.
        """
        left = self._take_over()
        self._left = left[: len(self._names)]
        targets: list[tuple[str, Callable[[], None]]] = [("heartbeat", self._beat), ("wishes", self._pass_on)]
        for name, listener in zip(self._names, self._listeners, strict=True):
            targets.append((name, partial(self._work, name, listener)))
        for lease in left[len(self._names) :]:
            targets.append((lease.worker, partial(self._run, lease, True)))
        for name, target in targets:
            thread = threading.Thread(target=self._closing, args=(target,), name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def has_leftovers(self) -> bool:
        """Whether an engine was killed while it cleared away: there are folders of what neither runs nor is held."""
        return bool(self._leftovers())

    def stop(self) -> None:
        """Claim nothing more and leave what runs in its boxes to the next engine. Waits for the threads."""
        self._stopped.set()
        with self._lock:
            for _, halt in self._halts.values():
                halt.detach.set()
        for listener in (*self._listeners, self._wishes):
            listener.wake()
        for thread in self._threads:
            thread.join()
        for listener in (*self._listeners, self._wishes):
            self._bus.leave(listener)

    @property
    def busy(self) -> int:
        """How many jobs run now."""
        return len(self._halts)

    def _take_over(self) -> list[Lease]:
        """Get leases on what runs, and clear away the folders of what neither runs nor is held: they hold raw logs."""
        leases = []
        for number, attempt in enumerate(self._store.queries.running(), 1):
            lease = self._store.queue.take_over(attempt.id, f"worker-{number}", self._clock.now())
            if lease is not None:
                leases.append(lease)
        for folder in self._leftovers():
            shutil.rmtree(folder, ignore_errors=True)
        return leases

    def _leftovers(self) -> list[Path]:
        wanted = {self._store.work_folder(box.job_id, box.number) for box in wanted_boxes()}
        return [folder for folder in (self._store.home / "work").iterdir() if folder not in wanted]

    def _closing(self, target: Callable[[], None]) -> None:
        try:
            target()
        finally:
            self._store.close()

    def _work(self, name: str, listener: Listener) -> None:
        while not self._stopped.is_set():
            lease, resumed = self._next(name)
            if lease is not None:
                self._run(lease, resumed)
            elif not self._stopped.is_set():
                listener.wait()

    def _next(self, name: str) -> tuple[Lease | None, bool]:
        with self._lock:
            if self._left:
                return self._left.pop(0), True
        return self._asked(name, lambda: self._store.queue.claim(name, self._clock.now())), False

    def _asked(self, what: str, ask: Callable[[], T]) -> T | None:
        """Return what the store answers, asked again while it fails; None once the pool stops. Nobody ends for it."""
        while True:
            try:
                answer = ask()
            except Exception as error:
                self._store.trouble.tell(log, what, error)
            else:
                self._store.trouble.over(log, what)
                return answer
            if self._stopped.wait(RETRY_S):
                return None

    def _run(self, lease: Lease, resumed: bool) -> None:
        halt = Halt()
        with self._lock:
            self._halts[lease.job_id] = (lease, halt)
            if self._stopped.is_set():
                halt.detach.set()
        self._bus.wake("schedule", "news", "wishes")
        try:
            if resumed and (asked := self._store.queue.cancel_asked().get(lease.job_id)) is not None:
                halt.ask_cancel(*asked)  # what it was told to end for must not look like its own end
            runner = self._runner(lease, halt)
            runner.resume() if resumed else runner.run()
        except (LeaseLost, Detached) as gone:
            log.info("job %d: %s", lease.job_id, gone or "left to the next engine")
        except Exception as error:
            if isinstance(error, StoreBusy):
                self._store.trouble.tell(log, lease.worker, error)
            elif isinstance(error, KeyLost):
                log.error("job %d: %s", lease.job_id, error)
            else:
                frames = "".join(traceback.format_tb(error.__traceback__))
                log.error("job %d: %s\n%s", lease.job_id, _fault(error), frames)
            self._give_back(lease, error)
        finally:
            with self._lock:
                self._halts.pop(lease.job_id, None)
            self._bus.wake("schedule", "queue", "news")

    def _give_back(self, lease: Lease, error: Exception) -> None:
        """A fault of ours is on record; what only could not be written down begins again, as a new attempt."""
        cause, reason = "failed", f"Treadle failed: {_fault(error)}"
        if is_full(error):
            reason = "The disk of the home is full: see `treadle doctor`."
        elif isinstance(error, StoreBusy):
            cause, reason = "lost", str(error)
        elif isinstance(error, KeyLost):
            reason = str(error)
        outcome = Outcome(cause, "infrastructure", reason=reason)

        def give_back() -> None:
            with suppress(LeaseLost):  # the watchdog was quicker
                self._store.queue.finish(lease, outcome, self._clock.now(), outputs={}, tolerated=False)

        self._asked(lease.worker, give_back)

    def _beat(self) -> None:
        while not self._stopped.wait(LEASE_S / 3):
            with self._lock:
                held = {lease.token: halt for lease, halt in self._halts.values()}
            if not held:
                continue
            tokens = tuple(held)
            good = self._asked("heartbeat", partial(self._renewed, tokens))
            if good is None:
                return
            for token, halt in held.items():
                if token not in good:
                    halt.lost.set()

    def _renewed(self, tokens: Collection[str]) -> set[str]:
        return self._store.queue.heartbeat(tokens, self._clock.now())

    def _pass_on(self) -> None:
        while not self._stopped.is_set():
            asked = self._asked("wishes", self._store.queue.cancel_asked)
            if asked is None:
                return
            with self._lock:
                for job_id, wish in asked.items():
                    if job_id in self._halts:
                        self._halts[job_id][1].ask_cancel(*wish)
            self._wishes.wait()


def _fault(error: Exception) -> str:
    """Return what an error that nobody foresaw is and where it arose; its own words may hold a secret of the job."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {Path(last.filename).name}, line {last.lineno}"
