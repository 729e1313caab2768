"""When each repository was last asked where its refs are, and how that went."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from engine.store.cursors import Cursors
from engine.store.database import Database
from pipelines.records import dataclass

PREFIX = "sync:"


@dataclass(frozen=True, slots=True)
class Sync:
    """`problem` says why it was asked in vain; empty when it was not."""

    at: datetime
    problem: str


class Syncs:
    def __init__(self, database: Database) -> None:
        self._cursors = Cursors(database)

    def last(self, repo_id: int) -> Sync | None:
        told = self._cursors.get(_key(repo_id))
        return None if told is None else _sync(told)

    def all(self) -> dict[int, Sync]:
        """Return the last of every repository that was ever asked, by its id."""
        return {int(ident): _sync(told) for ident, told in self._cursors.all(PREFIX).items()}

    def note(self, repo_id: int, at: datetime, problem: str = "") -> None:
        self._cursors.set(_key(repo_id), {"at": at.timestamp(), "problem": problem})


def _sync(told: Mapping[str, Any]) -> Sync:
    return Sync(datetime.fromtimestamp(told["at"], UTC), told["problem"])


def _key(repo_id: int) -> str:
    return f"{PREFIX}{repo_id}"
