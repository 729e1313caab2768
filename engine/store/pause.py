"""Whether the queue is paused: kept until a person resumes it, also over a restart."""

from datetime import UTC, datetime

from engine.core.waiting import Paused
from engine.store.cursors import Cursors
from engine.store.database import Database

NAME = "paused"


class Pause:
    """While it is set nothing is claimed; what runs goes on."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._cursors = Cursors(database)

    def get(self) -> Paused | None:
        told = self._cursors.get(NAME)
        return None if told is None else Paused(told["by"], datetime.fromtimestamp(told["at"], UTC))

    def set(self, by: str, now: datetime) -> bool:
        """Pause the queue; return whether it was not paused. From when this returns no job is claimed."""
        with self._db.write(durable=True):
            if self.get() is not None:
                return False
            self._cursors.set(NAME, {"by": by, "at": now.timestamp()})
            return True

    def clear(self) -> bool:
        """Resume the queue; return whether it was paused."""
        with self._db.write(durable=True):
            return self._cursors.forget(NAME)
