"""Server-Sent Events: every change of status, once and in order, from wherever the reader left off."""

import json
import socket
import struct

from aiohttp import web

from app.server.answers import SAFE, Refusal, begin, cut, send
from app.server.auth import Allowance
from app.server.desk import Call
from app.server.feed import Feed, Frame
from app.server.route import API, LARGEST, Param, Route
from engine.store.retention import GONE_UPTO
from pipelines.records import dataclass

FEED = web.AppKey("feed", Feed)
STREAMS = 200
HEARTBEAT_S = 15.0
SLOW_S = 30.0  # a reader that takes nothing for so long is let go; it may come back with its Last-Event-ID
NOUNS = ("run", "job", "attempt", "step", "bisect")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of the stream a reader asked for; an empty tuple asks for all."""

    runs: tuple[int, ...] = ()
    jobs: tuple[int, ...] = ()
    types: tuple[str, ...] = ()

    def takes(self, one: Frame) -> bool:
        change = one.change
        return (
            (not self.runs or change.run_id in self.runs)
            and (not self.jobs or change.job_id in self.jobs)
            and (not self.types or change.noun in self.types)
        )


async def events(call: Call) -> web.StreamResponse:
    """Stream transitions until the reader leaves or the engine stops."""
    feed = call.request.app[FEED]
    if feed.readers >= STREAMS:
        raise Refusal(503, f"{STREAMS} streams are open already.", {"Retry-After": "30"})
    wanted = Wanted(call.query.get("run", ()), call.query.get("job", ()), call.query.get("types", ()))
    place = min(_place(call, feed.last), feed.last)
    response = web.StreamResponse(
        headers={**SAFE, "Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"}
    )
    feed.readers += 1
    try:
        if not await begin(call.request, response):
            return response
        _let_a_cut_be_felt(call.request, True)
        # The bare id gives a reader that has seen nothing yet a place to come back to.
        await send(response, f"retry: 1000\nid: {place}\n\n".encode(), SLOW_S)
        if not (wanted.runs or wanted.jobs or feed.remembers(place)) and place < (gone := await _gone_upto(call)):
            await send(response, _gap(place, gone), SLOW_S)
        allowance = Allowance(call)
        while not feed.closed and await allowance.holds():
            frames = await feed.page(place)
            if frames:
                place = frames[-1].sequence
                if data := b"".join(one.data for one in frames if wanted.takes(one)):
                    await send(response, data, SLOW_S)
            elif not await feed.wait(place, HEARTBEAT_S):
                await send(response, b": still here\n\n", SLOW_S)
        _let_a_cut_be_felt(call.request, False)
        await response.write_eof()
    except TimeoutError:
        call.desk.counters["treadle_sse_dropped_total", ""] += 1
        cut(call.request)
    except ConnectionError:
        pass  # the reader has left
    finally:
        feed.readers -= 1
    return response


async def _gone_upto(call: Call) -> int:
    """Return the last place up to which changes may be missing, for their runs have been removed."""
    return int(await call.desk.ask(call.desk.store.cursors.get, GONE_UPTO) or 0)


def _gap(after: int, upto: int) -> bytes:
    """Tell a reader who was away for long that its place is older than what is kept. No place of its own."""
    told = {"after": after, "upto": upto, "reason": "runs between these places have been removed: look at all anew"}
    return f"event: gap\ndata: {json.dumps(told)}\n\n".encode()


def _place(call: Call, last: int) -> int:
    """Return the sequence number after which to begin: the header's, the parameter's, else now."""
    text = call.request.headers.get("Last-Event-ID", "").strip()
    if not text:
        after: int = call.query.get("after", last)
        return after
    if not (text.isascii() and text.isdecimal() and int(text[:20]) < LARGEST):
        raise Refusal(400, "Last-Event-ID is a number that this stream gave.")
    return int(text)


def _let_a_cut_be_felt(request: web.Request, wanted: bool) -> None:
    """Have the system reset the line, not close it, when this process is killed.

    Half of all clients take a line that is closed in the middle of a stream for its regular end, and wait for ever.
    """
    line = request.get_extra_info("socket")
    if line is not None and line.family != socket.AF_UNIX:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", wanted, 0))


ROUTES = (
    Route(
        "GET", f"{API}/events", events, "every change of status, live", gives="text/event-stream",
        query=(
            Param("run", "integer", "only of these runs", many=True),
            Param("job", "integer", "only of these jobs", many=True),
            Param("types", "string", "only of these kinds", many=True, words=NOUNS),
            Param("after", "integer", "the sequence number to go on from (now); Last-Event-ID wins"),
        ),
    ),
)  # fmt: skip
