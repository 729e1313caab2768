"""Spans of time as text and as ticks of an axis. Pure."""

STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)


def in_words(seconds: float) -> str:
    """Return a span as every face of the product says it: `0.4 s`, `12 s`, `3 m 05 s`, `2 h 07 m`."""
    if seconds < 9.95:
        return f"{max(0.0, seconds):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} m {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} m"


def tick_text(seconds: float) -> str:
    """Return what stands at a tick: a span without the part that is zero."""
    if not seconds:
        return "0"
    if seconds != int(seconds):
        return f"{seconds:.1f} s"
    if seconds < 10:
        return f"{int(seconds)} s"
    return in_words(seconds).replace(" 00 s", "").replace(" 00 m", "")


def tick_step(span_s: float, room: int) -> float:
    """Return how many seconds lie between ticks, so that at most `room` of them are in `span_s`."""
    room = max(1, room)
    days = 86400.0
    for step in STEPS_S:
        if span_s / step <= room:
            return step
    while span_s / days > room:
        days *= 2
    return days
