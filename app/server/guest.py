"""The API over a home whose engine is another process that serves nobody, such as `treadle run`.

It answers from the same store, and what is asked for is written down there; the engine is rung for and acts. What the
engine changes is found by looking, since wake-ups do not cross processes.
"""

import logging
import os
import threading
from contextlib import ExitStack
from typing import Self

from app.server.desk import Askers, Desk
from app.server.main import record_repos
from app.server.sockets import home_socket
from app.server.web_thread import WebThread
from engine.bus import Bus
from engine.control.inbox.acceptor import Acceptor
from engine.control.mirrors import Mirrors
from engine.core.clock import SystemClock
from engine.doorbell import ring
from engine.settings.live import LiveSettings
from engine.settings.model import Settings
from engine.store.contents.artifacts import Artifacts
from engine.store.store import Store

log = logging.getLogger(__name__)
NAME = f"treadle-{os.getpid()}.sock"
LOOK_S = 0.2


class Guest:
    """Listens on a socket of this process's own, `<home>/treadle-PID.sock`."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._bus = Bus()
        self._undo = ExitStack()
        self._stopping = threading.Event()

    def start(self) -> Self:
        """Listen, and look for news. Raises EngineError, with nothing left running."""
        settings, store, bus, clock = self._settings, self._store, self._bus, SystemClock()
        listening = self._undo.enter_context(home_socket(store.home, NAME))
        acceptor = Acceptor(store, bus, clock, settings.limits.backlog)
        desk = Desk(
            live=LiveSettings(settings),
            store=store,
            bus=bus,
            clock=clock,
            acceptor=acceptor,
            artifacts=Artifacts(store.home / "artifacts"),
            mirrors=Mirrors(store.home),
            askers=Askers(store),
            repo_ids=record_repos(settings, store),
            busy=lambda: len(store.queries.running()),
        )
        for part in (acceptor, WebThread(desk, [listening])):
            part.start()
            self._undo.callback(part.stop)
        bus.join(_Bell(store), "wishes", "schedule", "queue")
        looking = threading.Thread(target=self._look, name="guest", daemon=True)
        looking.start()
        self._undo.callback(looking.join)
        desk.ready = True
        return self

    def stop(self) -> None:
        self._stopping.set()
        self._undo.close()

    def _look(self) -> None:
        last = -1
        while not self._stopping.wait(LOOK_S):
            try:
                sequence = self._store.queries.last_sequence()
            except Exception:
                log.exception("what the engine changes could not be looked at; trying again")
                continue
            if sequence != last:
                last = sequence
                self._bus.wake("news")
        self._store.close()


class _Bell:
    """Rings for the engine when something was asked for."""

    def __init__(self, store: Store) -> None:
        self._home = store.home

    def wake(self) -> None:
        ring(self._home)
