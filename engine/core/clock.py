"""The only place that reads the clock. Instants are aware UTC datetimes, durations monotonic seconds."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where time comes from. `now` may jump when the machine's clock is set; `monotonic_s` never goes back."""

    def now(self) -> datetime: ...

    def monotonic_s(self) -> float: ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        return time.monotonic()


def rfc3339(at: datetime) -> str:
    """Return `at` in UTC with milliseconds and a Z, the form of every instant that leaves the program."""
    return f"{at.astimezone(UTC).isoformat('T', 'milliseconds')[:-6]}Z"
