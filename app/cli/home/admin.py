"""Administration of a home on which no engine runs: its configuration and its store, changed here."""

import argparse
from collections.abc import Mapping
from typing import Any

from app.cli.place import home_of, home_with_runs, is_new
from app.cli.repo_names import Environment, config_path, settings_here
from app.repo_entry import repo_entry
from app.shapes import made_token_shape, token_shape
from app.views.repos import hook_of, repo_id_of, repos_view
from app.views.secrets import forget_secret, keep_secret, secrets_view
from engine.control.mirrors import Mirrors
from engine.control.sources import POLL
from engine.core.clock import SystemClock
from engine.core.errors import EngineError, NotThere
from engine.doorbell import ring
from engine.git.remote import local_path
from engine.settings.edit import add_repo, entry_settings, read_text, remove_repo, write_text
from engine.settings.file import parse_settings
from engine.store.store import Store, open_store
from engine.store.vault import ALL

Told = Mapping[str, Any]


class HomeAdmin:
    """The store is opened when it is needed first, and made only by what writes into it."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._args = args
        self._home = home_of(args)
        self._opened: Store | None = None
        self._clock = SystemClock()

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()

    def repos(self) -> list[Told]:
        return list(repos_view(self._existing(), settings_here(self._args), Mirrors(self._home)))

    def add_repo(self, told: Told) -> Told:
        from engine.control.triggers.refs import look_first

        entry = repo_entry(told)
        made = entry_settings(entry)
        path = config_path(self._args)
        text = add_repo(read_text(path), entry)
        settings = parse_settings(self._home, path, text.encode(), Environment())
        write_text(path, text)
        if local_path(made.url) is not None:
            look_first(self._store(), Mirrors(self._home), made, self._clock)
        return {"name": made.name, "url": made.url, "config": str(path), "hook": hook_of(settings, made.name)}

    def remove_repo(self, name: str) -> Told:
        path = config_path(self._args)
        write_text(path, remove_repo(read_text(path), name))
        return {"name": name, "config": str(path), "removed": True}

    def sync_repo(self, name: str) -> Told:
        from engine.control.triggers.refs import look

        settings = settings_here(self._args)
        repo = settings.repo(name)
        if repo is None:
            raise EngineError(f"{name!r} is not in the configuration.", "`treadle repo list` shows what is.")
        store = self._store()
        repo_id = repo_id_of(store, settings, name)
        seen = look(store, Mirrors(self._home), repo, repo_id, POLL, self._clock)
        return {"name": name, "events": seen.pushes}

    def secrets(self, repo: str | None) -> list[Told]:
        store = self._existing()
        return [] if store is None else list(secrets_view(store, None if repo is None else self._id(store, repo)))

    def set_secret(self, name: str, value: str, repo: str | None, environment: str | None) -> Told:
        store = self._store()
        return keep_secret(store, self._id(store, repo), name, value, environment, self._clock.now())

    def remove_secret(self, name: str, repo: str | None, environment: str | None) -> Told:
        store = self._existing()
        if store is None:
            raise NotThere(f"There is no secret {name.upper()}.", "`treadle secret list` shows them.")
        return forget_secret(store, self._id(store, repo), name, environment)

    def tokens(self) -> list[Told]:
        store = self._existing()
        return [] if store is None else [token_shape(token) for token in store.tokens.list()]

    def create_token(self, name: str, scope: str) -> Told:
        token, text = self._store().tokens.create(name, scope, self._clock.now())
        return made_token_shape(token, text)

    def revoke_token(self, token_id: int) -> Told:
        store = self._existing()
        if store is None or not store.tokens.revoke(token_id):
            raise EngineError(f"There is no token {token_id}.", "`treadle token list` shows those there are.")
        return {"id": token_id, "revoked": True}

    def prune(self, dry_run: bool) -> Told:
        from app.views.prune import prune_view
        from engine.control.housekeeping.retention import pruning_of
        from engine.home import HomeLock
        from engine.store.contents.artifacts import Artifacts

        home, now, rules = home_with_runs(self._args), self._clock.now(), settings_here(self._args).retention
        lock = HomeLock(home)
        if not dry_run and not lock.take():
            raise EngineError(f"An engine works on this home (process {lock.holder()}).", "Wait for its end.")
        try:
            pruning = pruning_of(self._store(), Artifacts(home / "artifacts"))
            told = prune_view(pruning, rules, now)
            if not dry_run:
                for _ in pruning.steps(rules, now):
                    pass
        finally:
            lock.release()
        return told | {"dry_run": dry_run, "engine": False}

    def heard(self) -> bool:
        return ring(self._home)

    def _id(self, store: Store, repo: str | None) -> int:
        return ALL if repo is None else repo_id_of(store, settings_here(self._args), repo)

    def _existing(self) -> Store | None:
        return None if is_new(self._home) else self._store()

    def _store(self) -> Store:
        if self._opened is None:
            self._opened = open_store(self._home, create=True)
        return self._opened
