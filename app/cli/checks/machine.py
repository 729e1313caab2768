"""Whether this machine has what every command needs: Python, SQLite, Git."""

import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from app.cli.checks.check import Check, nearest
from engine.core.errors import EngineError

SQLITE = (3, 35, 0)


def machine(home: Path) -> Iterator[Check]:
    """Look at this machine, and whether SQLite works where the home is or will be."""
    yield _python()
    yield _sqlite(home)
    yield _git()


def _python() -> Check:
    return Check("python", "ok", f"Python {'.'.join(map(str, sys.version_info[:3]))} at {sys.executable}")


def _sqlite(home: Path) -> Check:
    version = sqlite3.sqlite_version
    if sqlite3.sqlite_version_info < SQLITE:
        return Check(
            "sqlite", "fail", f"SQLite {version} is too old", "Use a Python that comes with SQLite 3.35 or newer."
        )
    try:
        with tempfile.TemporaryDirectory(dir=nearest(home)) as folder:
            handle = sqlite3.connect(Path(folder) / "try.db")
            mode = handle.execute("pragma journal_mode=wal").fetchone()[0]
            handle.close()
    except (OSError, sqlite3.Error) as error:
        return Check("sqlite", "fail", f"SQLite {version} cannot write at the home: {error}", "Choose another --home.")
    if mode != "wal":
        fix = "Put the home on a local disk: network file systems lack what WAL needs."
        return Check("sqlite", "fail", f"SQLite {version}, but no WAL at the home", fix)
    return Check("sqlite", "ok", f"SQLite {version}, WAL works at the home")


def _git() -> Check:
    try:
        from engine.git.repository import discover

        discover(Path("/"))
    except (ImportError, OSError, EngineError) as error:
        return Check(
            "git",
            "fail",
            f"libgit2 does not work: {error}",
            "Install treadle again: pip install --force-reinstall treadle",
        )
    if shutil.which("git") is None:
        return Check(
            "git", "warn", "libgit2 works; there is no git command", "Host jobs that call git need it: install git."
        )
    return Check("git", "ok", "libgit2 works, git is there")
