"""Which home a command line means. Imports next to nothing: every command begins here."""

import argparse
import os
from pathlib import Path

from engine.core.errors import EngineError
from engine.settings.model import default_home

DATABASE = "treadle.db"


def home_with_runs(args: argparse.Namespace) -> Path:
    """Return the home, where something was done in it. Raises EngineError where nothing was."""
    home = home_of(args)
    if not (home / DATABASE).exists():
        raise EngineError(f"There is nothing in {home} yet.", "Run `treadle run` in a repository first.")
    return home


def home_of(args: argparse.Namespace) -> Path:
    """Return the home: `--home`, else the one that the environment names."""
    return Path(args.home).expanduser().absolute() if args.home else default_home(os.environ)
