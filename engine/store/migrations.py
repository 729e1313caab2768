"""The numbered steps from an empty file to today's schema. A step is never edited once released; add the next one."""

from collections.abc import Callable

from peewee import SqliteDatabase

from engine.store.tables.schema import TABLES


def first_schema(db: SqliteDatabase) -> None:
    """Schema 1: every table of the first release."""
    db.create_tables(TABLES)


def what_is_missing(db: SqliteDatabase) -> None:
    """Schema 2: pins, removals, and the indexes that find old runs. Makes whatever table or index is not there."""
    db.create_tables(TABLES)


def ends_at_once(db: SqliteDatabase) -> None:
    """Schema 3: which jobs are to end now. A file that is new has the column from its first step on."""
    if not any(column.name == "cancel_now" for column in db.get_columns("job")):
        db.execute_sql("ALTER TABLE job ADD COLUMN cancel_now INTEGER NOT NULL DEFAULT 0")


def where_boxes_are(db: SqliteDatabase) -> None:
    """Schema 4: in which executor, and of which image, the box of an attempt was made."""
    there = {column.name for column in db.get_columns("attempt")}
    for name in ("box_executor", "box_image"):
        if name not in there:
            db.execute_sql(f"ALTER TABLE attempt ADD COLUMN {name} TEXT NOT NULL DEFAULT ''")


MIGRATIONS: tuple[Callable[[SqliteDatabase], None], ...] = (
    first_schema,
    what_is_missing,
    ends_at_once,
    where_boxes_are,
)
