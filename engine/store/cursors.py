"""Where readers stand: the reporter in the transitions, a watcher in a repository's refs, a schedule in time."""

from typing import Any

from engine.store.database import Database
from engine.store.tables.home import CursorRow

_SET = "INSERT INTO cursor (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
LAST = "\U0010ffff"


class Cursors:
    def __init__(self, database: Database) -> None:
        self._db = database

    def get(self, name: str) -> Any:
        """Return what was kept under a name, or None."""
        rows = self._db.rows("SELECT value FROM cursor WHERE name = ?", (name,))
        return CursorRow.value.python_value(rows[0][0]) if rows else None

    def all(self, prefix: str) -> dict[str, Any]:
        """Return what is kept under names that begin so, by the rest of the name."""
        rows = self._db.rows("SELECT name, value FROM cursor WHERE name >= ? AND name < ?", (prefix, prefix + LAST))
        return {name[len(prefix) :]: CursorRow.value.python_value(value) for name, value in rows}

    def forget(self, name: str) -> bool:
        """Keep nothing under a name any more; return whether there was something. Nests in a write."""
        with self._db.write():
            return bool(CursorRow.delete().where(CursorRow.name == name).execute())

    def set(self, name: str, value: Any) -> None:
        """Keep a JSON value under a name. Nests in a write, so that a step and its cursor are one."""
        with self._db.write():
            self._db.change(_SET, (name, CursorRow.value.db_value(value)))
