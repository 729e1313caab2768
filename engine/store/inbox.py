"""The inbox: every event that came in, on disk before anybody is told so, planned in order, kept and searchable."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.store.database import Database
from engine.store.tables import EventRow, RepoRow

RECEIVED, PLANNED, DROPPED = "received", "planned", "dropped"


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event to keep. `delivery` is unique per repository; `fields` are what `planner` needs, as plain JSON."""

    repo_id: int
    delivery: str
    kind: str
    source: str
    fields: Mapping[str, Any]
    digest: str = ""


@dataclass(frozen=True, slots=True)
class InboxEvent:
    """An event as kept. `verdicts` say of each workflow that it ran or which filter said no."""

    id: int
    repo_id: int
    repo: str
    delivery: str
    kind: str
    source: str
    fields: Mapping[str, Any]
    status: str
    verdicts: Mapping[str, str]
    tries: int
    next_try_at: datetime | None
    problem: str
    received_at: datetime
    planned_at: datetime | None


class Inbox:
    def __init__(self, database: Database) -> None:
        self._db = database

    def accept(self, arrivals: Sequence[Arrival], now: datetime) -> list[tuple[int, bool]]:
        """Keep a batch in one write that survives a power cut; return for each its id and whether it is new."""
        answers: list[tuple[int, bool]] = []
        with self._db.write(durable=True):
            for arrival in arrivals:
                known = EventRow.get_or_none(
                    (EventRow.repo_id == arrival.repo_id) & (EventRow.delivery == arrival.delivery)
                )
                if known is not None:
                    answers.append((known.id, False))
                    continue
                row = EventRow.create(
                    repo_id=arrival.repo_id,
                    delivery=arrival.delivery,
                    kind=arrival.kind,
                    source=arrival.source,
                    fields=arrival.fields,
                    digest=arrival.digest,
                    status=RECEIVED,
                    received_at=now,
                )
                answers.append((row.id, True))
        return answers

    def backlog(self) -> int:
        """Return how many events wait to be planned."""
        return int(EventRow.select().where(EventRow.status == RECEIVED).count())

    def due(self, now: datetime, limit: int = 50) -> list[InboxEvent]:
        """Return events to plan now, oldest first; behind one that waits for a new try, its repository waits too."""
        waiting = EventRow.select(EventRow.repo_id).where((EventRow.status == RECEIVED) & (EventRow.next_try_at > now))
        query = _events().where((EventRow.status == RECEIVED) & EventRow.repo_id.not_in(waiting))
        return [_event(row) for row in query.order_by(EventRow.id).limit(limit).namedtuples()]

    def next_try_at(self) -> datetime | None:
        """Return when the next postponed event is due."""
        query = EventRow.select(EventRow.next_try_at).where(
            (EventRow.status == RECEIVED) & EventRow.next_try_at.is_null(False)
        )
        row = query.order_by(EventRow.next_try_at).first()
        return row.next_try_at if row else None

    def planned(self, event_id: int, verdicts: Mapping[str, str], now: datetime) -> None:
        """Note what became of an event. Call it in the write that records its runs."""
        self._settle(event_id, PLANNED, verdicts, "", now)

    def dropped(self, event_id: int, problem: str, now: datetime) -> None:
        """Note that nothing can come of an event, and why."""
        self._settle(event_id, DROPPED, {}, problem, now)

    def postponed(self, event_id: int, problem: str, next_try_at: datetime) -> None:
        """Leave an event for later; those behind it in its repository wait as well, so that order is kept."""
        with self._db.write():
            EventRow.update(problem=problem, next_try_at=next_try_at, tries=EventRow.tries + 1).where(
                (EventRow.id == event_id) & (EventRow.status == RECEIVED)
            ).execute()

    def replay(self, event_id: int) -> bool:
        """Have an event planned once more, as if it had just come; return whether there is such an event."""
        with self._db.write(durable=True):
            fields = {"status": RECEIVED, "next_try_at": None, "problem": "", "tries": 0}
            return bool(EventRow.update(**fields).where(EventRow.id == event_id).execute())

    def get(self, event_id: int) -> InboxEvent | None:
        row = _events().where(EventRow.id == event_id).namedtuples().first()
        return None if row is None else _event(row)

    def list(self, repo: str | None = None, before: int | None = None, limit: int = 50) -> "list[InboxEvent]":
        """Return events, newest first."""
        query = _events()
        if repo is not None:
            query = query.where(RepoRow.name == repo)
        if before is not None:
            query = query.where(EventRow.id < before)
        return [_event(row) for row in query.order_by(EventRow.id.desc()).limit(limit).namedtuples()]

    def _settle(self, event_id: int, status: str, verdicts: Mapping[str, str], problem: str, now: datetime) -> None:
        with self._db.write():
            EventRow.update(
                status=status, verdicts=dict(verdicts), problem=problem, planned_at=now, next_try_at=None
            ).where(EventRow.id == event_id).execute()


def _events() -> Any:
    return EventRow.select(
        EventRow.id,
        EventRow.repo_id,
        RepoRow.name.alias("repo"),
        EventRow.delivery,
        EventRow.kind,
        EventRow.source,
        EventRow.fields,
        EventRow.status,
        EventRow.verdicts,
        EventRow.tries,
        EventRow.next_try_at,
        EventRow.problem,
        EventRow.received_at,
        EventRow.planned_at,
    ).join(RepoRow, on=(RepoRow.id == EventRow.repo_id))


def _event(row: Any) -> InboxEvent:
    return InboxEvent(**{**row._asdict(), "verdicts": row.verdicts or {}})
