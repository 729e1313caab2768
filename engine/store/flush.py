"""Bringing what was written onto the disk itself, many files at once: what a power cut cannot take any more."""

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

FEW = 64  # up to here one flush a file is cheaper than waiting for all that others have written, too


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
