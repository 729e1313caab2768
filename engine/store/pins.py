"""Which runs are kept whatever their age: a person has pinned them."""

from datetime import datetime

from engine.store.database import Database
from engine.store.tables.runs import PinRow


class Pins:
    def __init__(self, database: Database) -> None:
        self._db = database

    def pin(self, run_id: int, by: str, now: datetime) -> bool:
        """Keep a run, its logs and its artifacts until it is unpinned; return whether it was not pinned.

        Durable: once this returns, no removal takes the run.
        """
        with self._db.write(durable=True):
            if PinRow.get_or_none(PinRow.run_id == run_id) is not None:
                return False
            PinRow.insert(run_id=run_id, by=by, at=now).execute()
            return True

    def unpin(self, run_id: int) -> bool:
        """Let a run go when its time comes; return whether it was pinned."""
        with self._db.write(durable=True):
            return bool(PinRow.delete().where(PinRow.run_id == run_id).execute())
