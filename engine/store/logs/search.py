"""Words in all logs: an index in a file of its own, `search.db`, which can be made anew from the logs at any time.

It holds no text: a log is cut into blocks of some lines, SQLite's FTS5 knows which words stand in which block, and
what is found is read from the log itself, line by line. So it stays small, and shows nothing that is not there any
more. Its words lie in shards by time; the oldest shard goes when all are larger than they may be, and one whose logs
have been removed goes as a whole (this SQLite cannot take single blocks out of an index without their text).
"""

import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from engine.core.errors import EngineError
from engine.made_again import make_way
from engine.store.logs.index import Mark
from engine.store.logs.paths import log_path
from engine.store.logs.reader import LogReader
from engine.store.logs.words import SearchError, Words
from pipelines.records import dataclass

NAME = "search.db"
BLOCK_BYTES = 16 * 1024
SHARD_BYTES = 128 << 20  # of text
LOG_BYTES = 32 << 20  # of one attempt's log: what is longer is known by its beginning and its end
READ_BLOCKS = 2000  # of one question, at most
PER_LOG = 10
SHOWN = 240  # characters of a line
BUSY_S = 5.0  # for another process that writes
_SGR = re.compile(rb"\x1b\[[0-9;:]*m")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS place (sequence INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS shard (id INTEGER PRIMARY KEY, text_bytes INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS log (
  id INTEGER PRIMARY KEY, shard INTEGER NOT NULL, run_id INTEGER NOT NULL, job_id INTEGER NOT NULL,
  attempt INTEGER NOT NULL, repo TEXT NOT NULL, workflow TEXT NOT NULL, path TEXT NOT NULL, job TEXT NOT NULL,
  status TEXT NOT NULL, UNIQUE (run_id, job_id, attempt));
CREATE INDEX IF NOT EXISTS log_shard ON log (shard);
CREATE TABLE IF NOT EXISTS block (
  id INTEGER PRIMARY KEY, log_id INTEGER NOT NULL, start INTEGER NOT NULL, stop INTEGER NOT NULL,
  line INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS block_log ON block (log_id);
"""


@dataclass(frozen=True, slots=True)
class LogFacts:
    """Whose log it is. `status` is how the attempt ended, `path` the workflow's file."""

    run_id: int
    job_id: int
    attempt: int
    repo: str
    workflow: str
    path: str
    job: str
    status: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A line that holds all words. `line` counts from 1 in the attempt's log, `step` is None before the first; `text`
    is the line without colours, cut around the first word."""

    log: LogFacts
    step: int | None
    line: int
    offset: int
    text: str


@dataclass(frozen=True, slots=True)
class Found:
    """The newest logs come first, at most PER_LOG lines of each. `more`: there may be others."""

    hits: tuple[Hit, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class Where:
    """What of the logs is asked about; None asks about all. `workflow` is a name, a path, or the end of one."""

    repo: str | None = None
    workflow: str | None = None
    status: str | None = None


class SearchIndex:
    """The index of one home. Any thread, any process: one writes at a time, and readers never wait."""

    def __init__(self, home: Path) -> None:
        self.path = home / NAME
        self._home = home

    # -- asking -----------------------------------------------------------------------------------------------------

    def search(self, words: Words, where: Where, limit: int) -> Found:
        """Return at most `limit` lines. Reads at most READ_BLOCKS blocks of logs for it."""
        if not self.path.exists():
            return Found((), False)
        hits: list[Hit] = []
        counts: dict[int, int] = {}
        read = 0
        with self._open() as db:
            readers = _Readers(self._home)
            try:
                for log_id, start, stop, line in self._blocks(db, words, where):
                    if counts.get(log_id, 0) >= PER_LOG:
                        continue
                    if len(hits) >= limit or read >= READ_BLOCKS:
                        return Found(_in_order(hits[:limit]), True)
                    read += 1
                    facts = _facts(db, log_id)
                    for hit in readers.hits(facts, words, start, stop, line):
                        if counts.get(log_id, 0) < PER_LOG:
                            counts[log_id] = counts.get(log_id, 0) + 1
                            hits.append(hit)
            finally:
                readers.close()
        return Found(_in_order(hits[:limit]), len(hits) > limit or any(n >= PER_LOG for n in counts.values()))

    def place(self) -> int:
        """Return the sequence number of the last change whose log is known."""
        with self._open() as db:
            return _place(db)

    def size_bytes(self) -> int:
        """Return what is used of the file."""
        with self._open() as db:
            pages, free, size = (
                db.execute(f"PRAGMA {n}").fetchone()[0] for n in ("page_count", "freelist_count", "page_size")
            )
        return int((pages - free) * size)

    def counts(self) -> tuple[int, int]:
        """Return how many logs and how many bytes of text are known."""
        with self._open() as db:
            [(logs,)] = db.execute("SELECT count(*) FROM log")
            [(text,)] = db.execute("SELECT coalesce(sum(text_bytes), 0) FROM shard")
        return int(logs), int(text)

    # -- building ---------------------------------------------------------------------------------------------------

    def take(self, logs: Iterable[LogFacts], sequence: int) -> None:
        """Learn some logs, in one write with the place in the changes that they stand for. One that is gone is none."""
        with self._write() as db:
            for facts in logs:
                self._take(db, facts)
            sequence = max(sequence, _place(db))  # another process may be further
            db.execute("DELETE FROM place")
            db.execute("INSERT INTO place VALUES (?)", (sequence,))

    def forget_gone(self) -> Iterator[int]:
        """Forget runs whose logs have been removed, some at a time; yield how many."""
        after = -1
        while True:
            with self._open() as db:
                query = "SELECT DISTINCT run_id FROM log WHERE run_id > ? ORDER BY run_id LIMIT 500"
                runs = [run_id for (run_id,) in db.execute(query, (after,))]
            if not runs:
                break
            after = runs[-1]
            gone = [(run_id,) for run_id in runs if not (self._home / "logs" / str(run_id)).exists()]
            if gone:
                with self._write() as db:
                    db.executemany("DELETE FROM block WHERE log_id IN (SELECT id FROM log WHERE run_id = ?)", gone)
                    db.executemany("DELETE FROM log WHERE run_id = ?", gone)
            yield len(gone)
        with self._write() as db:
            query = "SELECT id FROM shard WHERE id < (SELECT max(id) FROM shard) AND id NOT IN (SELECT shard FROM log)"
            for (shard,) in db.execute(query).fetchall():
                _drop(db, shard)

    def shrink(self, limit_bytes: int) -> None:
        """Forget the oldest shards while the index is larger than this; the newest stays."""
        while self.size_bytes() > limit_bytes:
            with self._write() as db:
                shards = [shard for (shard,) in db.execute("SELECT id FROM shard ORDER BY id")]
                if len(shards) < 2:
                    return
                _drop(db, shards[0])

    def reset(self) -> None:
        """Throw the index away; it is built anew from the logs that there are."""
        for suffix in ("", "-wal", "-shm"):
            make_way(Path(f"{self.path}{suffix}"))

    def _take(self, db: sqlite3.Connection, facts: LogFacts) -> None:
        key = (facts.run_id, facts.job_id, facts.attempt)
        if db.execute("SELECT 1 FROM log WHERE run_id = ? AND job_id = ? AND attempt = ?", key).fetchone():
            return
        try:
            reader = LogReader(log_path(self._home, *key))
        except (FileNotFoundError, EngineError):
            return
        shard = _shard(db)
        with reader:
            row = (shard, *key, facts.repo, facts.workflow, facts.path, facts.job, facts.status)
            log_id = db.execute(
                "INSERT INTO log (shard, run_id, job_id, attempt, repo, workflow, path, job, status)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row,
            ).lastrowid  # fmt: skip
            text_bytes = 0
            for start, text, line in _cut(reader):
                block = db.execute(
                    "INSERT INTO block (log_id, start, stop, line) VALUES (?, ?, ?, ?)",
                    (log_id, start, start + len(text), line),
                ).lastrowid
                plain = _SGR.sub(b"", text) if b"\x1b" in text else text
                db.execute(
                    f"INSERT INTO words_{shard} (rowid, text) VALUES (?, ?)", (block, plain.decode(errors="replace"))
                )
                text_bytes += len(text)
        db.execute("UPDATE shard SET text_bytes = text_bytes + ? WHERE id = ?", (text_bytes, shard))

    # -- inside -----------------------------------------------------------------------------------------------------

    def _blocks(self, db: sqlite3.Connection, words: Words, where: Where) -> Iterator[tuple[int, int, int, int]]:
        """Yield the blocks that hold all words, the newest first."""
        wanted, values = ["1"], []
        for column, value in (("repo", where.repo), ("status", where.status)):
            if value is not None:
                wanted.append(f"log.{column} = ?")
                values.append(value)
        if where.workflow is not None:
            told = db.execute("SELECT DISTINCT path, workflow FROM log")
            paths = [path for path, name in told if _is_workflow(where.workflow, path, name)]
            wanted.append(f"log.path IN ({', '.join('?' * len(paths))})")
            values += paths
        for (shard,) in db.execute("SELECT id FROM shard ORDER BY id DESC").fetchall():
            yield from db.execute(
                f"SELECT block.log_id, block.start, block.stop, block.line FROM words_{shard} AS words"
                " JOIN block ON block.id = words.rowid JOIN log ON log.id = block.log_id"
                f" WHERE words_{shard} MATCH ? AND {' AND '.join(wanted)} ORDER BY words.rowid DESC",
                (words.match, *values),
            )

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        if self.path.is_dir() or (self.path.is_symlink() and not self.path.exists()):
            self.reset()
        with closing(sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None)) as db:
            db.execute("PRAGMA journal_mode=wal")
            db.execute("PRAGMA synchronous=NORMAL")
            db.executescript(_SCHEMA)
            yield db

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with self._open() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                db.execute("ROLLBACK")
                raise


class _Readers:
    """The log that is read just now, kept open: blocks come log by log."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._of: LogFacts | None = None
        self._reader: LogReader | None = None

    def hits(self, facts: LogFacts, words: Words, start: int, stop: int, line: int) -> Iterator[Hit]:
        reader = self._open(facts)
        if reader is None:
            return
        at = start
        lines = reader.read(start, stop).split(b"\n")  # and at no \r, with which a progress bar begins its line anew
        for number, raw in enumerate(lines, line + 1):
            text = _SGR.sub(b"", raw).decode(errors="replace").rstrip("\r")
            found = words.in_line(text)
            if found is not None:
                yield Hit(facts, self._step(reader, at), number, at, _around(text, found))
            at += len(raw) + 1

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
        self._reader = None

    def _open(self, facts: LogFacts) -> LogReader | None:
        if facts != self._of:
            self.close()
            self._of = facts
            try:
                self._reader = LogReader(log_path(self._home, facts.run_id, facts.job_id, facts.attempt))
            except (FileNotFoundError, EngineError):
                pass  # it was removed, or is damaged: there is nothing to show of it
        return self._reader

    def _step(self, reader: LogReader, offset: int) -> int | None:
        step = None
        try:
            for entry in reader.entries():
                if entry.mark is Mark.STEP_BEGIN:
                    if entry.start > offset:
                        break
                    step = entry.step
        except FileNotFoundError:
            return None
        return step


def _cut(reader: LogReader) -> Iterator[tuple[int, bytes, int]]:
    """Yield a log's blocks: where each starts, its bytes, and how many lines come before. Blocks end with a line."""
    size = reader.size
    half = LOG_BYTES // 2
    line = 0
    for start, stop in [(0, size)] if size <= LOG_BYTES else [(0, half), (size - half, size)]:
        if start:
            line += sum(reader.read(at, min(at + (1 << 20), start)).count(b"\n") for at in range(half, start, 1 << 20))
        while start < stop:
            text = reader.read(start, min(start + BLOCK_BYTES, stop))
            end = text.rfind(b"\n") + 1
            if 0 < end < len(text):
                text = text[:end]
            if not text:
                return
            yield start, text, line
            start += len(text)
            line += text.count(b"\n")


def _shard(db: sqlite3.Connection) -> int:
    """Return the shard that what is new goes into, made if the last one is full."""
    last = db.execute("SELECT id, text_bytes FROM shard ORDER BY id DESC LIMIT 1").fetchone()
    if last is not None and last[1] < SHARD_BYTES:
        return int(last[0])
    shard = last[0] + 1 if last else 1
    db.execute("INSERT INTO shard (id) VALUES (?)", (shard,))
    try:
        db.execute(
            f"CREATE VIRTUAL TABLE words_{shard} USING fts5(text, content='', columnsize=0, detail=none,"
            " tokenize='unicode61 remove_diacritics 0')"
        )
    except sqlite3.OperationalError as error:
        if "fts5" not in str(error):
            raise
        raise SearchError("The SQLite of this Python lacks FTS5.", "Use a Python whose SQLite has it.") from error
    return int(shard)


def _drop(db: sqlite3.Connection, shard: int) -> None:
    db.execute(f"DROP TABLE words_{shard}")
    db.execute("DELETE FROM block WHERE log_id IN (SELECT id FROM log WHERE shard = ?)", (shard,))
    db.execute("DELETE FROM log WHERE shard = ?", (shard,))
    db.execute("DELETE FROM shard WHERE id = ?", (shard,))


def _place(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT coalesce(max(sequence), 0) FROM place").fetchone()[0])


def _facts(db: sqlite3.Connection, log_id: int) -> LogFacts:
    query = "SELECT run_id, job_id, attempt, repo, workflow, path, job, status FROM log WHERE id = ?"
    row: tuple[Any, ...] = db.execute(query, (log_id,)).fetchone()
    return LogFacts(*row)


def _is_workflow(asked: str, path: str, name: str) -> bool:
    return asked in (path, name) or any(path.endswith(f"/{asked}{ending}") for ending in ("", ".yml", ".yaml"))


def _in_order(hits: Iterable[Hit]) -> tuple[Hit, ...]:
    """Return hits by log, the newest first, and by line within a log."""
    by_log: dict[LogFacts, list[Hit]] = {}
    for hit in hits:
        by_log.setdefault(hit.log, []).append(hit)
    return tuple(hit for of_log in by_log.values() for hit in sorted(of_log, key=lambda hit: hit.line))


def _around(text: str, at: int) -> str:
    """Return a long line as what stands around a place in it."""
    if len(text) <= SHOWN:
        return text
    start = max(0, min(at - SHOWN // 4, len(text) - SHOWN))
    return f"{'…' if start else ''}{text[start : start + SHOWN]}{'…' if start + SHOWN < len(text) else ''}"
