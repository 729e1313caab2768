"""What it takes that a home on this machine answers: an engine in this process, or a guest beside another's."""

import os
from pathlib import Path

from app.client import Client
from app.server import guest, sockets
from app.server.guest import Guest
from app.server.main import Server
from app.tui import here
from app.tui.session import Mode
from engine.core.errors import EngineError
from engine.home import HomeLock
from engine.settings.model import Settings, load
from engine.store.store import Store, open_store


class OwnEngine:
    """Starts an engine if the home has none. One thread calls it.

    `folder` is where the terminal stands: a repository there is added to the home, and `here` becomes its name.
    `socket` is where the home answers now.
    """

    def __init__(self, home: Path, config: Path | None, folder: Path) -> None:
        self._home = home
        self._config = config
        self._folder: Path | None = folder
        self._lock = HomeLock(home)
        self._store: Store | None = None
        self._server: Server | None = None
        self._guest: Guest | None = None
        self._notes: list[str] = []
        self.here = ""
        self.socket = home / sockets.NAME

    def start(self) -> Mode:
        """Have the home answer, and say by whom. Raises EngineError when nothing will do."""
        self._add_this_repository()
        self._store = self._store or open_store(self._home, create=True)
        if self._lock.take():
            self._stop_guest()
            self._serve(self._readable_settings(), self._store)
            return Mode.OWN
        if Client.of_home(self._home).is_there():
            self._stop_guest()
            return Mode.ATTACHED
        if self._guest is None:
            self._guest = Guest(self._settings(), self._store).start()
            self.socket = self._home / guest.NAME
        return Mode.GUEST

    def take_notes(self) -> list[str]:
        """Return what the person should know of the start, once."""
        notes, self._notes = self._notes, []
        return notes

    def stop(self) -> None:
        """Leave running jobs in their boxes, and give everything back."""
        self._stop_guest()
        if self._server is not None:
            self._server.stop()
        if self._store is not None:
            self._store.close()

    def _serve(self, settings: Settings, store: Store) -> None:
        self._notes += settings.notes
        config = self._config or self._home / "treadle.yml"
        try:
            self._server = Server(settings, store, self._lock, config=config).start()
        except sockets.AddressTaken as error:
            self._notes.append(f"{error} This engine takes no deliveries.")
            self._lock.take()
            self._server = Server(settings, store, self._lock, tcp=False, config=config).start()

    def _stop_guest(self) -> None:
        self.socket = self._home / sockets.NAME
        if self._guest is not None:
            self._guest.stop()
            self._guest = None

    def _readable_settings(self) -> Settings:
        """Return the settings; where they cannot be read, the home is left to who can."""
        try:
            return self._settings()
        except EngineError:
            self._lock.release()
            raise

    def _settings(self) -> Settings:
        return load(self._home, self._config, os.environ)

    def _add_this_repository(self) -> None:
        """Add the repository of `folder` to the home, if the configuration lacks it; done once."""
        found = None if self._folder is None else here.repository_here(self._folder)
        self._folder = None
        if found is None:
            return
        settings = self._settings()
        if known := here.name_of(settings, found):
            self.here = known
            return
        try:
            self.here = here.add(settings, self._config or self._home / "treadle.yml", found)
        except EngineError as error:
            self._notes.append(f"{found.root} could not be added: {error}")
            return
        self._notes.append(
            f"Added {self.here} and watching its commits. `treadle repo remove {self.here}` undoes that."
        )
