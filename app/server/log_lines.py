"""Where a log's lines are: what a reader needs to show any part of it, told again as it grows. Never its text."""

import asyncio
from contextlib import suppress
from typing import Any

from aiohttp import web

from app.server.answers import answer
from app.server.desk import Call, Desk
from app.server.listening import listening
from app.server.logs import LOOK_S, Part, is_over, opened
from app.server.route import API, ID, Param, Route
from app.server.runs import find_job
from engine.core.clock import rfc3339
from engine.store.logs.lines import LinePart, arrivals, line_part
from engine.store.logs.reader import LogReader

LONGEST_S = 25
GATHER_S = 0.1  # a log that grows is told of ten times a second at most
TIMES = 10_000
NOTHING = LinePart(0, 0, (), ())


async def log_lines(call: Call) -> web.StreamResponse:
    """Give the newlines of each block of 64 KiB from the one on that holds the byte `after`, and what begins where.

    With `wait`, not before the log has another size than `after` or has ended. A log that is yet to come is empty.
    """
    job = await call.desk.ask(find_job, call.desk, call.ident)
    part = Part(job, call.query.get("attempt", job.attempts) or 1, None)
    after: int = call.query.get("after", 0)
    if wait_s := min(call.query.get("wait", 0), LONGEST_S):
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await _changed(call.desk, part, after)
    ended = await call.desk.ask(is_over, call.desk, part)  # asked first: what was written before is then there
    with opened(call.desk, part) as reader:
        found = NOTHING if reader is None else await call.desk.ask(line_part, reader, after)
    return answer({"attempt": part.attempt, "ended": ended} | _told(found))


async def log_times(call: Call) -> web.StreamResponse:
    """Give which byte of a log came in when, for the part from `start` to `end`: 10,000 instants at most."""
    job = await call.desk.ask(find_job, call.desk, call.ident)
    start: int = call.query.get("start", 0)
    end: int = call.query.get("end", start)
    found: list[tuple[int, Any]] = []
    with opened(call.desk, Part(job, call.query.get("attempt", job.attempts) or 1, None)) as reader:
        if reader is not None:
            found = await call.desk.ask(arrivals, reader, start, end, TIMES)
    return answer({"times": [[offset, rfc3339(at)] for offset, at in found]})


async def _changed(desk: Desk, part: Part, known: int) -> None:
    """Return when the log has another size than `known`, or will never have."""
    with listening(desk.bus, "log", "news") as listener:
        while not desk.draining:
            over = await desk.ask(is_over, desk, part)
            with opened(desk, part) as reader:
                size = await desk.ask(_size, reader) if reader else 0
            if over or size != known:
                return
            await listener.wait(LOOK_S)
            await asyncio.sleep(GATHER_S)


def _size(reader: LogReader) -> int:
    return reader.size


def _told(part: LinePart) -> dict[str, Any]:
    marks = [[mark.kind.name.lower(), mark.step, mark.line, mark.offset] for mark in part.marks]
    return {"start": part.start, "size": part.size, "lines": part.lines, "marks": marks}


ROUTES = (
    Route(
        "GET", f"{API}/jobs/{ID}/logs/lines", log_lines,
        "where the lines of a job's log are: newlines per 64 KiB, and what begins at which line",
        query=(
            Param("attempt", "integer", "which attempt (the latest)", least=1),
            Param("after", "integer", "how many bytes are known already; the answer starts with their last block"),
            Param("wait", "integer", "seconds to wait for more than these (0: not at all; 25 at most)"),
        ),
    ),
    Route(
        "GET", f"{API}/jobs/{ID}/logs/times", log_times, "when which byte of a job's log came in",
        query=(
            Param("attempt", "integer", "which attempt (the latest)", least=1),
            Param("start", "integer", "from this byte on"),
            Param("end", "integer", "up to this byte"),
        ),
    ),
)  # fmt: skip
