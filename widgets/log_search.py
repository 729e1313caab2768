"""Search in a log of any size: by slices, in a thread of its own, from the line one is at to the end, then the rest.

What is searched is what is shown: text without colours. A pattern that takes too long is given up, never waited for.
"""

import threading
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import sleep

import regex
from textual.message import Message

from widgets.log_source import LogSource, Unavailable
from widgets.log_text import readable

READ_BYTES = 1024 * 1024
SLICE_BYTES = 128 * 1024
TELL_SLICES = 16  # hits are told of by so many slices, the first at once
LONGEST_BYTES = 1024 * 1024  # of a line without an end, this much is searched at once
LINE_S, SLICE_S, DRAW_S = 0.5, 1.0, 0.01
AGAIN_S = 1.0
# Where a line may match alone and not among others: what looks around itself, or is about the whole text.
_NOT_AMONG_OTHERS = regex.compile(r"\(\?(?!:)|\\[AZzGKX]|[*+?}]\+|\(\*")
Read = Callable[[int, int], bytes]


class BadPattern(ValueError):
    """The text is no regular expression."""


class TooSlow(Exception):
    """The pattern takes too long on this text."""


class Pattern:
    """What to search for: a text, or a regular expression. Capital letters in it make it heed case.

    Raises BadPattern when it is made of what is no regular expression.
    """

    def __init__(self, text: str, is_regex: bool = False) -> None:
        self.text, self.is_regex = text, is_regex
        self.heeds_case = text != text.lower()
        self._is_slow = False
        flags = regex.MULTILINE | (0 if self.heeds_case else regex.IGNORECASE)
        try:
            self._compiled = regex.compile(text if is_regex else regex.escape(text), flags)
        except (regex.error, OverflowError, RecursionError) as error:
            raise BadPattern(str(error)) from None

    def ranges(self, text: str) -> list[tuple[int, int]]:
        """Return the parts of a line to mark. This is asked while drawing: once that takes long, nothing is marked."""
        if self._is_slow:
            return []
        try:
            found = [match.span() for match in self._compiled.finditer(text, timeout=DRAW_S)]
        except TimeoutError:
            self._is_slow = True
            return []
        return [(start, end) for start, end in found if end > start]

    def lines_in(self, text: str) -> list[int]:
        """Return which lines of a text match, the first being 0. Raises TooSlow."""
        return self._by_regex(text) if self.is_regex else self._by_text(text)

    def _by_text(self, text: str) -> list[int]:
        needle = self.text if self.heeds_case else self.text.lower()
        hay = text if self.heeds_case else text.lower()
        found: list[int] = []
        line, start, at = 0, 0, hay.find(needle)
        while at >= 0:
            line += hay.count("\n", start, at)
            found.append(line)
            start = hay.find("\n", at)
            at = hay.find(needle, start) if start >= 0 else -1
        return found

    def _by_regex(self, text: str) -> list[int]:
        if _NOT_AMONG_OTHERS.search(self.text) is None:
            try:
                if self._compiled.search(text, timeout=SLICE_S, concurrent=True) is None:
                    return []
            except TimeoutError:
                pass  # it may still be quick enough by the line
        search = self._compiled.search
        try:
            return [
                number
                for number, line in enumerate(text.split("\n"))
                if search(line, timeout=LINE_S, concurrent=True) is not None
            ]
        except TimeoutError:
            raise TooSlow from None


class Hits:
    """The lines that match, in order, as far as they are known: a search goes to the end first, then to its start."""

    def __init__(self) -> None:
        self.early, self.late = array("Q"), array("Q")
        self.done = False
        self.trouble = ""

    def __len__(self) -> int:
        return len(self.early) + len(self.late)

    def __getitem__(self, number: int) -> int:
        return self.early[number] if number < len(self.early) else self.late[number - len(self.early)]

    def place(self, line: int) -> int:
        """Return how many hits are before a line."""
        return bisect_left(self.early, line) + bisect_left(self.late, line)

    def after(self, line: int, direction: int) -> tuple[int, bool] | None:
        """Return the next hit from a line on, and whether it lies beyond the end; None without any hit."""
        if not len(self):
            return None
        if direction > 0:
            number = bisect_right(self.early, line) + bisect_right(self.late, line)
            return (self[number], False) if number < len(self) else (self[0], True)
        number = self.place(line) - 1
        return (self[number], False) if number >= 0 else (self[-1 % len(self)], True)

    def in_order(self) -> "array[int]":
        return self.early + self.late

    def add(self, early: list[int], late: list[int]) -> None:
        """Take in hits behind those known of either part; a line may come again."""
        for known, more in ((self.early, early), (self.late, late)):
            again = bool(known and more and more[0] == known[-1])
            known.extend(more[again:])


class Found(Message, bubble=False):
    """A search has come further: more hits, or an end."""

    def __init__(self, search: "Search", early: list[int], late: list[int], done: bool, trouble: str) -> None:
        super().__init__()
        self.search, self.early, self.late, self.done, self.trouble = search, early, late, done, trouble


class Search:
    """One search through a log, and through what it grows by. `post` is called from its thread.

    `start` and `line`: where a block begins and how many newlines are before it.
    """

    def __init__(
        self, source: LogSource, pattern: Pattern, size: int, start: int, line: int, post: Callable[[Message], object]
    ) -> None:
        self.pattern = pattern
        self.hits = Hits()
        self._source = source
        self._size, self._start, self._line = size, start, line
        self._post = post
        self._news = threading.Event()
        self._stopped = False
        self._untold: tuple[list[int], list[int]] = [], []
        self._slices, self._told = 0, False

    def begin(self) -> None:
        threading.Thread(target=self._run, name="log-search", daemon=True).start()

    def stop(self) -> None:
        self._stopped = True
        self._news.set()

    def grow(self, size: int) -> None:
        """Search on, up to another end."""
        self._size = size
        self._news.set()

    def _run(self) -> None:
        try:
            at, line = self._start, self._line
            for found in whole_lines(self._read, at, self._size, line, skip=at > 0):
                at, line = self._take(found, late=True)
            if self._start:
                for found in whole_lines(self._read, 0, self._start, 0):
                    self._take(found, late=False)
            self._tell(done=True)
            while not self._stopped:
                self._news.wait()
                self._news.clear()
                for found in whole_lines(self._read, at, self._size, line):
                    at, line = self._take(found, late=True)
                self._tell(done=True)
        except TooSlow:
            self._tell(done=True, trouble="the pattern takes too long")
        except Unavailable as error:
            self._tell(done=True, trouble=str(error))

    def _take(self, found: "Lines", *, late: bool) -> tuple[int, int]:
        """Search some lines; return where the first line begins that is not whole yet, and its number."""
        hits = [found.line + number for number in self.pattern.lines_in(readable(found.data))]
        self._untold[late].extend(hits)
        self._slices += 1
        if (hits and not self._told) or self._slices >= TELL_SLICES:
            self._tell()
        sleep(0)
        return (found.end, found.next_line) if found.whole else (found.start, found.line)

    def _tell(self, *, done: bool = False, trouble: str = "") -> None:
        early, late = self._untold
        self._untold, self._slices, self._told = ([], []), 0, True
        if not self._stopped:
            self._post(Found(self, early, late, done, trouble))

    def _read(self, start: int, end: int) -> bytes:
        while not self._stopped:
            try:
                return self._source.read(start, end)
            except Unavailable as error:
                if error.for_good:
                    raise
                self._news.wait(AGAIN_S)
        return b""


@dataclass(frozen=True, slots=True)
class Lines:
    """Some lines at once: bytes from `start` up to `end`, the first line being number `line`.

    `whole`: the last one has its end. `data` ends with no newline.
    """

    start: int
    end: int
    line: int
    data: bytes
    whole: bool

    @property
    def next_line(self) -> int:
        return self.line + self.data.count(b"\n") + 1


def whole_lines(read: Read, start: int, end: int, line: int, *, skip: bool = False) -> Iterator[Lines]:
    """Yield the lines that begin between two bytes, many at a time, a last one without a newline too.

    `line` newlines are before `start`; with `skip` a line that began before it is left out. A line that goes on behind
    `end` is read to its end. A line longer than 1 MiB comes in several pieces of the same number.
    """
    at = base = start - skip
    carry = b""
    while (at < end or carry or skip) and (
        data := read(at, min(at + READ_BYTES, end) if at < end else at + READ_BYTES)
    ):
        at += len(data)
        if skip:
            newline = data.find(b"\n")
            if newline < 0:
                base = at
                continue
            line += base + newline >= start
            data, base, skip = data[newline + 1 :], base + newline + 1, False
        for begin in range(0, len(data), SLICE_BYTES):
            piece = carry + data[begin : begin + SLICE_BYTES]
            newline = piece.find(b"\n", max(0, end - base - 1)) if base + len(piece) > end else piece.rfind(b"\n")
            carry = piece[newline + 1 :]
            if newline >= 0:
                found = Lines(base, base + newline + 1, line, piece[:newline], True)
                yield found
                base, line = found.end, found.next_line
            elif len(piece) >= LONGEST_BYTES:
                yield Lines(base, base + len(piece), line, piece, False)
                base, carry = base + len(piece), b""
            if base >= end:
                return
    if carry:
        yield Lines(base, base + len(carry), line, carry, False)
