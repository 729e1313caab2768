"""The inbox: every event that came in, on disk before anybody is told so, planned in order, kept and searchable."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from itertools import zip_longest
from typing import Any

from peewee import fn

from engine.store.database import Database
from engine.store.tables.events import EventRow, RepoRow
from pipelines.records import dataclass

RECEIVED, PLANNED, DROPPED = "received", "planned", "dropped"
LARGE = 256 << 10
EMPTY = "{}"  # the fields of an event that is so old that what it said is gone
_FIELDS = EventRow.fields
# Every delivery of a storm comes through here: one statement that is read once, and no objects made for it.
_ACCEPT = f"""
INSERT INTO event (repo_id, delivery, kind, source, fields, digest, status, tries, problem, received_at)
VALUES (?, ?, ?, ?, ?, ?, '{RECEIVED}', 0, '', ?) ON CONFLICT DO NOTHING"""
_SETTLE = "UPDATE event SET status = ?, verdicts = ?, problem = ?, planned_at = ?, next_try_at = NULL WHERE id = ?"
_AWAITED = f"SELECT DISTINCT repo_id FROM event WHERE status = '{RECEIVED}'"
_WAITING = f"{_AWAITED} AND next_try_at > ?"
_HURRY = f"UPDATE event SET next_try_at = NULL WHERE status = '{RECEIVED}' AND next_try_at IS NOT NULL"


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


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an event: `dropped` says why nothing can come of it, else it is planned, with `verdicts`."""

    dropped: str = ""
    verdicts: Mapping[str, str] = field(default_factory=dict)


class Inbox:
    def __init__(self, database: Database) -> None:
        self._db = database

    def accept(self, arrivals: Sequence[Arrival], now: datetime) -> list[tuple[int, bool]]:
        """Keep a batch in one write that survives a power cut; return for each its id and whether it is new."""
        first: dict[tuple[int, str], Arrival] = {}
        for arrival in arrivals:
            first.setdefault((arrival.repo_id, arrival.delivery), arrival)
        at = now.timestamp()
        rows = [
            (one.repo_id, one.delivery, one.kind, one.source, _FIELDS.db_value(one.fields), one.digest, at)
            for one in first.values()
        ]
        with self._db.write(durable=True):
            last = EventRow.select(fn.MAX(EventRow.id)).scalar() or 0
            self._db.execute_many(_ACCEPT, rows)
            ids = self._ids(first)
        answers = []
        for arrival in arrivals:
            key = (arrival.repo_id, arrival.delivery)
            answers.append((ids[key], ids[key] > last and first.pop(key, None) is not None))
        return answers

    def _ids(self, keys: Iterable[tuple[int, str]]) -> dict[tuple[int, str], int]:
        """Return the ids of the events with these repositories and deliveries."""
        deliveries: dict[int, list[str]] = {}
        for repo_id, delivery in keys:
            deliveries.setdefault(repo_id, []).append(delivery)
        found = {}
        for repo_id, several in deliveries.items():
            wanted = (EventRow.repo_id == repo_id) & EventRow.delivery.in_(several)
            for row in EventRow.select(EventRow.id, EventRow.delivery).where(wanted).namedtuples():
                found[repo_id, row.delivery] = row.id
        return found

    def backlog(self) -> int:
        """Return how many events wait to be planned."""
        return int(EventRow.select().where(EventRow.status == RECEIVED).count())

    def due(self, now: datetime, limit: int = 50, passing_over: Collection[int] = ()) -> list[InboxEvent]:
        """Return events to plan now: of each repository in turn, its oldest first, so that a storm in one delays none.

        Behind one that waits for a new try, its repository waits too. Repositories to be passed over have none.
        """
        waiting = {repo_id for (repo_id,) in self._db.rows(_WAITING, (now.timestamp(),))}
        repos = [repo_id for (repo_id,) in self._db.rows(_AWAITED) if repo_id not in waiting.union(passing_over)]
        share = max(1, limit // max(1, len(repos)))
        lanes = [
            [
                _event(row)
                for row in _events()
                .where((EventRow.status == RECEIVED) & (EventRow.repo_id == repo_id))
                .order_by(EventRow.id)
                .limit(share)
                .namedtuples()
            ]
            for repo_id in repos[:limit]
        ]
        return [event for turn in zip_longest(*lanes) for event in turn if event is not None]

    def next_try_at(self, after: datetime | None = None) -> datetime | None:
        """Return when the next postponed event is due; with `after`, the next that is not due by then."""
        query = EventRow.select(EventRow.next_try_at).where(
            (EventRow.status == RECEIVED) & EventRow.next_try_at.is_null(False)
        )
        if after is not None:
            query = query.where(EventRow.next_try_at > after)
        row = query.order_by(EventRow.next_try_at).first()
        return row.next_try_at if row else None

    def settle(self, outcomes: Mapping[int, Outcome], now: datetime) -> None:
        """Note what became of events, by their ids. Call it in the write that records their runs."""
        rows = [
            (
                DROPPED if one.dropped else PLANNED,
                _FIELDS.db_value(dict(one.verdicts)),
                one.dropped,
                now.timestamp(),
                event_id,
            )
            for event_id, one in outcomes.items()
        ]
        with self._db.write():
            self._db.execute_many(_SETTLE, rows)

    def still_received(self, event_ids: Sequence[int]) -> set[int]:
        """Return those of the events that nobody has settled."""
        marks = ", ".join("?" * len(event_ids))
        query = f"SELECT id FROM event WHERE id IN ({marks}) AND status = '{RECEIVED}'"
        return {event_id for (event_id,) in self._db.rows(query, event_ids)}

    def postponed(self, event_id: int, problem: str, next_try_at: datetime) -> None:
        """Leave an event for later; those behind it in its repository wait as well, so that order is kept."""
        with self._db.write():
            EventRow.update(problem=problem, next_try_at=next_try_at, tries=EventRow.tries + 1).where(
                (EventRow.id == event_id) & (EventRow.status == RECEIVED)
            ).execute()

    def hurry(self, repo_id: int | None = None) -> bool:
        """Have postponed events, of one repository or of all, tried again at once; return whether there are any."""
        of_repo, values = ("", ()) if repo_id is None else (" AND repo_id = ?", (repo_id,))
        with self._db.write():
            return bool(self._db.change(_HURRY + of_repo, values))

    def replay(self, event_id: int) -> bool:
        """Have an event planned once more, as if it had just come; return whether there is what it said (see sweep)."""
        with self._db.write(durable=True):
            fields = {"status": RECEIVED, "next_try_at": None, "problem": "", "tries": 0}
            held = (EventRow.id == event_id) & (fn.LENGTH(EventRow.fields) > len(EMPTY))
            return bool(EventRow.update(**fields).where(held).execute())

    def get(self, event_id: int) -> InboxEvent | None:
        row = _events().where(EventRow.id == event_id).namedtuples().first()
        return None if row is None else _event(row)

    def list(
        self, repo: str | None = None, before: int | None = None, limit: int = 50, status: str | None = None
    ) -> "list[InboxEvent]":
        """Return events, newest first; of a large one (LARGE characters) without its fields, which `get` gives."""
        small = fn.IIF(fn.LENGTH(EventRow.fields) <= LARGE, EventRow.fields, "{}")
        query = _events(small.python_value(_FIELDS.python_value))
        if repo is not None:
            query = query.where(RepoRow.name == repo)
        if before is not None:
            query = query.where(EventRow.id < before)
        if status is not None:
            query = query.where(EventRow.status == status)
        return [_event(row) for row in query.order_by(EventRow.id.desc()).limit(limit).namedtuples()]


def _events(told: Any = EventRow.fields) -> Any:
    return EventRow.select(
        EventRow.id,
        EventRow.repo_id,
        RepoRow.name.alias("repo"),
        EventRow.delivery,
        EventRow.kind,
        EventRow.source,
        told.alias("fields"),
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
