"""The one SQLite file: how it is opened, written and migrated. Knows nothing of what is in it."""

import os
import shutil
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from math import inf
from pathlib import Path
from typing import Any, NoReturn

from peewee import DatabaseError, OperationalError, SqliteDatabase

from engine.core.clock import SystemClock
from engine.core.errors import DiskFull, EngineError, StoreBusy, Unwritable
from engine.store.flush import flush
from engine.store.migrations import MIGRATIONS
from engine.store.tables.columns import DATABASE

BUSY_S = 5.0
LEAST_BYTES = 1 << 20
RESTORE = "Make a new home of a snapshot, with `treadle snapshot restore latest --to NEW_HOME`, or of a backup."
_DAMAGE = ("malformed", "not a database", "disk image")
PRAGMAS = {
    "journal_mode": "wal",
    "foreign_keys": 0,
    "busy_timeout": int(BUSY_S * 1000),
    "synchronous": 1,
    "temp_store": 2,
}


class Database:
    """`treadle.db`, one connection per thread.

    A plain write survives the death of this process; a durable one survives a power cut too, at the price of an
    fsync (SQLite: "PRAGMA synchronous"). The tables are bound to the database opened last: one home per process.
    `stalled_at_s` is when a write last waited in vain or was refused, on the clock that nobody sets.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.stalled_at_s = -inf
        self._clock = SystemClock()
        self._is_locked = False  # by another process, when somebody looked last
        self._is_durable = False  # the transaction of now: its commit, or what it has to be after that
        self._db = SqliteDatabase(str(path), pragmas=PRAGMAS, timeout=BUSY_S)
        DATABASE.initialize(self._db)
        self._writing = threading.Lock()
        self._refusals = 0  # how often the disk took no write
        self._mine = threading.local()  # the `refusals` that this thread's connection is younger than
        self._migrate()

    @contextmanager
    def write(self, *, durable: bool = False, patient: bool = False) -> Iterator[None]:
        """One short write transaction, taken at once (BEGIN IMMEDIATE). Nests: all is written at the end of the first,
        and is durable if any of them is.

        Raises StoreBusy after 5 s without the lock; who is `patient` waits for it as long as it takes.
        """
        if self._db.in_transaction():
            self._is_durable |= durable  # ours alone: whoever is in a transaction has the lock
            yield
            return
        while not self._queue_up():
            if not patient:
                raise self._busy()
        try:
            self._connect_anew()
            if durable:
                self._db.execute_sql("PRAGMA synchronous=FULL")
            with ExitStack() as transaction:
                while not self._begin(transaction):
                    if not patient:
                        raise self._busy()
                self._is_durable = durable
                yield
            if self._is_durable and not durable:  # SQLite takes no other level within a transaction
                flush(self.path.with_name(f"{self.path.name}-wal"))
        except OperationalError as error:
            if "locked" in str(error) or "busy" in str(error):
                raise self._busy() from error
            self._refused(error)
            raise
        finally:
            try:
                if durable:
                    self._db.execute_sql("PRAGMA synchronous=NORMAL")
            finally:
                self._writing.release()

    def _queue_up(self) -> bool:
        """Threads of this process queue here: SQLite has them sleep and try again, ever longer."""
        if self._writing.acquire(timeout=BUSY_S):
            return True
        self.stalled_at_s = self._clock.monotonic_s()
        return False

    def _busy(self) -> StoreBusy:
        who = "another process" if self._is_locked else "another thread of this one"
        return StoreBusy(f"{self.path} stayed locked by {who} for {BUSY_S:.0f} s.")

    def _connect_anew(self) -> None:
        """Leave a connection that may have been opened while the disk took no writes: it could only ever read."""
        if getattr(self._mine, "refusals", 0) != self._refusals:
            self._mine.refusals = self._refusals
            self._db.close()

    def _begin(self, transaction: ExitStack) -> bool:
        """Begin, and leave the end to `transaction`; return whether nobody else has the lock."""
        try:
            transaction.enter_context(self._db.atomic("IMMEDIATE"))
        except OperationalError as error:
            if "locked" not in str(error) and "busy" not in str(error):
                raise
            self.stalled_at_s = self._clock.monotonic_s()
            self._is_locked = True
            return False
        self._is_locked = False
        return True

    def _refused(self, error: OperationalError) -> None:
        """Raise what the disk means by an error of SQLite's: DiskFull or Unwritable; return for any other.

        A full disk is told of tables; of the shared memory SQLite only says that input or output failed. It has taken
        the transaction back by then, so that what is raised last may be that there is none to take back.
        """
        said = ""
        link: BaseException | None = error
        while link is not None:
            said, link = f"{said}\n{link}", link.__context__
        nothing_left = shutil.disk_usage(self.path.parent).free < LEAST_BYTES
        fails = "I/O" in said or "unable to open" in said
        if not (fails or "is full" in said or "readonly" in said):
            return
        self.stalled_at_s = self._clock.monotonic_s()
        if "is full" in said or (fails and nothing_left):
            raise DiskFull(f"The disk is full: {self.path} cannot be written.", "See `treadle doctor`.") from error
        self._refusals += 1
        raise Unwritable(
            f"{self.path} cannot be written: its disk is read-only, or fails.",
            "See what `dmesg` and `treadle doctor` say; what waits goes on once it can be written.",
        ) from error

    def execute_many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Carry out one statement for each row, inside a write."""
        self._db.connection().executemany(statement, rows)

    def change(self, statement: str, values: Sequence[Any] = ()) -> int:
        """Carry out one statement inside a write; return how many rows it changed."""
        return int(self._db.connection().execute(statement, values).rowcount)

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return what a query finds, as tuples of plain SQLite values: for what is asked for every event."""
        return self._db.connection().execute(query, values).fetchall()

    def data_version(self) -> int:
        """Return a number that is another one, to this thread, whenever anybody else has written."""
        return int(self.rows("PRAGMA data_version")[0][0])

    def close_thread(self) -> None:
        """Close the calling thread's connection, as every thread must before it ends."""
        if not self._db.is_closed():
            self._db.close()

    def version(self) -> int:
        return int(self._db.execute_sql("PRAGMA user_version").fetchone()[0])

    def _migrate(self) -> None:
        newest = len(MIGRATIONS)
        try:
            found = self.version()
        except DatabaseError as error:
            self._cannot_open(error)
        if found > newest:
            self._db.close()
            raise EngineError(
                f"{self.path} was written by a newer Treadle (schema {found}; this one knows {newest}).",
                "Install that version again, or point --home elsewhere.",
            )
        if found == newest:
            return
        with self.write(durable=True):
            found = self.version()  # another process may have been quicker
            if 0 < found < newest:
                self._back_up(self.path.with_name(f"{self.path.name}.before-{newest}"))
            for migrate in MIGRATIONS[found:]:
                migrate(self._db)
            self._db.execute_sql(f"PRAGMA user_version={newest}")

    def _cannot_open(self, error: DatabaseError) -> NoReturn:
        if damaged := damage_told(error):
            raise damaged from error
        folder = self.path.parent
        if os.access(folder, os.W_OK):
            raise EngineError(f"{self.path} cannot be opened: {error}.", "`treadle doctor` says more.") from error
        raise EngineError(
            f"{folder} cannot be written: it is read-only, or another user's.",
            "Mount it so that it can be written, or point --home elsewhere.",
        ) from error

    def _back_up(self, path: Path) -> None:
        """Copy the database as it was before this write, what is still in its write-ahead log included."""
        partial = path.with_name(f"{path.name}.partial")
        partial.unlink(missing_ok=True)
        copy_database(self.path, partial)
        partial.replace(path)


class DatabaseDamaged(EngineError):
    """A database that is not what was written: nothing in it may be believed."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path} is damaged: {what}.", RESTORE)


def damage_told(error: BaseException) -> DatabaseDamaged | None:
    """Return what an error means to a person that came of damage to the database opened last; None for any other."""
    link: BaseException | None = error if DATABASE.obj is not None else None
    while link is not None:
        if isinstance(link, DatabaseError | sqlite3.DatabaseError) and any(word in str(link) for word in _DAMAGE):
            return DatabaseDamaged(Path(DATABASE.database).absolute(), str(link))
        link = link.__cause__ or link.__context__
    return None


def copy_database(source: Path, target: Path) -> None:
    """Copy a database as it is at one moment, its write-ahead log included, while others read and write it.

    In one go: a copy in steps would begin anew at every write of somebody else. `target` must not be there. Raises
    DatabaseDamaged for a source that cannot be read.
    """
    there = f"{source.absolute().as_uri()}?mode=rw"  # a connection never makes it
    try:
        with closing(sqlite3.connect(there, uri=True, timeout=BUSY_S)) as old, closing(sqlite3.connect(target)) as new:
            new.execute("PRAGMA synchronous=OFF")  # whoever needs it on disk flushes the file
            old.backup(new)
    except sqlite3.DatabaseError as error:
        if "unable to open" in str(error) or any(word in str(error) for word in _DAMAGE):
            raise DatabaseDamaged(source, str(error)) from error
        raise


def damage_of(path: Path, *, thorough: bool = False) -> str:
    """Return what SQLite finds broken in a database that nobody writes, '' in a sound one. Changes nothing.

    One that an engine has open is looked at by engine/store/soundness.py.
    """
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as db:
            said = db.execute("PRAGMA integrity_check(1)" if thorough else "PRAGMA quick_check(1)").fetchone()[0]
            return "" if said == "ok" else str(said)
    except sqlite3.DatabaseError as error:
        return str(error)
