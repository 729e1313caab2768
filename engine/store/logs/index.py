"""The index beside a log: fixed-size records of where its bytes came from, when, and what begins where.

A record is written before the bytes that it speaks of. So a log shorter than its last record says that the writer was
killed in between, and what to take back. Never holds any text.
"""

import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import IntEnum

from pipelines.records import dataclass

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_RECORD = struct.Struct("<BBHi6QI4x")
SIZE = _RECORD.size
OPEN, CAPPED = 1, 2
_LATEST_US = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND


class Mark(IntEnum):
    """What a record is about."""

    CHUNK = 1  # bytes of a step's output
    SAID = 2  # bytes of the engine's own
    STEP_BEGIN = 3
    STEP_END = 4
    GROUP_BEGIN = 5
    GROUP_END = 6
    ERROR = 7
    WARNING = 8
    NOTICE = 9


_MARKS = frozenset(map(int, Mark))


@dataclass(frozen=True, slots=True)
class Entry:
    """One record. `start` and `end` are bytes in the log, `raw_start` and `raw_end` in the step's raw output.

    A chunk's `dropped` counts the bytes that the cap kept out of the log. `mask_open` and `mask_covered` say how the
    secrets' mask stood after it. The last two, like the raw offsets, mean nothing for other marks.
    """

    mark: Mark
    step: int
    start: int
    end: int
    at: datetime
    raw_start: int = 0
    raw_end: int = 0
    dropped: int = 0
    mask_covered: int = 0
    mask_open: bool = False
    capped: bool = False

    def packed(self) -> bytes:
        """The record as it stands in the file."""
        flags = (OPEN if self.mask_open else 0) | (CAPPED if self.capped else 0)
        at_us = (self.at - _EPOCH) // _MICROSECOND
        where = (self.start, self.end, self.raw_start, self.raw_end)
        return _RECORD.pack(self.mark, flags, 0, self.step, *where, at_us, self.dropped, self.mask_covered)


def unpacked(data: bytes) -> Iterator[Entry]:
    """Yield the records of an index, in the order written; a torn last one is left out, and so is what is none."""
    for at in range(0, len(data) - SIZE + 1, SIZE):
        mark, flags, _, step, start, end, raw_start, raw_end, at_us, dropped, covered = _RECORD.unpack_from(data, at)
        if mark not in _MARKS or at_us > _LATEST_US:
            return
        yield Entry(
            Mark(mark),
            step,
            start,
            end,
            _EPOCH + at_us * _MICROSECOND,
            raw_start,
            raw_end,
            dropped,
            covered,
            bool(flags & OPEN),
            bool(flags & CAPPED),
        )
