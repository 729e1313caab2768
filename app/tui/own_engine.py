"""The engine inside the UI's process: everything that `treadle --headless` runs, on threads of its own."""

import os
from pathlib import Path

from app.server.main import Server
from app.server.sockets import AddressTaken
from app.tui import here
from engine.core.errors import EngineError
from engine.home import HomeLock
from engine.settings import Settings, load
from engine.store.store import Store, open_store


class OwnEngine:
    """Starts an engine if the home has none. One thread calls it.

    `folder` is where the terminal stands: a repository there is added to the home, and `here` becomes its name.
    """

    def __init__(self, home: Path, config: Path | None, folder: Path) -> None:
        self._home = home
        self._config = config
        self._folder: Path | None = folder
        self._lock = HomeLock(home)
        self._store: Store | None = None
        self._server: Server | None = None
        self._notes: list[str] = []
        self.here = ""

    def start(self) -> bool:
        """Become this home's engine; False: another process is. Raises EngineError when neither will do."""
        settings = self._with_this_repository(load(self._home, self._config, os.environ))
        self._store = self._store or open_store(self._home, create=True)
        if not self._lock.take():
            return False
        self._notes += settings.notes
        try:
            self._server = Server(settings, self._store, self._lock).start()
        except AddressTaken as error:
            self._notes.append(f"{error} This engine takes no deliveries.")
            self._lock.take()
            self._server = Server(settings, self._store, self._lock, tcp=False).start()
        return True

    def take_notes(self) -> list[str]:
        """Return what the person should know of the start, once."""
        notes, self._notes = self._notes, []
        return notes

    def stop(self) -> None:
        """Leave running jobs in their boxes, and give everything back."""
        if self._server is not None:
            self._server.stop()
        if self._store is not None:
            self._store.close()

    def _with_this_repository(self, settings: Settings) -> Settings:
        """Add the repository of `folder` to the home, once, if the configuration lacks it; return what then holds."""
        found = None if self._folder is None else here.repository_here(self._folder)
        self._folder = None
        if found is None:
            return settings
        if known := here.name_of(settings, found):
            self.here = known
            return settings
        try:
            self.here = here.add(settings, self._config or self._home / "treadle.yml", found)
        except EngineError as error:
            self._notes.append(f"{found.root} could not be added: {error}")
            return settings
        self._notes.append(f"Added {self.here}, and watch its commits. `treadle repo remove {self.here}` undoes that.")
        return load(self._home, self._config, os.environ)
