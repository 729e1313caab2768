"""A home as a place: who has it, and its own id."""

import fcntl
import os
import re
import uuid
from contextlib import suppress
from pathlib import Path

from engine.made_again import lock_file, make_way

_ID = re.compile(r"[\w.-]+", re.ASCII)


class HomeLock:
    """One engine per home: an advisory lock on `<home>/treadle.lock`, gone with the process that holds it."""

    def __init__(self, home: Path) -> None:
        self._path = home / "treadle.lock"
        self._fd: int | None = None

    def take(self) -> bool:
        """Take the lock if nobody has it; return whether this process has it now."""
        if self._fd is not None:
            return True
        fd = lock_file(self._path)
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
        except (OSError, ValueError):
            return None

    def release(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def home_id(home: Path) -> str:
    """Return the home's own id, made at first use: what its containers are labelled with.

    One that was damaged is made anew; what bears the old one is nobody's from then on.
    """
    path = home / "home.id"
    while not (known := _known_id(path)):
        temporary = path.with_suffix(f".{uuid.uuid4().hex}")
        temporary.write_text(uuid.uuid4().hex[:12] + "\n")
        try:
            os.link(temporary, path)
        except FileExistsError:
            if not _known_id(path):  # else another process was quicker
                make_way(path)
        finally:
            temporary.unlink()
    return known


def _known_id(path: Path) -> str:
    with suppress(OSError, ValueError):
        known = path.read_text("ascii").strip()
        if _ID.fullmatch(known):
            return known
    return ""
