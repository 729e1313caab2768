"""What is expected, as people are told it by every face of the product: how much of the usual time is over, how long it
will take yet, and that something is late. Nothing is said where nothing is known."""

from datetime import datetime


def clock(seconds: float) -> str:
    """Return a span as a clock counts it: `0:42`, `1:05`, `2:07:10`."""
    whole = max(0, round(seconds))
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02}"
    return f"{whole // 3600}:{whole % 3600 // 60:02}:{whole % 60:02}"


def of_usual(spent_s: float, expected_s: float, between: str = "/") -> str:
    """Return how much of its usual time something has taken: `0:42/~1:10`."""
    return f"{clock(spent_s)}{between}~{clock(expected_s)}"


def about(seconds: float) -> str:
    """Return a span that nobody knows to the second: `~40 s`, `~3 min`, `~2 h 10 min`."""
    if seconds < 57.5:
        return f"~{max(5, 5 * round(seconds / 5))} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"~{max(1, minutes)} min"
    hours, rest = divmod(10 * round(minutes / 10), 60)
    return f"~{hours} h {rest} min" if rest else f"~{hours} h"


def done_in(finish_at: datetime, now: datetime) -> str:
    """Return when something ends: `done in ~3 min`; once that is over, `done any moment`."""
    left_s = (finish_at - now).total_seconds()
    return f"done in {about(left_s)}" if left_s >= 1 else "done any moment"


def starts_in(start_at: datetime, now: datetime) -> str:
    """Return when something starts: `starts in ~40 s`; once that is over, `starts any moment`."""
    left_s = (start_at - now).total_seconds()
    return f"starts in {about(left_s)}" if left_s >= 1 else "starts any moment"


def late(times: float) -> str:
    """Return that something takes much longer than it does: `3x slower than usual`."""
    return f"{int(times)}x slower than usual"
