"""The server of one home: engine, intake, HTTP and triggers, started in order and stopped in reverse."""

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol, Self

from app.server import sockets
from app.server.desk import Askers, Desk
from app.server.web_thread import WebThread
from engine.bus import Bus
from engine.control.housekeeping.retention import RetentionRoutine, pruning_of
from engine.control.housekeeping.search import SearchRoutine
from engine.control.housekeeping.settings_watch import SettingsWatch
from engine.control.housekeeping.snapshots import SnapshotRoutine
from engine.control.housekeeping.upkeep import Upkeep
from engine.control.inbox.acceptor import Acceptor
from engine.control.inbox.planner import Planner
from engine.control.mirrors import Mirrors
from engine.control.repo_ids import repo_id_of
from engine.control.telling.reporter import Reporter
from engine.control.telling.workflow_runs import WorkflowRuns
from engine.control.triggers.triggers import Triggers
from engine.core.clock import SystemClock
from engine.engine import Engine, executors_of
from engine.home import HomeLock
from engine.settings.live import LiveSettings
from engine.settings.model import Settings
from engine.store.copies.snapshots import Snapshots
from engine.store.store import Store


class Part(Protocol):
    """A part on threads of its own. `stop` waits for them and leaves nothing half done."""

    def start(self) -> object: ...

    def stop(self) -> None: ...


class Server:
    """Everything that `treadle --headless` runs, and what the terminal UI runs when no engine does.

    `config` is the file that the settings are from, to be followed while it runs (None: they never change). `lock` must
    be held; it is released by `stop`. Without `tcp` only the home's own socket is listened on. `address`
    is where TCP is listened on, while it is.
    """

    def __init__(
        self, settings: Settings, store: Store, lock: HomeLock, *, tcp: bool = True, config: Path | None = None
    ) -> None:
        self._settings = settings
        self._store = store
        self._lock = lock
        self._tcp = tcp
        self._config = config
        self._desk: Desk | None = None
        self._undo = ExitStack()
        self.address: tuple[str, int] | None = None

    def start(self) -> Self:
        """Recover what an earlier engine left, take work, listen; return when all of that is done.

        Raises EngineError, with nothing left running.
        """
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Take nothing more, leave running jobs in their boxes for the next engine, and give back everything."""
        if self._desk is not None:
            self._desk.draining = True
            self._desk.bus.wake("log")  # whoever waits for more of a log need not
        self._undo.close()

    def _start(self) -> None:
        settings, store, bus, clock = self._settings, self._store, Bus(), SystemClock()
        self._undo.callback(self._lock.release)
        listening = [self._undo.enter_context(sockets.home_socket(store.home))]
        if self._tcp:
            listening.append(self._undo.enter_context(sockets.tcp_socket(settings.listen)))
            self.address = listening[-1].getsockname()[:2]
        repo_ids = record_repos(settings, store)
        live = LiveSettings(
            settings,
            self._config,
            os.environ,
            prepare=lambda new: repo_ids.update(record_repos(new, store)),
            taken=lambda: bus.wake("settings", "refs", "inbox", "outbox"),
        )
        engine = Engine(live, store, self._lock, bus, executors_of(settings, store))
        acceptor = Acceptor(store, bus, clock, settings.limits.backlog)
        mirrors = Mirrors(store.home)
        pruning = pruning_of(store, engine.artifacts)
        retention = RetentionRoutine(store, live, bus, clock, pruning)
        self._desk = desk = Desk(
            live=live,
            store=store,
            bus=bus,
            clock=clock,
            acceptor=acceptor,
            artifacts=engine.artifacts,
            mirrors=mirrors,
            askers=Askers(store),
            repo_ids=repo_ids,
            busy=lambda: engine.pool.busy,
            pruning=pruning,
            hurry=retention.hurry,
        )
        parts: list[Part] = [
            engine,
            acceptor,
            Reporter(store, live, bus, clock),
            Planner(store, live, bus, clock, mirrors, acceptor.calm),
            Triggers(store, live, bus, clock, mirrors),
            WorkflowRuns(store, live, bus, clock, mirrors),
            SettingsWatch(store, bus, clock, live),
            Upkeep(store, bus, clock),
            SnapshotRoutine(store, live, bus, clock, Snapshots(store.home, engine.artifacts.blobs)),
            retention,
            SearchRoutine(store, bus, clock, settings.limits.search_bytes),
            WebThread(desk, listening),
        ]
        for part in parts:
            part.start()
            self._undo.callback(part.stop)
        desk.ready = True


def record_repos(settings: Settings, store: Store) -> dict[str, int]:
    """Have every repository of the settings in the store; return their ids by name."""
    with store.database.write():
        return {repo.name: repo_id_of(store, repo) for repo in settings.repos}
