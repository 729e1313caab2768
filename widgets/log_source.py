"""What the log pane needs of a log: where its lines are, and any of its bytes, from wherever it lives."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

BLOCK = 64 * 1024
FAR = 10**14  # behind the end of any log


class Unavailable(Exception):
    """The log cannot be had at the moment, and the message says why. `for_good`: asking again would not help."""

    def __init__(self, why: str, *, for_good: bool = False) -> None:
        super().__init__(why)
        self.for_good = for_good


@dataclass(frozen=True, slots=True)
class Mark:
    """Something begins or ends in a log: step_begin, step_end, group_begin, group_end, error, warning or notice.

    `line` counts the newlines between the part's start and the line; of a step's end it is the line behind the step.
    `step` is -1 where the engine itself speaks.
    """

    kind: str
    step: int
    line: int
    offset: int


@dataclass(frozen=True, slots=True)
class LogPart:
    """The log from `start`, the beginning of a block, up to `size`.

    `lines` are the newlines of each block of 64 KiB, `marks` all that begins or ends there. `ended`: nothing follows.
    """

    start: int
    size: int
    lines: tuple[int, ...]
    marks: tuple[Mark, ...]
    ended: bool


@dataclass(frozen=True, slots=True)
class LogStep:
    """A step as the head of its fold shows it. `seconds` is None while unknown."""

    index: int
    name: str
    status: str
    seconds: float | None = None


class LogSource(Protocol):
    """One attempt's log. Every call may block and is made from worker threads only; several at a time may be.

    Each raises Unavailable. What was read once never changes, except that a log may lose its last bytes when its
    writer is killed and write the same ones again.
    """

    title: str

    def part(self, after: int, wait_s: float) -> LogPart:
        """Return the log from the block on that holds the byte `after`, or its last block if it is shorter.

        Not before the log has another size than `after`, has ended, or `wait_s` have passed.
        """

    def read(self, start: int, end: int) -> bytes:
        """Return the bytes from `start` up to `end`, fewer at the log's end."""

    def times(self, start: int, end: int) -> tuple[tuple[int, datetime], ...]:
        """Return from which bytes on something came in, and when, for the part of the log from `start` to `end`."""
