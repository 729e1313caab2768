"""Where the refs of each repository stand, as far as events have told, and which pushes we saw before being told.

A push reaches us twice when a repository is watched or polled and its forge posts as well. What we saw stands for one
delivery that tells of it, whichever comes first.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from engine.core.refs import HEADS
from engine.store.database import Database
from engine.store.tables.events import RefRow, SightingRow
from pipelines.records import dataclass

_SIGHTINGS = "SELECT sha, min(event_id) FROM sighting WHERE repo_id = ? AND name = ? GROUP BY sha"
_HEADS = f"""SELECT repo.name, ref.sha FROM repo JOIN cursor ON cursor.name = ? || repo.id
 JOIN ref ON ref.repo_id = repo.id AND ref.name = '{HEADS}' || json_extract(cursor.value, '$')"""
MEMORY = timedelta(days=7)  # a forge redelivers for three days


@dataclass(frozen=True, slots=True)
class KnownRef:
    """A ref's commit, and the event that moved it there (0: it was there when we first looked)."""

    sha: str
    event_id: int


class Refs:
    def __init__(self, database: Database) -> None:
        self._db = database

    def all(self, repo_id: int) -> dict[str, KnownRef]:
        rows = self._db.rows("SELECT name, sha, event_id FROM ref WHERE repo_id = ?", (repo_id,))
        return {name: KnownRef(sha, event_id) for name, sha, event_id in rows}

    def get(self, repo_id: int, name: str) -> KnownRef | None:
        rows = self._db.rows("SELECT sha, event_id FROM ref WHERE repo_id = ? AND name = ?", (repo_id, name))
        return KnownRef(*rows[0]) if rows else None

    def heads(self, prefix: str) -> dict[str, str]:
        """Return, by repository name, the commit of the branch that a cursor named PREFIX and the id holds."""
        return dict(self._db.rows(_HEADS, (prefix,)))

    def found(self, repo_id: int, commits: Mapping[str, str]) -> None:
        """Take refs for known that nobody has told of, as at the first look at a repository."""
        with self._db.write():
            for name, sha in commits.items():
                RefRow.insert(repo_id=repo_id, name=name, sha=sha, event_id=0).on_conflict_ignore().execute()

    def moved(self, repo_id: int, name: str, sha: str | None, event_id: int | None) -> None:
        """Note where a ref is now (None: away) and which event says so (None: our own look).

        What an event says never overrules a later one. Call it in the write that settles or accepts the event.
        """
        with self._db.write():
            known = self.get(repo_id, name)
            if known is not None and event_id is not None and known.event_id > event_id:
                return
            if sha is None:
                RefRow.delete().where((RefRow.repo_id == repo_id) & (RefRow.name == name)).execute()
            else:
                RefRow.replace(repo_id=repo_id, name=name, sha=sha, event_id=event_id or 0).execute()

    def saw(self, repo_id: int, name: str, sha: str, event_id: int, now: datetime) -> None:
        """Note a push that we saw ourselves. Call it in the write that accepts its event."""
        with self._db.write():
            SightingRow.replace(event_id=event_id, repo_id=repo_id, name=name, sha=sha, at=now).execute()
            SightingRow.delete().where(SightingRow.at < now - MEMORY).execute()

    def sightings(self, repo_id: int, name: str) -> dict[str, int]:
        """Return, by commit, the event of the oldest sighting of each push that no delivery has told of yet."""
        return dict(self._db.rows(_SIGHTINGS, (repo_id, name)))

    def repos_with_sightings(self) -> set[int]:
        return {repo_id for (repo_id,) in self._db.rows("SELECT DISTINCT repo_id FROM sighting")}

    def told(self, event_id: int) -> None:
        """Note that a delivery told of a sighting. Call it in the write that settles the delivery."""
        with self._db.write():
            SightingRow.delete().where(SightingRow.event_id == event_id).execute()
