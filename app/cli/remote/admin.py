"""Administration by an engine that runs, over its API."""

from collections.abc import Mapping
from typing import Any

from app.cli.asked import Asked

Told = Mapping[str, Any]


class RemoteAdmin:
    def __init__(self, engine: Asked) -> None:
        self._engine = engine

    def repos(self) -> list[Told]:
        return self._engine.listed("/repos", "repos")

    def add_repo(self, told: Told) -> Told:
        return dict(self._engine.post("/repos", told))

    def remove_repo(self, name: str) -> Told:
        return dict(self._engine.delete(f"/repos/{name}"))

    def sync_repo(self, name: str) -> Told:
        return dict(self._engine.post(f"/repos/{name}/sync"))

    def secrets(self, repo: str | None) -> list[Told]:
        return self._engine.listed("/secrets", "secrets", {"repo": repo})

    def set_secret(self, name: str, value: str, repo: str | None, environment: str | None) -> Told:
        told = {"name": name, "value": value, "repo": repo, "environment": environment}
        return dict(self._engine.post("/secrets", told))

    def remove_secret(self, name: str, repo: str | None, environment: str | None) -> Told:
        return dict(self._engine.delete(f"/secrets/{name}", {"repo": repo, "environment": environment}))

    def tokens(self) -> list[Told]:
        return self._engine.listed("/tokens", "tokens")

    def create_token(self, name: str, scope: str) -> Told:
        return dict(self._engine.post("/tokens", {"name": name, "scope": scope}))

    def revoke_token(self, token_id: int) -> Told:
        return dict(self._engine.delete(f"/tokens/{token_id}"))

    def prune(self, dry_run: bool) -> Told:
        return dict(self._engine.post("/prune", {"dry_run": dry_run})) | {"engine": True}

    def heard(self) -> bool:
        return True
