"""What forges and webhooks of ours have still to hear: durable, in order within a lane, tried again with backoff."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from peewee import fn

from engine.store.database import Database
from engine.store.tables.home import OutboxRow
from pipelines.records import dataclass

OVERTAKEN = "overtaken by what came after it"
NAMED_NO_MORE = "the configuration names it no more"
_LATEST = 10_000  # letters that are looked through
_UNTOLD = f"""WITH letter AS (SELECT outbox.id, receiver, repo.name AS repo, problem, sent_at FROM outbox
  JOIN run ON run.id = outbox.run_id JOIN repo ON repo.id = run.repo_id
  WHERE outbox.id > (SELECT max(id) FROM outbox) - {_LATEST}),
 heard AS (SELECT receiver, repo, max(id) AS upto FROM letter WHERE problem = '' AND sent_at IS NOT NULL
  GROUP BY receiver, repo)
SELECT letter.receiver, letter.repo, count(*), problem, max(letter.id)
 FROM letter LEFT JOIN heard USING (receiver, repo)
 WHERE problem NOT IN ('', '{OVERTAKEN}', '{NAMED_NO_MORE}') AND letter.id > coalesce(heard.upto, 0)
 GROUP BY letter.receiver, letter.repo ORDER BY letter.repo, letter.receiver"""


@dataclass(frozen=True, slots=True)
class NewLetter:
    """One thing to say to `receiver` (scheme and host) after all that its `lane` holds already.

    `body` is what its kind (`status`, `notify`) needs; it holds no secret.
    """

    receiver: str
    lane: str
    kind: str
    run_id: int
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter on its way. `tries` counts those that failed."""

    id: int
    receiver: str
    lane: str
    kind: str
    run_id: int
    body: Mapping[str, Any]
    tries: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Untold:
    """So many letters of a repository a receiver has not heard, since the last that it has; why not the latest."""

    receiver: str
    repo: str
    letters: int
    problem: str

    @property
    def sentence(self) -> str:
        results = "a result" if self.letters == 1 else f"{self.letters} results"
        return f"{self.receiver} has not heard of {results} of {self.repo}: {self.problem}"


def untold(rows: Callable[[str], Iterable[Any]]) -> list[Untold]:
    """Return who has not heard what, by repository; `rows` answers a query, of a database that nobody may write."""
    return [Untold(receiver, repo, letters, problem) for receiver, repo, letters, problem, _ in rows(_UNTOLD)]


class Outbox:
    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, letters: Sequence[NewLetter], now: datetime) -> None:
        """Have these said, each as soon as what came before it in its lane has been.

        A receiver that did not answer need not hear all that it missed: what was tried in vain in the same lane is
        given up. Nests in a write, so that a reader's letters and its cursor are one.
        """
        with self._db.write():
            for letter in letters:
                failed = (OutboxRow.lane == letter.lane) & OutboxRow.sent_at.is_null() & (OutboxRow.tries > 0)
                OutboxRow.update(sent_at=now, problem=OVERTAKEN).where(failed).execute()
                OutboxRow.create(
                    receiver=letter.receiver, lane=letter.lane, kind=letter.kind, run_id=letter.run_id,
                    body=letter.body, next_try_at=now, created_at=now,
                )  # fmt: skip

    def receivers(self) -> dict[str, datetime]:
        """Return who has still something to hear, and from when on."""
        first = fn.MIN(OutboxRow.next_try_at).alias("first_at")
        query: Any = OutboxRow.select(OutboxRow.receiver, first).where(OutboxRow.sent_at.is_null())
        return dict(query.group_by(OutboxRow.receiver).tuples())

    def due(self, receiver: str, now: datetime, limit: int = 50) -> list[Letter]:
        """Return the first unsent letter of each lane of a receiver, if it is due; oldest first."""
        first = OutboxRow.alias()
        oldest = first.select(first.id).where((first.lane == OutboxRow.lane) & first.sent_at.is_null())
        query = OutboxRow.select().where(
            OutboxRow.sent_at.is_null()
            & (OutboxRow.receiver == receiver)
            & (OutboxRow.next_try_at <= now)
            & (OutboxRow.id == oldest.order_by(first.id).limit(1))
        )
        return [_letter(row) for row in query.order_by(OutboxRow.id).limit(limit)]

    def sent(self, letter_id: int, now: datetime) -> None:
        with self._db.write():
            OutboxRow.update(sent_at=now, problem="").where(OutboxRow.id == letter_id).execute()

    def postponed(self, letter_id: int, problem: str, next_try_at: datetime) -> None:
        with self._db.write():
            fields = {"problem": problem, "next_try_at": next_try_at, "tries": OutboxRow.tries + 1}
            OutboxRow.update(**fields).where((OutboxRow.id == letter_id) & OutboxRow.sent_at.is_null()).execute()

    def given_up(self, letter_id: int, problem: str, now: datetime) -> None:
        """Note that nobody will hear this, and why; the lane goes on."""
        with self._db.write():
            OutboxRow.update(sent_at=now, problem=problem).where(OutboxRow.id == letter_id).execute()

    def give_up_all(self, problem: str, now: datetime) -> int:
        """Note that nobody will hear any of what waits, and why; return how many letters that were."""
        with self._db.write():
            unsent = OutboxRow.sent_at.is_null()
            return int(OutboxRow.update(sent_at=now, problem=problem).where(unsent).execute())

    def waiting(self) -> int:
        return int(OutboxRow.select().where(OutboxRow.sent_at.is_null()).count())

    def untold(self) -> list[Untold]:
        """Return who has not heard what, by repository."""
        return untold(self._db.rows)


def _letter(row: OutboxRow) -> Letter:
    return Letter(row.id, row.receiver, row.lane, row.kind, row.run_id, row.body, row.tries, row.created_at)
