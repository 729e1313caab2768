"""Opens what a job may have written, as what it was made and nothing else: a link leads away, a pipe waits for ever."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


def open_plain(path: Path | str, folder: int | None = None, *, follow: bool = False) -> BinaryIO:
    """Open a file for reading, as `plain_fd` does. Raises OSError."""
    return os.fdopen(plain_fd(path, folder, follow=follow), "rb")


def read_plain(path: Path | str, limit_bytes: int, folder: int | None = None) -> bytes | None:
    """Return the beginning of a file, None where there is none, or something else bears its name."""
    try:
        with open_plain(path, folder) as file:
            return file.read(limit_bytes)
    except OSError:
        return None


def plain_fd(path: Path | str, folder: int | None = None, *, follow: bool = False) -> int:
    """Return a descriptor, for reading, of a plain file, by its name below the descriptor `folder` if there is one.

    With `follow` a link may lead to it. Raises OSError.
    """
    return _open(path, folder, os.O_RDONLY, stat.S_ISREG, "plain file", follow)


def fifo_fd(name: str, folder: int) -> int:
    """Return a descriptor, for both ends and never waiting, of a FIFO. Raises OSError."""
    return _open(name, folder, os.O_RDWR, stat.S_ISFIFO, "FIFO")


def folder_fd(path: Path | str, folder: int | None = None) -> int:
    """Return a descriptor of a folder, that no link leads to. Raises OSError."""
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)


def _open(
    path: Path | str, folder: int | None, flags: int, kind: Callable[[int], bool], called: str, follow: bool = False
) -> int:
    wrong = OSError(errno.EINVAL, f"it is no {called}", str(path))
    if not kind(os.stat(path, dir_fd=folder, follow_symlinks=follow).st_mode):  # opening a device can already do things
        raise wrong
    flags |= os.O_NONBLOCK | os.O_NOCTTY | (0 if follow else os.O_NOFOLLOW)
    fd = os.open(path, flags, dir_fd=folder)
    if not kind(os.fstat(fd).st_mode):  # it has become another one meanwhile
        os.close(fd)
        raise wrong
    return fd
