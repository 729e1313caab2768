"""Administration by an engine that runs, over its API."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from app.cli.remote import translated
from app.client import ApiError, Client
from engine.core.errors import SettingsError

Told = Mapping[str, Any]
WRONG = 422


class RemoteAdmin:
    def __init__(self, client: Client) -> None:
        self._client = client

    def repos(self) -> list[Told]:
        return self._list("/repos", "repos")

    def add_repo(self, told: Told) -> Told:
        return self._post("/repos", told)

    def remove_repo(self, name: str) -> Told:
        return self._delete(f"/repos/{name}")

    def sync_repo(self, name: str) -> Told:
        return self._post(f"/repos/{name}/sync")

    def secrets(self, repo: str | None) -> list[Told]:
        return self._list("/secrets", "secrets", {"repo": repo})

    def set_secret(self, name: str, value: str, repo: str | None, environment: str | None) -> Told:
        return self._post("/secrets", {"name": name, "value": value, "repo": repo, "environment": environment})

    def remove_secret(self, name: str, repo: str | None, environment: str | None) -> Told:
        return self._delete(f"/secrets/{name}", {"repo": repo, "environment": environment})

    def tokens(self) -> list[Told]:
        return self._list("/tokens", "tokens")

    def create_token(self, name: str, scope: str) -> Told:
        return self._post("/tokens", {"name": name, "scope": scope})

    def revoke_token(self, token_id: int) -> Told:
        return self._delete(f"/tokens/{token_id}")

    def heard(self) -> bool:
        return True

    def _list(self, path: str, name: str, query: Mapping[str, Any] | None = None) -> list[Told]:
        with self._translated():
            return list(self._client.get(path, query)[name])

    def _post(self, path: str, body: Told | None = None) -> Told:
        with self._translated():
            return dict(self._client.post(path, body))

    def _delete(self, path: str, query: Mapping[str, Any] | None = None) -> Told:
        with self._translated():
            return dict(self._client.delete(path, query))

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Make what cannot be wrong usage, as it is without an engine."""
        with translated(self._client):
            try:
                yield
            except ApiError as error:
                if error.status == WRONG:
                    raise SettingsError(str(error)) from None
                raise
