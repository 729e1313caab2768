"""The repositories that a home knows, and what came of each last. Nothing here changes a row."""

from datetime import UTC, datetime
from typing import Any

from engine.store.inbox import DROPPED, PLANNED, RECEIVED
from engine.store.tables.columns import DATABASE
from engine.store.tables.events import RepoRow
from pipelines.records import dataclass

# By status, so that an index leads to each at once.
_NEWEST = ", ".join(
    f"ifnull((SELECT max(id) FROM event WHERE status = '{status}' AND repo_id = repo.id), 0)"
    for status in (RECEIVED, PLANNED, DROPPED)
)
_LAST_EVENTS = f"""SELECT repo.id, event.id, event.kind, event.source, event.status, event.problem, event.received_at
 FROM repo JOIN event ON event.id = max({_NEWEST})"""
_LAST_RUNS = "SELECT repo_id, max(id) FROM run GROUP BY repo_id"


@dataclass(frozen=True, slots=True)
class KnownRepo:
    """A repository by its id. `path` is where it lies on this machine, if it does."""

    id: int
    name: str
    path: str
    url: str


@dataclass(frozen=True, slots=True)
class LastEvent:
    """The newest event of a repository. `problem` says why nothing came of it, or has not yet."""

    id: int
    kind: str
    source: str
    status: str
    problem: str
    received_at: datetime


def known_repos() -> list[KnownRepo]:
    rows: Any = RepoRow.select(RepoRow.id, RepoRow.name, RepoRow.path, RepoRow.url).order_by(RepoRow.name)
    return [KnownRepo(*row) for row in rows.tuples()]


def known_repo(name: str) -> KnownRepo | None:
    row = RepoRow.get_or_none(RepoRow.name == name)
    return None if row is None else KnownRepo(row.id, row.name, row.path, row.url)


def last_events() -> dict[int, LastEvent]:
    """Return the newest event of each repository, by the repository's id. One query, however many there are."""
    return {
        repo_id: LastEvent(ident, kind, source, status, problem, datetime.fromtimestamp(received_s, UTC))
        for repo_id, ident, kind, source, status, problem, received_s in DATABASE.execute_sql(_LAST_EVENTS).fetchall()
    }


def last_runs() -> dict[int, int]:
    """Return the newest run of each repository that has any, both by id."""
    return dict(DATABASE.execute_sql(_LAST_RUNS).fetchall())
