"""Files of a home that are made again whenever they are wanted: what lies where they belong goes for it."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from engine.core.errors import EngineError


def lock_file(path: Path) -> int:
    """Open a file that is only ever locked, made if need be; return its descriptor. Its folder must be there."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o600)
    except (IsADirectoryError, FileNotFoundError):
        if not path.parent.is_dir():
            raise
        make_way(path)
        return os.open(path, flags, 0o600)


def folder(path: Path) -> Path:
    """Have a folder be there, for its owner alone, with those above it; return it. A file in its place goes.

    Raises EngineError for a link to what is not there: somebody has put the folder on a disk that is away.
    """
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except (FileExistsError, NotADirectoryError):
        if path.is_symlink():
            raise EngineError(
                f"{path} leads to {path.readlink()}, which is no folder.", "Mount it, or remove the link."
            ) from None
        if not path.parent.is_dir():
            folder(path.parent)
        else:
            make_way(path)
        path.mkdir(exist_ok=True, mode=0o700)
    return path


def make_way(path: Path) -> None:
    """Have nothing be at a path: neither a file, nor a folder, nor a link, wherever that leads."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        with suppress(FileNotFoundError):
            path.unlink()
