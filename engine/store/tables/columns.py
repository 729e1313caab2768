"""What every table is made of: instants and JSON as columns, and rows that belong to the home's one database."""

import json
from datetime import UTC, datetime
from typing import Any

from peewee import DatabaseProxy, FloatField, Model, TextField

DATABASE = DatabaseProxy()


def instant(seconds: float | None) -> datetime | None:
    """Return what an InstantField holds, from the row itself."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


class InstantField(FloatField):
    """An aware UTC datetime, kept as seconds since the epoch so that SQL can compare it."""

    def db_value(self, value: datetime | None) -> float | None:
        return value if value is None or isinstance(value, float) else value.timestamp()

    def python_value(self, value: float | None) -> datetime | None:
        return instant(value)


class JsonField(TextField):
    """Any JSON value, kept as compact text."""

    def db_value(self, value: Any) -> str | None:
        return None if value is None else json.dumps(value, separators=(",", ":"), ensure_ascii=False)

    def python_value(self, value: str | None) -> Any:
        return None if value is None else json.loads(value)


class Row(Model):
    class Meta:
        database = DATABASE
        legacy_table_names = False
