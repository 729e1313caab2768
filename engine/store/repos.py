"""The repositories that a home knows, and what came of each last. Nothing here changes a row."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from peewee import fn

from engine.store.inbox import DROPPED, PLANNED, RECEIVED
from engine.store.tables import EventRow, RepoRow


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
    rows = RepoRow.select().order_by(RepoRow.name)
    return [KnownRepo(row.id, row.name, row.path, row.url) for row in rows]


def known_repo(name: str) -> KnownRepo | None:
    row = RepoRow.get_or_none(RepoRow.name == name)
    return None if row is None else KnownRepo(row.id, row.name, row.path, row.url)


def last_event(repo_id: int) -> LastEvent | None:
    newest = [
        EventRow.select(fn.MAX(EventRow.id)).where((EventRow.status == status) & (EventRow.repo_id == repo_id)).scalar()
        for status in (RECEIVED, PLANNED, DROPPED)  # so that the index finds each at once
    ]
    found: Any = (
        EventRow.select(
            EventRow.id, EventRow.kind, EventRow.source, EventRow.status, EventRow.problem, EventRow.received_at
        )
        .where(EventRow.id == max((one for one in newest if one), default=0))
        .namedtuples()
        .first()
    )
    return None if found is None else LastEvent(**found._asdict())
