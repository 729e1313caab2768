"""The engine of one home: builds the parts, starts them in order, stops them in reverse. Decides nothing."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Self

from engine.beside import Beside, Part
from engine.bus import Bus
from engine.control.loop import ControlLoop
from engine.core.clock import Clock, SystemClock
from engine.doorbell import Doorbell
from engine.git.actions import ActionSources
from engine.home import HomeLock, home_id
from engine.settings.live import LiveSettings
from engine.settings.model import Settings
from engine.store.contents.artifacts import Artifacts
from engine.store.contents.caches import caches_of
from engine.store.mending.boxes import wanted_boxes
from engine.store.queue import Lease
from engine.store.store import Store
from engine.worker.checkouts import Checkouts
from engine.worker.executor import Executor, box_name
from engine.worker.executors import Executors
from engine.worker.halt import Halt
from engine.worker.housekeeper import Housekeeper
from engine.worker.job_runner import JobRunner
from engine.worker.pool import Pool
from engine.worker.swarm.plan import had_tasks
from engine.worker.tools import Tools


class Engine:
    """Everything that runs, on its own threads. `lock` must be held; it is released by `stop`."""

    def __init__(self, settings: LiveSettings, store: Store, lock: HomeLock, bus: Bus, executors: Executors) -> None:
        clock: Clock = SystemClock()
        self._clock = clock
        store.disk.floor = lambda total_bytes: settings.now.disk_floor.of(total_bytes)
        self.bus = bus
        self._lock = lock
        self._store = store
        self._executors = executors
        self.artifacts = Artifacts(store.home / "artifacts")
        self._actions = ActionSources(store.home / "cache" / "action-sources")
        self.caches = caches_of(store.home)
        tools = Tools(
            settings=settings.now,
            store=store,
            bus=bus,
            clock=clock,
            executors=executors,
            checkouts=Checkouts(store.home / "cache" / "checkouts"),
            artifacts=self.artifacts,
            actions=self._actions,
            caches=self.caches,
        )

        def runner(lease: Lease, halt: Halt) -> JobRunner:
            return JobRunner(replace(tools, settings=settings.now), lease, halt)

        self.pool = Pool(store, bus, clock, settings.now.worker_count, runner)
        self._control = ControlLoop(store, bus, clock, settings)
        self._left: tuple[str, ...] = ()  # where an earlier engine may have left boxes
        self._housekeeper = Housekeeper(
            store,
            clock,
            lambda: executors.has("docker"),
            lambda: sweep_docker(store, clock),
            lambda: executors.clear(*self._left),
            executors.ask_again,
        )
        self._beside = Beside(lambda: self._parts_beside(settings))
        self._doorbell = Doorbell(store.home, self._heard)

    def start(self) -> Self:
        """Recover what an earlier engine left, then take work."""
        self.artifacts.recover()
        self._actions.recover(self._clock.now())
        self.caches.recover()
        self._store.checkpoints.recover()
        self._store.queue.load()
        self._executors.own()
        self._doorbell.start()
        untidy = self.pool.has_leftovers()
        if untidy:
            self._executors.clear("host")  # which is quick; Docker may not even answer
        self._left = (*["docker"] * untidy, *["swarm"] * had_tasks(self._store.home))
        self.pool.start()  # before the watchdog, which would end what is to be taken over
        self._control.start()
        self._housekeeper.start(untidy=bool(self._left))
        self._beside.start()
        self._heard()
        return self

    def stop(self) -> None:
        """Stop taking work, leave running jobs in their boxes for the next engine, give back everything else."""
        self._beside.stop()
        self._housekeeper.stop()
        self._doorbell.stop()
        self._control.stop()
        self.pool.stop()
        self._executors.close()
        self._lock.release()

    def _parts_beside(self, settings: LiveSettings) -> Iterator[Part]:
        """Make each part when it is asked for, and load it then."""
        store, bus, clock = self._store, self.bus, self._clock
        from engine.control.housekeeping.disk_watch import DiskWatch

        yield DiskWatch(store, bus, clock)
        from engine.control.housekeeping.holds import HoldKeeper
        from engine.worker.mending.held_boxes import AllHeldBoxes

        yield HoldKeeper(store, bus, clock, settings, AllHeldBoxes(store, self._executors))
        from engine.worker.log.archive import LogArchive

        yield LogArchive(store, bus, lambda: self.pool.busy)
        from engine.control.bisecting.bisector import Bisector

        yield Bisector(store, settings, bus, clock)

    def _heard(self) -> None:
        self._store.queue.doubt()
        self.bus.wake("config", "inbox", "schedule", "queue", "wishes", "news", "holds")


def sweep_docker(store: Store, clock: Clock) -> list[str]:
    """Remove what jobs of a home left behind in Docker; return its names. Raises EngineError while none answers."""
    from engine.worker.docker.client import DockerClient
    from engine.worker.docker.sweep import DockerSweep
    from engine.worker.last_use import LastUse

    def running() -> set[tuple[int, int]]:
        return {(box.job_id, box.number) for box in wanted_boxes()}

    client = DockerClient()
    try:
        client.ping()
        return DockerSweep(client, home_id(store.home), running, LastUse(store.home)).sweep(clock.now())
    finally:
        client.close()


def executors_of(settings: Settings, store: Store) -> Executors:
    """Return the executors of a home; none is made, and no library loaded, before a job needs it."""

    def docker() -> Executor:
        from engine.worker.docker.executor import DockerExecutor

        return DockerExecutor(home_id(store.home), settings.worker_count, home=store.home)

    def host() -> Executor:
        from engine.worker.host.executor import HostExecutor

        return HostExecutor(home_id(store.home))

    def swarm() -> Executor:
        from engine.worker.swarm.executor import SwarmExecutor

        return SwarmExecutor(home_id(store.home), store.home, settings.swarm)

    def known() -> set[str]:
        boxes = [box for box in wanted_boxes() if box.box_id]
        return {box_name(box.job_id, box.number, box.attempt_id) for box in boxes} | {box.box_id for box in boxes}

    return Executors({"docker": docker, "host": host, "swarm": swarm}, known)
