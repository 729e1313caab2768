"""Cuts a step's raw output into the lines that somebody has to look at: commands, or all of them. Knows no meaning.

Lines end at \\n, \\r\\n or \\r, as the official runner reads them, so that a command may follow a progress bar. What is
cut does not depend on how the bytes arrive.
"""

import re
from collections.abc import Callable, Iterator

from engine.worker.log.problem_matchers import LINE_LIMIT_BYTES
from pipelines.records import dataclass

# A longer line is no command but plain text, so that one endless line does not have to be held in memory.
COMMAND_LIMIT_BYTES = 1024 * 1024

_SPACE = rb"[ \t\v\f]*"
_COMMAND = re.compile(_SPACE + rb"(?:::[^\s:]|##\[)")
_NEXT_COMMAND = re.compile(rb"[\r\n]" + _SPACE + rb"(?:::[^\s:]|##\[)")
_COMMAND_SO_FAR = re.compile(_SPACE + rb"(?:::[^\s:]|##\[|(?:::?|##?)?\Z)")
_END = re.compile(rb"\r\n|[\r\n]")

NO_LINES = -1
Until = Callable[[], int]
"""Up to where every line is to be looked at; NO_LINES when only commands are."""


@dataclass(frozen=True, slots=True)
class RawLine:
    """A whole line: where it starts, where its text stops, where the next one begins. `short`: as a tool writes it."""

    start: int
    stop: int
    end: int

    @property
    def short(self) -> bool:
        return self.stop - self.start <= LINE_LIMIT_BYTES


class LineCutter:
    """The lines of `data`, once. Whoever takes one may change what `until` says of those behind it."""

    def __init__(self, data: bytes, at_start: bool, final: bool, until: Until) -> None:
        """`at_start`: a line begins where `data` begins. `final`: nothing follows `data`."""
        self._data = data
        self._final = final
        self._until = until
        self._at = 0  # all before it was looked at
        self._fresh = at_start  # a line begins there

    def __iter__(self) -> Iterator[RawLine]:
        while self._at < len(self._data):
            start = self._next()
            if start is None:
                return
            line = self._whole(start)
            if line is None or (not self._final and 0 <= self._until() < line.end):
                return
            self._at, self._fresh = line.end, True
            if line.stop - line.start <= COMMAND_LIMIT_BYTES:
                yield line

    def rest(self) -> int:
        """Return where begins what has to wait for more bytes; the length of the data if nothing has to."""
        size = len(self._data)
        if self._final:
            return size
        if self._until() == NO_LINES:
            return self._rest_of_commands()
        if not self._fresh:
            return size
        waits = LINE_LIMIT_BYTES
        if self._whole(self._at) is not None or _COMMAND_SO_FAR.match(self._data, self._at):
            waits = COMMAND_LIMIT_BYTES
        return self._at if size - self._at <= waits else size

    def _next(self) -> int | None:
        """Return where the next line begins that is to be looked at."""
        if self._until() == NO_LINES:
            if self._at == 0 and b"::" not in self._data and b"##[" not in self._data:
                return None
            if self._fresh and self._at == 0 and _COMMAND.match(self._data):
                return 0
            found = _NEXT_COMMAND.search(self._data, max(0, self._at - self._fresh))
            return found.start() + 1 if found else None
        if not self._fresh:
            end = _END.search(self._data, self._at)
            if end is None or (end.end() == len(self._data) and end[0] == b"\r" and not self._final):
                return None
            self._at, self._fresh = end.end(), True
        return self._at

    def _whole(self, start: int) -> RawLine | None:
        """Return the line that begins at `start` if its end is known: what ends with \\r may go on with \\n."""
        end = _END.search(self._data, start)
        if end and (self._final or end.end() < len(self._data) or end[0] != b"\r"):
            return RawLine(start, *end.span())
        return RawLine(start, len(self._data), len(self._data)) if self._final else None

    def _rest_of_commands(self) -> int:
        """Return where the last line begins if it has no end yet and may be a command."""
        data = self._data
        stop = len(data) - data.endswith(b"\r")
        newline = data.rfind(b"\n", 0, stop)
        start = max(newline, data.rfind(b"\r", newline + 1, stop)) + 1
        fresh = start or self._fresh  # nothing was cut when `start` is 0
        if fresh and stop - start <= COMMAND_LIMIT_BYTES and _COMMAND_SO_FAR.match(data, start):
            return start
        return len(data)
