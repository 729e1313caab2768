"""How times, ages and refs are said to people, the same by every face of the product."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from engine.core.spans import span


def duration(seconds: float | None) -> str:
    """Return a span as people say it: `0.4 s`, `12 s`, `3 m 05 s`, `2 h 07 m`; empty for None."""
    return "" if seconds is None else span(seconds)


def age(at: datetime, now: datetime) -> str:
    """Return how long ago `at` was, in its largest unit."""
    seconds = max(timedelta(0), now - at).total_seconds()
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return f"{int(seconds)} s ago"


def age_of(instant: str, now: datetime) -> str:
    """Return how long ago an instant was that is told as JSON does."""
    return age(datetime.fromisoformat(instant), now)


def size(count: int) -> str:
    """Return a number of bytes as people say it: `512 B`, `1.4 KiB`, `2.0 GiB`."""
    if count < 1024:
        return f"{count} B"
    number = float(count)
    for unit in ("KiB", "MiB", "GiB"):
        number /= 1024
        if number < 1024:
            return f"{number:.1f} {unit}"
    return f"{number / 1024:.1f} TiB"


def count_of(count: int, noun: str) -> str:
    """Return so many of something: `1 file`, `2 files`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def place_of(annotation: Mapping[str, Any]) -> str:
    """Return the place in a file that an annotation speaks of: `a.py:3:7`, or nothing."""
    if not annotation.get("file"):
        return ""
    return ":".join(str(annotation[key]) for key in ("file", "line", "column") if annotation.get(key))


def short_ref(ref: str) -> str:
    """Return a ref without the folders that Git keeps it in."""
    for folder in ("refs/heads/", "refs/tags/"):
        if ref.startswith(folder):
            return ref[len(folder) :]
    return ref.removeprefix("refs/")
