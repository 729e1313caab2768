"""Which repositories the command line speaks of: those of the configuration, and those that the home has seen."""

import argparse
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from app.cli.place import home_of
from engine.settings.model import Settings, load


class Environment(Mapping[str, str]):
    """The variables of this shell; one that only the server's has is empty here, for commands that need no secret."""

    def __getitem__(self, name: str) -> str:
        return os.environ.get(name, "")

    def __contains__(self, name: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(os.environ)

    def __len__(self) -> int:
        return len(os.environ)


def config_path(args: argparse.Namespace) -> Path:
    return Path(args.config).expanduser() if args.config else home_of(args) / "treadle.yml"


def settings_here(args: argparse.Namespace) -> Settings:
    """Return the configuration as far as this shell can tell. Raises SettingsError."""
    path = config_path(args)
    return load(home_of(args), path if args.config else None, Environment())
