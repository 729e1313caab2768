"""The settings of a running server as they are now: one owner, which everybody asks each time and nobody copies.

While the server runs it follows `treadle.yml`, edited by hand or by our own commands. What cannot be read changes
nothing and is said once; what cannot change while it runs stays as it was at the start.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from engine.core.errors import SettingsError
from engine.settings.edit import read_text, write_text
from engine.settings.file import parse_settings, read_settings
from engine.settings.model import Settings
from pipelines.records import dataclass

log = logging.getLogger(__name__)
AT_START: Mapping[str, str] = {"listen": "listen", "workers": "workers", "grace_s": "grace", "limits": "limits"}
"""What is taken at the start and stays until a restart: the field of Settings, and the key that it has in the file."""

Mark: TypeAlias = "tuple[int, int, int] | None"  # what tells one state of a file from another; None: it is not there


@dataclass(frozen=True, slots=True)
class Change:
    """What is different: repositories by name, and the keys that change only with a restart."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    restart: tuple[str, ...]

    def __str__(self) -> str:
        parts = [(self.added, "added"), (self.removed, "removed"), (self.changed, "changed")]
        said = [f"{word} {', '.join(names)}" for names, word in parts if names] or ["no other repositories"]
        restart = f"; until a restart these stay as they were: {', '.join(self.restart)}" if self.restart else ""
        return "; ".join(said) + restart


class LiveSettings:
    """`now` may be asked from any thread, at any time; so may the rest.

    `file` is what is followed, None for settings that never change. `prepare` is called with new settings before
    anybody sees them, `taken` when everybody does. `problem` says what is wrong with the file as it is, "" for nothing;
    `restart` names the keys in it that have no effect before a restart.
    """

    def __init__(
        self,
        settings: Settings,
        file: Path | None = None,
        environ: Mapping[str, str] | None = None,
        prepare: Callable[[Settings], None] = lambda _: None,
        taken: Callable[[], None] = lambda: None,
    ) -> None:
        self.file = file
        self.problem = ""
        self.restart: tuple[str, ...] = ()
        self._now = settings
        self._environ = environ or {}
        self._prepare = prepare
        self._tell = taken
        self._lock = threading.Lock()
        self._taken: Mark = None
        self._seen: Mark = None

    @property
    def now(self) -> Settings:
        return self._now

    @property
    def settled(self) -> bool:
        """Whether the file has not changed since it was taken, as of the last look."""
        return self._seen == self._taken

    def has_variable(self, name: str) -> bool:
        """Return whether the environment that `${NAME}` is read from has a variable."""
        return name in self._environ

    def look(self) -> None:
        """Take the file if it is another than last time, and as it was at the last look: nobody is writing it."""
        if self.file is None:
            return
        with self._lock:
            mark, seen = _mark(self.file), self._seen
            self._seen = mark
            if mark == self._taken or mark != seen:
                return
            try:
                if mark is None:
                    raise SettingsError(f"The configuration {self.file} is gone.")
                settings = read_settings(self._now.home, self.file, self._environ)
            except SettingsError as error:
                self._taken = mark
                self.problem = str(error)
                log.error("The settings stay as they were: %s", error)
                return
            if mark != _mark(self.file):
                return
            self._take(settings, mark)
        self._tell()

    def edit(self, change: Callable[[str], str]) -> None:
        """Change the file's text, and take what it says by then at once.

        Raises SettingsError, with nothing changed, when what it would say cannot be.
        """
        if self.file is None:
            raise SettingsError("This engine has no configuration that can be edited.")
        with self._lock:
            after = change(read_text(self.file))
            settings = parse_settings(self._now.home, self.file, after.encode(), self._environ)
            write_text(self.file, after)
            self._seen = _mark(self.file)
            self._take(settings, self._seen)
        self._tell()

    def _take(self, settings: Settings, mark: Mark) -> None:
        held = {field: getattr(self._now, field) for field in AT_START}
        self.restart = tuple(key for field, key in AT_START.items() if getattr(settings, field) != held[field])
        settings = replace(settings, **held)
        self._prepare(settings)
        before, self._now = self._now, settings
        self._taken = mark
        self.problem = ""
        if settings != before or self.restart:
            log.info("%s is read: %s.", self.file, _difference(before, settings, self.restart))
        for note in settings.notes:
            if note not in before.notes:
                log.warning("%s", note)


def _difference(before: Settings, after: Settings, restart: tuple[str, ...]) -> Change:
    old, new = ({repo.name: repo for repo in settings.repos} for settings in (before, after))
    return Change(
        tuple(name for name in new if name not in old),
        tuple(name for name in old if name not in new),
        tuple(name for name in new if name in old and new[name] != old[name]),
        restart,
    )


def _mark(file: Path) -> Mark:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
