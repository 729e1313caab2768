"""The engine of one home: builds the parts, starts them in order, stops them in reverse. Decides nothing."""

import fcntl
import os
import uuid
from pathlib import Path
from typing import Self

from engine.bus import Bus
from engine.control.loop import ControlLoop
from engine.core.clock import Clock, SystemClock
from engine.doorbell import Doorbell
from engine.settings import Settings
from engine.store.artifacts import Artifacts
from engine.store.queue import Lease
from engine.store.store import Store
from engine.worker.checkouts import Checkouts
from engine.worker.executor import Executor
from engine.worker.executors import Executors
from engine.worker.halt import Halt
from engine.worker.job_runner import JobRunner, Tools
from engine.worker.pool import Pool


class HomeLock:
    """One engine per home: an advisory lock on `<home>/treadle.lock`, gone with the process that holds it."""

    def __init__(self, home: Path) -> None:
        self._path = home / "treadle.lock"
        self._fd: int | None = None

    def take(self) -> bool:
        """Take the lock if nobody has it; return whether this process has it now."""
        if self._fd is not None:
            return True
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        os.ftruncate(fd, 0)
        os.write(fd, f"{os.getpid()}\n".encode())
        self._fd = fd
        return True

    def holder(self) -> int | None:
        """Return the process id written by who took the lock last, None if there is none."""
        try:
            return int(self._path.read_text())
        except (FileNotFoundError, ValueError):
            return None

    def release(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


class Engine:
    """Everything that runs, on its own threads. `lock` must be held; it is released by `stop`."""

    def __init__(self, settings: Settings, store: Store, lock: HomeLock, bus: Bus, executors: Executors) -> None:
        clock: Clock = SystemClock()
        self.bus = bus
        self._lock = lock
        self._store = store
        self._executors = executors
        tools = Tools(
            settings=settings,
            store=store,
            bus=bus,
            clock=clock,
            executors=executors,
            checkouts=Checkouts(store.home / "cache" / "checkouts"),
            artifacts=Artifacts(store.home / "artifacts"),
        )

        def runner(lease: Lease, halt: Halt) -> JobRunner:
            return JobRunner(tools, lease, halt)

        self.pool = Pool(store, bus, clock, settings.worker_count, runner)
        self._control = ControlLoop(store, bus, clock, settings.grace_s)
        self._doorbell = Doorbell(store.home, self._heard)

    def start(self) -> Self:
        """Recover what an earlier engine left, then take work."""
        self._store.queue.load()
        self._doorbell.start()
        self._control.start()
        self.pool.start()
        self._heard()
        return self

    def stop(self) -> None:
        """Stop taking work, leave running jobs in their boxes for the next engine, give back everything else."""
        self._doorbell.stop()
        self._control.stop()
        self.pool.stop()
        self._executors.close()
        self._lock.release()

    def _heard(self) -> None:
        self.bus.wake("schedule", "queue", "wishes", "news")


def executors_of(settings: Settings, store: Store) -> Executors:
    """Return the executors of a home; none is made, and no library loaded, before a job needs it."""

    def docker() -> Executor:
        from engine.worker.docker_executor import DockerExecutor

        return DockerExecutor(home_id(store.home), settings.worker_count)

    def host() -> Executor:
        from engine.worker.host_executor import HostExecutor

        return HostExecutor(home_id(store.home))

    def known() -> set[str]:
        return {attempt.box_id for attempt in store.queries.running()}

    return Executors({"docker": docker, "host": host}, known)


def home_id(home: Path) -> str:
    """Return the home's own id, made at first use: what its containers are labelled with."""
    path = home / "home.id"
    if not path.exists():
        temporary = path.with_suffix(f".{os.getpid()}")
        temporary.write_text(uuid.uuid4().hex[:12] + "\n")
        try:
            os.link(temporary, path)
        except FileExistsError:
            pass  # another process was quicker
        finally:
            temporary.unlink()
    return path.read_text().strip()
