"""Takes away what nobody asks for any more: what old events said, letters that were sent, commits that are read again,
how long jobs took that nobody runs, how they failed.

Each step is one small write, so that no other writer waits for long. The file does not shrink, it stops growing.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from engine.store.database import Database
from engine.store.inbox import EMPTY, RECEIVED

KEPT = timedelta(days=30)
EVENTS, LETTERS = 100_000, 50_000  # the newest, of which all is kept for so long
REDELIVERED = timedelta(days=7)  # a delivery is known again for so long, whatever came since
TIMED = timedelta(days=90)
FAILURES, FAILURES_KEPT = 50_000, timedelta(days=90)  # whatever becomes of runs: a test may fail once a month
BATCH = 100

_FIRST_YOUNG = "SELECT id FROM event WHERE received_at >= ? ORDER BY id LIMIT 1"
_NEWEST = "SELECT coalesce(max(id), 0) FROM event"
_UNUSED = "received_at < ? AND NOT EXISTS (SELECT 1 FROM run WHERE run.event_id = event.id)"
_OLD_EVENTS = f"""
SELECT id FROM event WHERE id > ? AND id <= ? AND status <> '{RECEIVED}' AND (fields <> '{EMPTY}' OR {_UNUSED})
ORDER BY id LIMIT {BATCH}"""
_SETTLED = f"id = ? AND status <> '{RECEIVED}'"
_EMPTY = f"UPDATE event SET fields = '{EMPTY}' WHERE {_SETTLED}"
_FORGET = f"DELETE FROM event WHERE {_SETTLED} AND {_UNUSED}"

_SAID_BEFORE = f"SELECT id FROM outbox WHERE sent_at < ? ORDER BY sent_at LIMIT {BATCH}"
_SAID_TOO_MANY = f"SELECT id FROM outbox WHERE sent_at IS NOT NULL ORDER BY sent_at DESC LIMIT {BATCH} OFFSET ?"
_LETTER = "DELETE FROM outbox WHERE id = ?"

_FAILED_BEFORE = f"SELECT attempt_id FROM failure WHERE at < ? ORDER BY at LIMIT {BATCH}"
_FAILED_TOO_OFTEN = f"SELECT attempt_id FROM failure ORDER BY at DESC LIMIT {BATCH} OFFSET ?"
_FAILURE = "DELETE FROM failure WHERE attempt_id = ?"

_OLD_COMMITS = f"""
SELECT repo_id, sha FROM "commit" WHERE at < ? AND (repo_id, sha) > (?, ?) AND sha NOT IN (SELECT sha FROM ref)
ORDER BY repo_id, sha LIMIT {BATCH}"""
_COMMIT = 'DELETE FROM "commit" WHERE repo_id = ? AND sha = ?'

_OLD_TIMES = f"SELECT repo_id, workflow_path, name FROM duration WHERE at < ? ORDER BY at LIMIT {BATCH}"
_TIME = "DELETE FROM duration WHERE repo_id = ? AND workflow_path = ? AND name = ?"


class Sweep:
    """Each method is a number of steps: it removes on, a little at every step, until nothing of its kind is left."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def events(self, now: datetime, most: int = EVENTS) -> Iterator[int]:
        """Empty events that were settled and are older than KEPT, or not among the newest; yield how many at a time.

        An event that started runs stays, without what it said; one that started nothing goes, but not while its forge
        may deliver it again. The newest always stays: ids are never given twice.
        """
        [(newest,)] = self._db.rows(_NEWEST)
        young = self._db.rows(_FIRST_YOUNG, ((now - KEPT).timestamp(),))
        until = min(max(young[0][0] - 1 if young else newest, newest - most), newest - 1)
        known, after = (now - REDELIVERED).timestamp(), 0
        while old := self._db.rows(_OLD_EVENTS, (after, until, known)):
            with self._db.write():
                self._db.execute_many(_FORGET, [(event_id, known) for (event_id,) in old])
                self._db.execute_many(_EMPTY, old)
            yield len(old)
            after = old[-1][0]

    def letters(self, now: datetime, most: int = LETTERS) -> Iterator[int]:
        """Remove letters that were sent or given up before KEPT, or are not among the newest of these."""
        for query, limit in ((_SAID_BEFORE, (now - KEPT).timestamp()), (_SAID_TOO_MANY, most)):
            while old := self._db.rows(query, (limit,)):
                with self._db.write():
                    self._db.execute_many(_LETTER, old)
                yield len(old)

    def failures(self, now: datetime, most: int = FAILURES) -> Iterator[int]:
        """Forget how attempts failed before FAILURES_KEPT, or that are not among the newest that failed."""
        for query, limit in ((_FAILED_BEFORE, (now - FAILURES_KEPT).timestamp()), (_FAILED_TOO_OFTEN, most)):
            while old := self._db.rows(query, (limit,)):
                with self._db.write():
                    self._db.execute_many(_FAILURE, old)
                yield len(old)

    def commits(self, now: datetime) -> Iterator[int]:
        """Forget what is known of commits older than KEPT that no ref stands at: it is read from Git if need be."""
        last = (0, "")
        while old := self._db.rows(_OLD_COMMITS, ((now - KEPT).timestamp(), *last)):
            with self._db.write():
                self._db.execute_many(_COMMIT, old)
            yield len(old)
            last = old[-1]

    def durations(self, now: datetime) -> Iterator[int]:
        """Forget how long jobs took that have not been green for TIMED."""
        while old := self._db.rows(_OLD_TIMES, ((now - TIMED).timestamp(),)):
            with self._db.write():
                self._db.execute_many(_TIME, old)
            yield len(old)
