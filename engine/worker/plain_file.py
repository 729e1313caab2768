"""Opens what a job may have written, and nothing but a plain file: a link leads elsewhere, a pipe waits for ever."""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


def open_plain(path: Path | str, folder: int | None = None, *, follow: bool = False) -> BinaryIO:
    """Open a file for reading, by its name below the descriptor `folder` if there is one. Raises OSError.

    With `follow` a link may lead to it. A device is not even opened, for that alone can do things.
    """
    if not stat.S_ISREG(os.stat(path, dir_fd=folder, follow_symlinks=follow).st_mode):
        raise OSError(errno.EINVAL, "it is no plain file", str(path))
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY | (0 if follow else os.O_NOFOLLOW)
    fd = os.open(path, flags, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(fd).st_mode):  # it has become another one meanwhile
        os.close(fd)
        raise OSError(errno.EINVAL, "it is no plain file", str(path))
    return os.fdopen(fd, "rb")


def open_folder(path: Path | str, folder: int | None = None) -> int:
    """Return a descriptor of a folder, that no link leads to. Raises OSError."""
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
