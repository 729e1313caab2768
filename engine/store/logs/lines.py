"""Where the lines of a log are, so that a reader can show any of them without reading the log.

Newlines are counted by the block, from any block on: who knows the first part of a log asks for the rest alone.
"""

import os
import re
from collections.abc import Iterator
from datetime import datetime

from engine.store.logs.index import SIZE, Entry, Mark, unpacked
from engine.store.logs.paths import index_path
from engine.store.logs.reader import LogReader
from pipelines.records import dataclass

BLOCK = 64 * 1024
_PIECE = 16 * BLOCK
_RECORDS = 4096
_SAID = re.compile(rb"^##\[(group|endgroup|error|warning|notice)\]", re.MULTILINE)
_SAID_MARKS = {
    b"group": Mark.GROUP_BEGIN,
    b"endgroup": Mark.GROUP_END,
    b"error": Mark.ERROR,
    b"warning": Mark.WARNING,
    b"notice": Mark.NOTICE,
}
_OF_STEPS = (Mark.STEP_BEGIN, Mark.STEP_END)
_NO_CHUNK = re.compile(rb"[^\x01]")


@dataclass(frozen=True, slots=True)
class LineMark:
    """Something begins or ends at a line. `line` counts from the part's first newline, as `Part` says.

    A step begins at its first line and ends behind its last one; everything else is on the line that it is about.
    """

    kind: Mark
    step: int
    line: int
    offset: int


@dataclass(frozen=True, slots=True)
class LinePart:
    """The log from `start` (the beginning of a block) up to `size`: how many newlines each block has, and its marks.

    A mark's `line` is a number of newlines between `start` and the line's beginning.
    """

    start: int
    size: int
    lines: tuple[int, ...]
    marks: tuple[LineMark, ...]


def line_part(reader: LogReader, after: int) -> LinePart:
    """Return the part of the log from the block on in which the byte `after` is, or would be the next."""
    size = reader.size
    start = min(after, size) // BLOCK * BLOCK
    places = list(_places(reader, start, size))
    marks: list[LineMark] = []
    counts: list[int] = []
    before = reader.read(start - 1, start) if start else b"\n"
    at, line, number = start, 0, 0
    while at < size and (piece := reader.read(at, min(at + _PIECE, size))):
        for begin in range(0, len(piece), BLOCK):
            end = min(begin + BLOCK, len(piece))
            first, cut = line, begin
            while number < len(places) and places[number][2] < at + end:
                kind, step, offset = places[number]
                line += piece.count(b"\n", cut, offset - at)
                cut = offset - at
                mid_line = (piece[cut - 1 : cut] or before) != b"\n"
                marks.append(LineMark(kind, step, line + (mid_line and kind in _OF_STEPS), offset))
                number += 1
            line += piece.count(b"\n", cut, end)
            counts.append(line - first)
        before = piece[-1:]
        at += len(piece)
    for kind, step, offset in places[number:]:
        if offset <= at:
            marks.append(LineMark(kind, step, line + (before != b"\n"), offset))
    return LinePart(start, at, tuple(counts), tuple(marks))


def arrivals(reader: LogReader, start: int, end: int, limit: int) -> list[tuple[int, datetime]]:
    """Return at which bytes something came in, and when, for what is between `start` and `end`: the first `limit`."""
    found: list[tuple[int, datetime]] = []
    with _Index(reader) as index:
        for entry in index.entries(index.first_of(start), chunks=True):
            if entry.start >= end or len(found) >= limit:
                break
            if entry.mark <= Mark.SAID and entry.end > start and entry.end > entry.start:
                found.append((entry.start, entry.at))
    return found


def _places(reader: LogReader, start: int, size: int) -> Iterator[tuple[Mark, int, int]]:
    """Yield what begins or ends from `start` on, and where. What is announced but not written yet is left out."""
    with _Index(reader) as index:
        for entry in index.entries(index.first_of(start), chunks=False):
            if entry.mark is Mark.SAID:
                text = reader.read(entry.start, min(entry.end, size))
                for found in _SAID.finditer(text):
                    if entry.start + found.start() >= start:
                        yield _SAID_MARKS[found[1]], entry.step, entry.start + found.start()
            elif start <= entry.start < size or (entry.start == size and entry.mark in _OF_STEPS):
                yield entry.mark, entry.step, entry.start


class _Index:
    """The index of a log, read in part. Its records are ordered by where they start."""

    def __init__(self, reader: LogReader) -> None:
        self._fd = os.open(index_path(reader.path), os.O_RDONLY | os.O_CLOEXEC)
        self._count = os.fstat(self._fd).st_size // SIZE

    def __enter__(self) -> "_Index":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)

    def first_of(self, offset: int) -> int:
        """Return the number of the record from which on everything about the log's bytes from `offset` on is told."""
        low, high = 0, self._count
        while low < high:
            middle = (low + high) // 2
            if self._entry(middle).start < offset:
                low = middle + 1
            else:
                high = middle
        while low > 0:  # back to the bytes that are there, which may have begun earlier
            page = max(0, low - _RECORDS)
            kinds = os.pread(self._fd, (low - page) * SIZE, page * SIZE)[::SIZE]
            found = max(kinds.rfind(Mark.CHUNK), kinds.rfind(Mark.SAID))
            if found >= 0:
                return page + found
            low = page
        return 0

    def entries(self, first: int, *, chunks: bool) -> Iterator[Entry]:
        """Yield the records from the `first` on, those of steps' output only with `chunks`, for they are many."""
        while data := os.pread(self._fd, _RECORDS * SIZE, first * SIZE):
            if chunks:
                yield from unpacked(data)
            else:
                for found in _NO_CHUNK.finditer(data[::SIZE]):
                    yield from unpacked(data[found.start() * SIZE : (found.start() + 1) * SIZE])
            first += _RECORDS

    def _entry(self, number: int) -> Entry:
        return next(unpacked(os.pread(self._fd, SIZE, number * SIZE)))
