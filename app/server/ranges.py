"""Byte ranges (RFC 9110, 14): one range, of something whose size is known."""

import re

from app.server.answers import Refusal

RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return start and end (after the last byte) of what is asked for; None: all of it.

    Several ranges and what is not understood are taken for all of it, as the standard allows. Raises Refusal (416)
    for a range that begins behind the end.
    """
    match = RANGE.fullmatch((header or "").strip().replace(" ", ""))
    if match is None or match[0] == "bytes=-":
        return None
    first, last = match[1], match[2]
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < start:
            return None
    if start >= size or start >= end:
        raise Refusal(416, f"There are {size} bytes.", {"Content-Range": f"bytes */{size}"})
    return start, end
