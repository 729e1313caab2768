"""What forges and webhooks of ours have still to hear: durable, in order within a lane, tried again with backoff."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.store.database import Database
from engine.store.tables import OutboxRow


@dataclass(frozen=True, slots=True)
class Letter:
    """One thing to say. `body` is what its kind (`status`, `notify`) needs; it holds no secret."""

    id: int
    lane: str
    kind: str
    run_id: int
    body: Mapping[str, Any]
    tries: int


class Outbox:
    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, lane: str, kind: str, run_id: int, body: Mapping[str, Any], now: datetime) -> None:
        """Have something said as soon as what came before it in its lane has been."""
        with self._db.write():
            OutboxRow.create(lane=lane, kind=kind, run_id=run_id, body=body, next_try_at=now, created_at=now)

    def due(self, now: datetime, limit: int = 50) -> list[Letter]:
        """Return the first unsent letter of each lane that is due."""
        first = OutboxRow.alias()
        oldest = first.select(first.id).where(first.sent_at.is_null() & (first.lane == OutboxRow.lane))
        query = OutboxRow.select().where(
            OutboxRow.sent_at.is_null()
            & (OutboxRow.next_try_at <= now)
            & (OutboxRow.id == oldest.order_by(first.id).limit(1))
        )
        return [_letter(row) for row in query.order_by(OutboxRow.id).limit(limit)]

    def next_try_at(self) -> datetime | None:
        """Return when the next letter is due, past or future; None when all has been said."""
        row = OutboxRow.select(OutboxRow.next_try_at).where(OutboxRow.sent_at.is_null())
        first = row.order_by(OutboxRow.next_try_at).first()
        return first.next_try_at if first else None

    def sent(self, letter_id: int, now: datetime) -> None:
        with self._db.write():
            OutboxRow.update(sent_at=now, problem="").where(OutboxRow.id == letter_id).execute()

    def postponed(self, letter_id: int, problem: str, next_try_at: datetime) -> None:
        with self._db.write():
            fields = {"problem": problem, "next_try_at": next_try_at, "tries": OutboxRow.tries + 1}
            OutboxRow.update(**fields).where(OutboxRow.id == letter_id).execute()

    def given_up(self, letter_id: int, problem: str, now: datetime) -> None:
        """Note that nobody will hear this, and why; the lane goes on."""
        with self._db.write():
            OutboxRow.update(sent_at=now, problem=problem).where(OutboxRow.id == letter_id).execute()

    def waiting(self) -> int:
        return int(OutboxRow.select().where(OutboxRow.sent_at.is_null()).count())


def _letter(row: OutboxRow) -> Letter:
    return Letter(row.id, row.lane, row.kind, row.run_id, row.body, row.tries)
