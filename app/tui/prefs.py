"""What the UI remembers per home: sizes, folds, filters, theme, answers given. A broken file means defaults."""

import contextlib
import json
import os
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T", str, int, bool, float, list[Any], dict[str, Any])
NAME = "ui.json"


class Prefs:
    """A few values by name, written to `<home>/ui.json` (0600) when they change and `keep` is called.

    Never raises: a file that cannot be read is as if there were none, one that cannot be written is not written.
    """

    def __init__(self, folder: Path | None) -> None:
        """Read what is kept in `folder`; None keeps nothing."""
        self._path = None if folder is None else folder / NAME
        self._values: dict[str, Any] = {}
        self._changed = False
        if self._path is not None:
            with contextlib.suppress(OSError, ValueError, RecursionError):
                told = json.loads(self._path.read_text("utf-8"))
                self._values = told if isinstance(told, dict) else {}

    def get(self, name: str, default: T) -> T:
        """Return a value, or the default where none of the same type is kept."""
        value = self._values.get(name)
        return value if isinstance(value, type(default)) else default

    def set(self, name: str, value: T) -> None:
        if self._values.get(name) != value:
            self._values[name] = value
            self._changed = True

    def keep(self) -> None:
        """Write what changed, as a whole or not at all."""
        if self._path is None or not self._changed:
            return
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            partial = self._path.with_name(f".{NAME}.{os.getpid()}")
            with contextlib.suppress(FileNotFoundError):
                partial.unlink()
            handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as file:
                json.dump(self._values, file, indent=1, sort_keys=True)
            partial.replace(self._path)
            self._changed = False
