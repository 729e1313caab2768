"""Who carries out what changes a server: its engine over the API, or this process on a home that has none."""

import argparse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from app.cli.asked import engine_of

Told = Mapping[str, Any]


class Administration(Protocol):
    """Everything is told as the API tells it. A refusal is an EngineError with its reason."""

    def repos(self) -> list[Told]: ...

    def add_repo(self, told: Told) -> Told:
        """Put a repository into the configuration: see `repo_entry`; return `name`, `url`, `config` and `hook`."""

    def remove_repo(self, name: str) -> Told: ...

    def sync_repo(self, name: str) -> Told:
        """Ask a repository where its refs are; return `name` and `events`: how many moved, None: it goes on."""

    def secrets(self, repo: str | None) -> list[Told]: ...

    def set_secret(self, name: str, value: str, repo: str | None, environment: str | None) -> Told: ...

    def remove_secret(self, name: str, repo: str | None, environment: str | None) -> Told: ...

    def tokens(self) -> list[Told]: ...

    def create_token(self, name: str, scope: str) -> Told:
        """Make a token; `token` is its text, told this once."""

    def revoke_token(self, token_id: int) -> Told: ...

    def prune(self, dry_run: bool) -> Told:
        """Have what is old enough go, or tell it: see `prune_view`; `engine`: one removes it, a little at a time."""

    def heard(self) -> bool:
        """Is there an engine that knows now of what was done?"""


@contextmanager
def admin_of(args: argparse.Namespace) -> Iterator[Administration]:
    """Give who a command line speaks to, until the block ends: the engine of `--connect`, else the one that runs on the
    home, unless another `--config` is meant, else the home's files. Raises SettingsError."""
    engine = engine_of(args, at_home=True)
    if engine is not None:
        from app.cli.remote.admin import RemoteAdmin

        yield RemoteAdmin(engine)
        return
    from app.cli.home.admin import HomeAdmin

    admin = HomeAdmin(args)
    try:
        yield admin
    finally:
        admin.close()
