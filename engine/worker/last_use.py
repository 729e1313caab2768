"""When built images were used last, which no container engine remembers: a file for each, touched at each use."""

import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path


class LastUse:
    """The notes of one home; None: of none, and nothing is noted. Any thread, any process; a note that cannot be
    written is none."""

    def __init__(self, home: Path | None) -> None:
        self._folder = None if home is None else home / "cache" / "images"

    def note(self, tag: str) -> None:
        """Remember that an image is used now."""
        if self._folder is None:
            return
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            path = self._folder / _name(tag)
            path.touch(mode=0o600)
            os.utime(path)

    def at(self, tags: Collection[str], otherwise_s: float) -> float:
        """Return when an image with these names was used last, in seconds since the epoch; `otherwise_s` if nobody
        noted it."""
        if self._folder is None:
            return otherwise_s
        found = []
        for tag in tags:
            with suppress(OSError):
                found.append((self._folder / _name(tag)).stat().st_mtime)
        return max(found, default=otherwise_s)

    def forget(self, tag: str) -> None:
        """Drop the note of an image that has been removed."""
        if self._folder is not None:
            (self._folder / _name(tag)).unlink(missing_ok=True)


def _name(tag: str) -> str:
    return tag.replace("/", "%").replace(":", "@")
