"""What every table is made of: instants and JSON as columns, and rows that belong to the home's one database."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple, Self

from peewee import AutoField, BooleanField, DatabaseProxy, FloatField, Model, TextField

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


class First(NamedTuple):
    """A value for a column that has none yet; one that is there stays."""

    value: Any


class Row(Model):
    """A row of the home's database.

    What is asked for every job, again and again, is told in plain SQL: to have peewee build a query anew each time
    takes ten times as long as SQLite does.
    """

    class Meta:
        database = DATABASE
        legacy_table_names = False

    @classmethod
    def read(cls, where: str, values: Sequence[Any] = (), fields: tuple[str, ...] = ()) -> list[Self]:
        """Return rows by a condition in plain SQL, and what may follow it (`ORDER BY`, `LIMIT`): whole, or of them no
        more than some fields."""
        select, readers = _reading(cls, fields)
        found = []
        for told in DATABASE.execute_sql(f"{select} WHERE {where}", values):
            row = cls(__no_default__=True)
            row.__data__ = {
                name: convert(value) if convert else value for (name, convert), value in zip(readers, told, strict=True)
            }
            found.append(row)
        return found

    @classmethod
    def create(cls, **fields: Any) -> Self:
        """Insert a row and return it, with the id that it has been given."""
        insert, columns = _inserting(cls)
        row = cls(**fields)
        told = [field.db_value(row.__data__.get(field.name)) for field in columns]
        ident = DATABASE.execute_sql(insert, told).lastrowid
        if len(columns) < len(cls._meta.sorted_fields):
            key: Any = cls._meta.primary_key
            row.__data__[key.name] = ident
        return row

    @classmethod
    def get_by_id(cls, pk: Any) -> Self:
        """Return the row with this key, which is one column. Raises DoesNotExist."""
        key: Any = cls._meta.primary_key
        for row in cls.read(f'"{key.column_name}" = ?', (pk,)):
            return row
        return super().get_by_id(pk)  # which raises it

    @classmethod
    def write(cls, fields: Mapping[str, Any], where: str, values: Sequence[Any]) -> int:
        """Write fields where a condition in plain SQL holds; return of how many rows."""
        known = cls._meta.fields
        sets, told = [], []
        for name, value in fields.items():
            column, first = f'"{known[name].column_name}"', isinstance(value, First)
            sets.append(f"{column} = coalesce({column}, ?)" if first else f"{column} = ?")
            told.append(known[name].db_value(value.value if first else value))
        query = f'UPDATE "{cls._meta.table_name}" SET {", ".join(sets)} WHERE {where}'
        return int(DATABASE.execute_sql(query, (*told, *values)).rowcount)


@cache
def _reading(cls: type[Row], names: tuple[str, ...]) -> tuple[str, tuple[tuple[str, Callable[[Any], Any] | None], ...]]:
    """Return how a SELECT of a table begins, and of each of its columns whose value it is and how that is read."""
    fields = [cls._meta.fields[name] for name in names] or cls._meta.sorted_fields
    columns = ", ".join(f'"{field.column_name}"' for field in fields)
    select = f'SELECT {columns} FROM "{cls._meta.table_name}"'
    special = (BooleanField, InstantField, JsonField)
    return select, tuple((field.name, field.python_value if isinstance(field, special) else None) for field in fields)


@cache
def _inserting(cls: type[Row]) -> tuple[str, tuple[Any, ...]]:
    """Return the INSERT of a table, and the fields that its values are of: all but an id that SQLite gives."""
    fields = tuple(field for field in cls._meta.sorted_fields if not isinstance(field, AutoField))
    columns = ", ".join(f'"{field.column_name}"' for field in fields)
    return f'INSERT INTO "{cls._meta.table_name}" ({columns}) VALUES ({", ".join("?" * len(fields))})', fields
