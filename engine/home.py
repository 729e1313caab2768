"""A home as a place: who has it, and its own id."""

import fcntl
import os
import uuid
from pathlib import Path


class HomeLock:
    """One engine per home: an advisory lock on `<home>/treadle.lock`, gone with the process that holds it."""

    def __init__(self, home: Path) -> None:
        self._path = home / "treadle.lock"
        self._fd: int | None = None

    def take(self) -> bool:
        """Take the lock if nobody has it; return whether this process has it now."""
        if self._fd is not None:
            return True
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
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
        except (FileNotFoundError, ValueError):
            return None

    def release(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def home_id(home: Path) -> str:
    """Return the home's own id, made at first use: what its containers are labelled with."""
    path = home / "home.id"
    if not path.exists():
        temporary = path.with_suffix(f".{os.getpid()}")
        temporary.write_text(uuid.uuid4().hex[:12] + "\n")
        try:
            os.link(temporary, path)
        except FileExistsError:
            pass  # another process was quicker
        finally:
            temporary.unlink()
    return path.read_text().strip()
