"""Writing to the last byte, and bringing what was written onto the disk itself, where no power cut takes it."""

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO

FEW = 64  # up to here one flush a file is cheaper than waiting for all that others have written, too


def write_all(file: IO[bytes], data: bytes) -> None:
    """Write all of `data` to a file without a buffer, which may take less at a time."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def write_new(path: Path, data: bytes) -> None:
    """Make a file, for its owner alone, whose content survives a power cut; so does its name once its folder is
    flushed. Raises FileExistsError."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb", buffering=0) as file:
        write_all(file, data)
        os.fsync(fd)


def flush_files(paths: Iterable[Path], within: Path) -> None:
    """Have the content of `paths`, all of one file system and under `within`, survive a power cut."""
    many = list(paths)
    if len(many) > FEW and _flush_file_system(within):
        return
    for path in many:
        flush(path)


def flush(path: Path) -> None:
    """Have a file's content, or which names a folder has, survive a power cut."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _flush_file_system(within: Path) -> bool:
    """Flush everything of the file system that `within` is on, if this system has a call for it."""
    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if syncfs is None:
        return False
    fd = os.open(within, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return int(syncfs(fd)) == 0
    finally:
        os.close(fd)
