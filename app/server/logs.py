"""Logs as bytes: whole, a part, or as they grow. What is sent is what the step printed, masked, nothing else."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web

from app.server.answers import SAFE, Refusal, answer, begin, cut, send
from app.server.auth import Allowance
from app.server.desk import Call, Desk
from app.server.listening import LoopListener, listening
from app.server.ranges import byte_range
from app.server.route import API, ID, Param, Route
from app.server.runs import find_job
from engine.core.clock import rfc3339
from engine.core.errors import EngineError
from engine.core.records import Attempt, Job
from engine.core.states import JOB_FINAL, AttemptStatus
from engine.store.logs.reader import LogReader
from pipelines.records import dataclass

BLOCK_BYTES = 256 * 1024
GATHER_S = 0.03  # what comes in quick succession is read once
LOOK_S = 1.0  # another process may write this log, and its wake-ups do not come here
ENTRIES = 10_000
TEXT = {**SAFE, "Content-Type": "text/plain; charset=utf-8", "Accept-Ranges": "bytes", "X-Accel-Buffering": "no"}


@dataclass(frozen=True, slots=True)
class Part:
    """What of which log is asked for. `step` None: all of the attempt's."""

    job: Job
    attempt: int
    step: int | None


async def log(call: Call) -> web.StreamResponse:
    """Give an attempt's log, or one step's part of it."""
    job = await call.desk.ask(find_job, call.desk, call.ident)
    number: int = call.query.get("attempt", job.attempts)
    if call.query.get("follow"):
        return await _follow(call, Part(job, number or 1, call.query.get("step")))
    if not number:
        raise Refusal(404, f"Job {job.id} has not started.")
    return await _whole(call, Part(job, number, call.query.get("step")))


async def index(call: Call) -> web.StreamResponse:
    """Give what a log is made of: which of its bytes came from which step and when, and what begins where.

    The records are in the order written, those behind the first `after`, 10,000 at most (`more`: there are others).
    One that ends beyond `size` is announced, not written yet.
    """
    job = await call.desk.ask(find_job, call.desk, call.ident)
    number: int = call.query.get("attempt", job.attempts)
    after: int = call.query.get("after", 0)
    with opened(call.desk, Part(job, number, None)) as reader:
        if reader is None:
            raise Refusal(404, f"Job {job.id} has no log of attempt {number}.")
        return answer({"attempt": number} | await call.desk.ask(_index, reader, after))


async def _whole(call: Call, part: Part) -> web.StreamResponse:
    with opened(call.desk, part) as reader:
        if reader is None:
            raise Refusal(404, f"Job {part.job.id} has no log of attempt {part.attempt}.")
        first, end = await call.desk.ask(_bounds, reader, part)
        asked = byte_range(call.request.headers.get("Range"), end - first)
        start, stop = asked or (0, end - first)
        headers = TEXT | {"X-Treadle-Attempt": str(part.attempt), "Content-Length": str(stop - start)}
        if asked:
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{end - first}"
        response = web.StreamResponse(status=206 if asked else 200, headers=headers)
        if not await begin(call.request, response):
            return response
        at = first + start
        while at < first + stop:
            block = await call.desk.ask(reader.read, at, min(at + BLOCK_BYTES, first + stop))
            if not block:
                break
            at += len(block)
            await send(response, block)
        await response.write_eof()
        return response


async def _follow(call: Call, part: Part) -> web.StreamResponse:
    """Give the log as it grows until the attempt ends; where none was asked for, attempt after attempt, to the job's
    end."""
    response = web.StreamResponse(headers=TEXT | {"X-Treadle-Attempt": str(part.attempt), "Accept-Ranges": "none"})
    if not await begin(call.request, response):
        return response
    skip: int = call.query.get("offset", 0)
    allowance = Allowance(call)
    try:
        with listening(call.desk.bus, "log", "news") as listener:
            while True:
                async for block in _growing(call, part, listener, allowance, skip):
                    await send(response, block)
                job = await call.desk.ask(find_job, call.desk, call.ident)
                over = job.status in JOB_FINAL and job.attempts <= part.attempt
                if "attempt" in call.query or over or call.desk.draining or allowance.ended:
                    break
                part, skip = Part(job, part.attempt + 1, part.step), 0
        await response.write_eof()
    except TimeoutError:
        cut(call.request)
    except ConnectionError:
        pass  # the reader has left
    return response


async def _growing(
    call: Call, part: Part, listener: LoopListener, allowance: Allowance, skip: int
) -> AsyncIterator[bytes]:
    """Yield what there is of a log behind `skip`, then what comes, until its attempt is over."""
    given = skip
    while not call.desk.draining and await allowance.holds():
        over = await call.desk.ask(is_over, call.desk, part)  # asked first: what was written before is then there
        with opened(call.desk, part) as reader:
            while reader is not None:
                bounds = await call.desk.ask(_begun_bounds, reader, part)
                begin, end = bounds or (0, 0)
                block = await call.desk.ask(reader.read, begin + given, min(end, begin + given + BLOCK_BYTES))
                if not block:
                    break
                given += len(block)
                yield block
                if not await allowance.holds():
                    return
        if over:
            return
        await asyncio.sleep(GATHER_S)
        await listener.wait(LOOK_S)


@contextmanager
def opened(desk: Desk, part: Part) -> Iterator[LogReader | None]:
    """Open a log for as long as the block runs; None where there is none (yet)."""
    try:
        reader = LogReader(desk.store.log_path(part.job.run_id, part.job.id, part.attempt))
    except FileNotFoundError:
        yield None
        return
    with reader:
        yield reader


def _index(reader: LogReader, after: int) -> dict[str, Any]:
    size = reader.size  # first: what is announced and not there yet can then be told from what is there
    entries = reader.entries()
    told = [
        {"mark": e.mark.name.lower(), "step": e.step, "start": e.start, "end": e.end, "at": rfc3339(e.at)}
        for e in entries[after : after + ENTRIES]
    ]
    return {"size": size, "entries": told, "more": len(entries) > after + ENTRIES}


def _bounds(reader: LogReader, part: Part) -> tuple[int, int]:
    if part.step is None:
        return 0, reader.size
    if part.step not in reader.steps():
        raise Refusal(404, f"The log of attempt {part.attempt} has no step {part.step}.")
    return reader.step_range(part.step)


def _begun_bounds(reader: LogReader, part: Part) -> tuple[int, int] | None:
    """Where the part begins and ends by now; None while its step has not begun."""
    if part.step is not None and part.step not in reader.steps():
        return None
    return _bounds(reader, part)


def is_over(desk: Desk, part: Part) -> bool:
    """Will nothing more come? Its attempt has ended, or will never begin."""
    attempts: dict[int, Attempt] = {one.number: one for one in desk.store.queries.attempts(part.job.id)}
    if part.attempt in attempts:
        return attempts[part.attempt].status != AttemptStatus.RUNNING
    job = desk.store.queries.job(part.job.id)
    if job is None:
        raise EngineError(f"Job {part.job.id} is gone.")
    return job.status in JOB_FINAL


ROUTES = (
    Route(
        "GET", f"{API}/jobs/{ID}/logs", log, "a job's log, as bytes; takes Range", gives="text/plain",
        query=(
            Param("attempt", "integer", "which attempt (the latest)", least=1),
            Param("step", "integer", "only this step's part"),
            Param("follow", "flag", "stream until the end"),
            Param("offset", "integer", "with follow: the byte to begin with"),
        ),
        answers={200: "the log", 206: "the part asked for", 404: "there is none", 416: "it is not that long"},
    ),
    Route(
        "GET", f"{API}/jobs/{ID}/logs/index", index, "which step printed what of a job's log, and when",
        query=(
            Param("attempt", "integer", "which attempt (the latest)", least=1),
            Param("after", "integer", "how many records to leave out, known already"),
        ),
    ),
)  # fmt: skip
