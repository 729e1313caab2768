"""Which home a command line means. Imports next to nothing: every command begins here."""

import argparse
import os
from pathlib import Path

from engine.settings import default_home


def home_of(args: argparse.Namespace) -> Path:
    """Return the home: `--home`, else the one that the environment names."""
    return Path(args.home).expanduser().absolute() if args.home else default_home(os.environ)
