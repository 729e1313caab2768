"""Which home a command line means. Imports next to nothing: every command begins here."""

import argparse
import os
from pathlib import Path

from engine.core.errors import EngineError
from engine.settings.model import default_home

DATABASE = "treadle.db"


def home_with_runs(args: argparse.Namespace) -> Path:
    """Return the home, where something was done in it. Raises EngineError where nothing was, or what was is lost."""
    home = home_of(args)
    if is_new(home):
        raise EngineError(f"There is nothing in {home} yet.", "Run `treadle run` in a repository first.")
    return home


def is_new(home: Path) -> bool:
    """Whether nothing was done in a home so far. Raises EngineError for one whose database is lost."""
    if has_database(home):
        return False
    from engine.store.store import refuse_lost

    refuse_lost(home)
    return True


def has_database(home: Path) -> bool:
    """Whether there is a database with something in it, be that damaged."""
    path = home / DATABASE
    return path.exists() and path.stat().st_size > 0


def home_with_snapshots(args: argparse.Namespace) -> Path:
    """Return the home, where there are or could be snapshots: those outlast its database. Raises EngineError."""
    home = home_of(args)
    return home if (home / "snapshots").is_dir() else home_with_runs(args)


def home_of(args: argparse.Namespace) -> Path:
    """Return the home: `--home`, else the one that the environment names."""
    return Path(args.home).expanduser().absolute() if args.home else default_home(os.environ)
