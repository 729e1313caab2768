"""Which repositories the command line speaks of: those of the configuration, and those that the home has seen."""

import argparse
import os
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path

from app.cli.naming import home_of
from engine.core.errors import EngineError
from engine.settings import Settings, load
from engine.store.repos import known_repo, known_repos
from engine.store.store import Store


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


def repo_id_of(store: Store, settings: Settings, name: str) -> int:
    """Return a repository's id, recording one that is configured and was never seen. Raises EngineError."""
    known = known_repo(name)
    if known is not None:
        return known.id
    configured = settings.repo(name)
    if configured is not None:
        place = configured.url if Path(configured.url).is_absolute() else ""
        return store.runs.repo(name, place, configured.url)
    names = [repo.name for repo in settings.repos] + [repo.name for repo in known_repos()]
    near = get_close_matches(name, names, n=1)
    hint = f"Did you mean {near[0]!r}?" if near else "`treadle repo list` shows those there are."
    raise EngineError(f"There is no repository {name!r}.", hint)
