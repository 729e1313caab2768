"""The lines of a log of any size: counted by the block, and only the blocks last used held in memory.

Lines are numbered from 0 and end at newlines alone. No thread, no reading: who holds this brings the parts and the
blocks that it finds missing.
"""

import re
from array import array
from bisect import bisect_left
from collections import OrderedDict
from dataclasses import dataclass

from widgets.log_source import BLOCK, LogPart, Mark

LINE_BYTES = 16 * 1024
HELD_BYTES = 6 * 1024 * 1024
_NEWLINE = re.compile(b"\n")


@dataclass(frozen=True, slots=True)
class Line:
    """A line as far as it is worth drawing: its first 16 KiB, or what a progress bar in it said last.

    `length` is how many bytes it has without its newline, `cut` whether `data` is only the beginning of what it says.
    """

    number: int
    offset: int
    data: bytes
    length: int
    cut: bool


class LogLines:
    """Line by number, of what is known of a log. One thread only.

    `start` is the first byte known: a log may be opened at its end, and the part before come later. `missing` gathers
    the numbers of the blocks that were asked for and are not here; whoever fetches them empties it.
    """

    def __init__(self, held_bytes: int = HELD_BYTES) -> None:
        self.start = self.size = 0
        self.marks: list[Mark] = []
        self.missing: set[int] = set()
        self._before = array("Q", [0])  # newlines before each block, and behind the last
        self._blocks: OrderedDict[int, tuple[bytes, array[int]]] = OrderedDict()
        self._held = 0
        self._most = held_bytes
        self._open_end = False

    @property
    def newlines(self) -> int:
        return self._before[-1]

    @property
    def count(self) -> int:
        """How many lines there are; what follows the last newline is one, if it is anything."""
        return self.newlines + self._open_end

    def grow(self, part: LogPart, tail: bytes = b"") -> bool:
        """Take in what is known now from `part.start` on; `tail` is how the log ends by now.

        A part that begins before all that is known replaces it. Return whether the marks are others than before.
        """
        first = part.start // BLOCK
        if part.start < self.start or part.start > self.size:
            self.start, self.marks = part.start, []
            self._before = array("Q", [0])
        del self._before[first - self.start // BLOCK + 1 :]
        base = self._before[-1]
        for newlines in part.lines:
            self._before.append(self._before[-1] + newlines)
        if part.size < self.size:
            self._drop_from(part.size // BLOCK)
        self.size = part.size
        before = len(self.marks)
        while self.marks and self.marks[-1].offset >= part.start:
            self.marks.pop()
        kept = len(self.marks)
        self.marks += [Mark(mark.kind, mark.step, mark.line + base, mark.offset) for mark in part.marks]
        at = self.size - len(tail)
        for begin in range(-at % BLOCK, len(tail), BLOCK):
            self.put((at + begin) // BLOCK, tail[begin : begin + BLOCK])
        self._open_end = self.size > self.start and (not tail or tail[-1:] != b"\n")
        return before != kept or bool(part.marks)

    def put(self, number: int, data: bytes) -> None:
        """Hold a block for a while."""
        data = data[: self._length(number)]
        old = self._blocks.pop(number, None)
        if old:
            self._held -= len(old[0])
        self._blocks[number] = data, array("I", [found.start() for found in _NEWLINE.finditer(data)])
        self._held += len(data)
        while self._held > self._most and len(self._blocks) > 1:
            self._held -= len(self._blocks.popitem(last=False)[1][0])

    def has(self, number: int) -> bool:
        """Is the block here, as long as it is by now?"""
        block = self._blocks.get(number)
        return block is not None and len(block[0]) >= self._length(number)

    def line(self, number: int) -> Line | None:
        """Return a line; None when a block of it is missing."""
        start = self.start_of(number)
        end = self._newline(number + 1) if number < self.newlines else self.size
        if start is None or end is None:
            return None
        length = end - start
        data = self._read(start, min(end, start + LINE_BYTES))
        if length <= LINE_BYTES or data is None:
            return None if data is None else Line(number, start, data, length, False)
        last = self._read(end - LINE_BYTES, end)
        if last is None:
            return None
        _, bar, now = last.rstrip(b"\r").rpartition(b"\r")
        return Line(number, start, now, length, False) if bar else Line(number, start, data, length, True)

    def start_of(self, number: int) -> int | None:
        """Return the byte at which a line begins; None when the block that tells is missing."""
        if number == 0:
            return self.start
        newline = self._newline(number)
        return None if newline is None else newline + 1

    def line_at(self, offset: int) -> int | None:
        """Return which line the byte at `offset` belongs to; None when the block that tells is missing."""
        number = min(max(offset, self.start), max(self.start, self.size - 1)) // BLOCK
        block = self._block(number)
        if block is None:
            return None
        return self._before[number - self.start // BLOCK] + bisect_left(block[1], offset - number * BLOCK)

    def lines_before(self, number: int) -> int:
        """Return how many newlines there are before a block, or before the end for one behind it."""
        return self._before[min(max(0, number - self.start // BLOCK), len(self._before) - 1)]

    def block_of(self, line: int) -> int:
        """Return the block in which a line begins."""
        if line <= 0:
            return self.start // BLOCK
        return bisect_left(self._before, min(line, self.newlines)) - 1 + self.start // BLOCK if self.newlines else 0

    def _newline(self, nth: int) -> int | None:
        """Return where the `nth` newline is, the first being 1."""
        index = bisect_left(self._before, nth) - 1
        block = self._block(index + self.start // BLOCK)
        if block is None:
            return None
        within = nth - self._before[index] - 1
        if within >= len(block[1]):  # the block is older than its count
            self.missing.add(index + self.start // BLOCK)
            return None
        return (index + self.start // BLOCK) * BLOCK + block[1][within]

    def _read(self, start: int, end: int) -> bytes | None:
        parts = []
        for number in range(start // BLOCK, (end - 1) // BLOCK + 1 if end > start else 0):
            block = self._block(number)
            if block is None:
                return None
            parts.append(block[0][max(0, start - number * BLOCK) : end - number * BLOCK])
        return b"".join(parts)

    def _block(self, number: int) -> tuple[bytes, "array[int]"] | None:
        if not self.has(number):
            self.missing.add(number)
            return None
        self._blocks.move_to_end(number)
        return self._blocks[number]

    def _length(self, number: int) -> int:
        return max(0, min(BLOCK, self.size - number * BLOCK))

    def _drop_from(self, number: int) -> None:
        for one in [one for one in self._blocks if one >= number]:
            self._held -= len(self._blocks.pop(one)[0])
