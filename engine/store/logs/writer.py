"""The logs of attempts: one append-only file each, an index beside it, compressed when finished.

Bytes arrive here already masked. What was appended is there after a kill -9 of this process, none of it lost or
doubled: a writer that opens the file again takes back a half-written chunk and tells where each step's raw output has
to be read on. Log bytes never enter a database.
"""

import os
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from engine import made_again
from engine.store.flush import flush
from engine.store.logs.frames import write_frames
from engine.store.logs.index import SIZE, Entry, Mark, unpacked
from engine.store.logs.paths import index_path, packed_path
from pipelines.records import dataclass

NO_STEP = -1
_MARKS_LIMIT = 20_000


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a step's raw output is in the log, and how the secrets' mask stood there."""

    raw_end: int = 0
    mask_open: bool = False
    mask_covered: int = 0


class LogWriter:
    """Appends to one attempt's log. One process at a time; any thread. `grew` is called after each append.

    Steps' output stops at `limit_bytes` with a line that says so; what the engine itself says still gets in.
    """

    def __init__(self, path: Path, limit_bytes: int, grew: Callable[[], None] | None = None) -> None:
        """Open the log, made with its folder if missing, and take back what a killed writer left half done."""
        if not path.parent.is_dir():
            made_again.folder(path.parent)
        self.path = path
        self._limit = limit_bytes
        self._grew = grew
        self._lock = threading.Lock()
        self._progress: dict[int, Progress] = {}
        self._begun: set[int] = set()
        self._ended: set[int] = set()
        self._capped = False
        self._marks = 0
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        self._index = os.open(index_path(path), flags, 0o600)  # first: a reader that sees the log may trust in it
        self._log = os.open(path, flags, 0o600)
        self.size, self._index_size = self._recover()

    def resume_offset(self, step: int) -> int:
        """Return the offset in the step's raw output up to which the log holds it."""
        return self.progress(step).raw_end

    def progress(self, step: int) -> Progress:
        """Return how far the step's output is in the log."""
        return self._progress.get(step, Progress())

    def begin_step(self, step: int, at: datetime) -> None:
        """Note that the step's part of the log begins here. Repeating it, after a restart, changes nothing."""
        if step not in self._begun:
            self._begun.add(step)
            self._note(Mark.STEP_BEGIN, step, at)

    def end_step(self, step: int, at: datetime) -> None:
        """Note that the step's part ends here. What a process it left behind prints later is still its output."""
        if step not in self._ended:
            self._ended.add(step)
            self._note(Mark.STEP_END, step, at)

    def append(
        self, step: int, data: bytes, after: Progress, at: datetime, marks: Sequence[tuple[Mark, int, int]] = ()
    ) -> None:
        """Append a step's output, with which the log stands at `after`; `data` may be empty.

        `marks` are what begins where, as offsets in `data`; a log keeps its first 20,000, lest a loop that prints
        commands fills readers' memory. OSError (a full disk) leaves the log as it was.
        """
        with self._lock:
            data, dropped = self._within_limit(data)
            entries = [
                Entry(
                    Mark.CHUNK,
                    step,
                    self.size,
                    self.size + len(data),
                    at,
                    self.progress(step).raw_end,
                    after.raw_end,
                    dropped,
                    after.mask_covered,
                    after.mask_open,
                    self._capped,
                )
            ]
            for mark, start, end in marks[: _MARKS_LIMIT - self._marks]:
                if end <= len(data):
                    entries.append(Entry(mark, step, self.size + start, self.size + end, at))
            self._write(entries, data)
            self._marks += len(entries) - 1
            self._progress[step] = after
        self._tell()

    def has_room(self, size_bytes: int) -> bool:
        """Tell whether so many bytes more of steps' output would be within the limit."""
        return not self._capped and self.size + size_bytes <= self._limit

    def say(self, text: bytes, at: datetime, step: int = NO_STEP) -> None:
        """Append lines of the engine's own, on lines of their own."""
        with self._lock:
            text = self._new_line() + text + (b"" if text.endswith(b"\n") else b"\n")
            self._write([Entry(Mark.SAID, step, self.size, self.size + len(text), at)], text)
        self._tell()

    def sync(self) -> None:
        """Have everything on disk, safe from a power cut too."""
        os.fsync(self._log)
        os.fsync(self._index)

    def close(self) -> None:
        os.close(self._log)
        os.close(self._index)

    def _note(self, mark: Mark, step: int, at: datetime) -> None:
        with self._lock:
            self._write([Entry(mark, step, self.size, self.size, at)], b"")

    def _tell(self) -> None:
        if self._grew:
            self._grew()

    def _within_limit(self, data: bytes) -> tuple[bytes, int]:
        """Cut `data` where the limit is reached, with a line that says so, once. Return it and what was cut off."""
        if self._capped:
            return b"", len(data)
        room = self._limit - self.size
        if len(data) <= room:
            return data, 0
        self._capped = True
        kept = data[: max(0, room)]
        break_ = (b"" if kept.endswith(b"\n") else b"\n") if kept else self._new_line()
        line = f"##[warning]This log reached its limit of {self._limit} bytes (limits.log); the rest is left out.\n"
        return kept + break_ + line.encode(), len(data) - len(kept)

    def _new_line(self) -> bytes:
        """What has to come before text that needs a line of its own."""
        return b"\n" if self.size and os.pread(self._log, 1, self.size - 1) != b"\n" else b""

    def _write(self, entries: list[Entry], data: bytes) -> None:
        """Write the records, then the bytes; after an error take both back."""
        records = b"".join(entry.packed() for entry in entries)
        try:
            _write_all(self._index, records, self._index_size)
            _write_all(self._log, data, self.size)
        except OSError:
            os.ftruncate(self._log, self.size)
            os.ftruncate(self._index, self._index_size)
            raise
        self._index_size += len(records)
        self.size += len(data)

    def _recover(self) -> tuple[int, int]:
        """Bring log and index to the end of the last whole chunk; return their sizes."""
        entries = list(unpacked(_read_all(self._index)))
        size = os.fstat(self._log).st_size
        last = max((n for n, e in enumerate(entries) if e.mark in (Mark.CHUNK, Mark.SAID)), default=-1)
        if last >= 0 and size < entries[last].end:
            del entries[last:]
        size = max((entry.end for entry in entries), default=0)
        os.ftruncate(self._log, size)
        os.ftruncate(self._index, len(entries) * SIZE)
        for entry in entries:
            if entry.mark is Mark.CHUNK:
                self._progress[entry.step] = Progress(entry.raw_end, entry.mask_open, entry.mask_covered)
                self._capped = self._capped or entry.capped
            elif entry.mark is Mark.STEP_BEGIN:
                self._begun.add(entry.step)
            elif entry.mark is Mark.STEP_END:
                self._ended.add(entry.step)
            elif entry.mark is not Mark.SAID:
                self._marks += 1
        return size, len(entries) * SIZE


def compress(path: Path) -> None:
    """Put the finished log at `path` into its compressed form. At every moment one whole form is there; repeatable.

    Readers that hold the plain file open go on with it.
    """
    packed = packed_path(path)
    if not path.exists():
        return
    draft = packed.with_suffix(".tmp")
    source = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    target = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        write_frames(source, target)
    finally:
        os.close(source)
        os.close(target)
    draft.rename(packed)
    flush(packed.parent)  # the new form is there to stay before the old one goes
    path.unlink()


def _read_all(fd: int) -> bytes:
    return os.pread(fd, os.fstat(fd).st_size, 0)


def _write_all(fd: int, data: bytes, at: int) -> None:
    done = os.pwrite(fd, data, at)
    while done < len(data):
        done += os.pwrite(fd, memoryview(data)[done:], at + done)
