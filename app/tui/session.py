"""Which engine the UI speaks to: its own, the one that runs on this home already, or a remote one."""

import logging
import sys
import threading
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from app.client import Client
from app.server import sockets
from engine.core.errors import EngineError

if TYPE_CHECKING:
    from app.tui.own_engine import OwnEngine

log = logging.getLogger(__name__)
LOOK_S = 0.5
SWITCH_S = 0.001


class Mode(StrEnum):
    """How a session stands to its engine."""

    STARTING = "starting"
    OWN = "own"  # the engine runs in this process
    ATTACHED = "attached"  # another process of this machine runs it, and answers
    GUEST = "guest"  # another process runs it and answers nobody, as `treadle run` does; this one answers for it
    REMOTE = "remote"


class Session:
    """A client and, for a home on this machine, whatever it takes that an engine answers it.

    `mode` changes while it runs: when the engine that it was attached to leaves, this session becomes the engine.
    `problem` is why there is none, "" while there is; `notes` are for the person, taken away by who shows them;
    `here` is the name of the repository that the terminal stands in, "" while there is none.
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        self.mode = Mode.REMOTE
        self.problem = ""
        self.notes: list[str] = []
        self.here = ""
        self.home: Path | None = None  # where it is on this machine

    def start(self) -> None:
        """Begin; returns at once."""

    def stop(self) -> None:
        """Leave. An engine of this session's own leaves its running jobs in their boxes for the next one."""


class HomeSession(Session):
    """The session of a home on this machine, in a terminal that stands in `folder`."""

    def __init__(self, home: Path, config: Path | None, folder: Path) -> None:
        super().__init__(Client.of_socket(str(home), lambda: self._socket))
        self._socket = home / sockets.NAME
        self.mode = Mode.STARTING
        self._home = self.home = home
        self._config = config
        self._folder = folder
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="session", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _keep(self) -> None:
        """See to it that there is an engine, until told to stop."""
        own = self._made()
        if own is None:
            return
        try:
            while True:
                if self.mode is not Mode.OWN:
                    self._look(own)
                if self._stopping.wait(LOOK_S):
                    return
        finally:
            own.stop()

    def _made(self) -> "OwnEngine | None":
        """Load what an engine is made of, which waits for the first frame. None: this installation is broken."""
        try:
            from app.tui.own_engine import OwnEngine
        except Exception as error:
            self._broken(error)
            return None
        return OwnEngine(self._home, self._config, self._folder)

    def _broken(self, error: Exception) -> None:
        log.exception("the engine could not be started")
        self.problem = f"The engine could not be started: {type(error).__name__}: {error}"

    def _look(self, own: "OwnEngine") -> None:
        try:
            mode = own.start()
        except EngineError as error:
            self.problem = str(error)
            return
        except Exception as error:
            self._broken(error)
            return
        if mode is Mode.OWN:
            sys.setswitchinterval(SWITCH_S)
        self._socket = own.socket
        self.here = own.here
        self.mode = mode
        self.notes += own.take_notes()
        self.problem = ""
