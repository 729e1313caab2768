"""The queue over HTTP: what waits and why, pausing it, and putting a job forward."""

from collections.abc import Callable
from typing import Any

from aiohttp import web

from app.server.answers import answer, tell
from app.server.desk import Call
from app.server.route import API, DONE, ID, WRITE, Field, Param, Route
from app.server.runs import find_job
from app.views.queue import WAITING, paused_shape, queue_view
from engine.control.asks import commands

MOST = 500


async def show_queue(call: Call) -> web.StreamResponse:
    """The workers and what they run, what waits in its order and why, whether it is paused: see `queue_view`."""
    desk = call.desk
    limit = min(call.query.get("limit", WAITING), MOST)

    def look() -> dict[str, Any]:
        told = queue_view(desk.store, desk.settings.worker_count, limit, desk.foreteller.jobs)
        return told | {"draining": desk.draining}

    return await tell(call, look)


async def pause(call: Call) -> web.StreamResponse:
    """Have nothing claimed until the queue is resumed, also over a restart. What runs goes on."""
    return await _switch(call, lambda: commands.pause(call.desk.store, call.actor, call.desk.clock))


async def resume(call: Call) -> web.StreamResponse:
    return await _switch(call, lambda: commands.resume(call.desk.store))


async def prioritize(call: Call) -> web.StreamResponse:
    """Give a job another priority. It counts from the next claim on; each point is worth a minute of waiting."""

    def act() -> str:
        return commands.prioritize(call.desk.store, find_job(call.desk, call.ident), call.fields["priority"])

    done = await call.desk.ask(act)
    call.desk.bus.wake("news")
    return answer({"kind": "job", "id": call.ident, "done": done}, 202)


async def _switch(call: Call, turn: Callable[[], str]) -> web.StreamResponse:
    def act() -> dict[str, Any]:
        done = turn()
        return {"done": done, "paused": paused_shape(call.desk.store.queue.pause.get())}

    told = await call.desk.ask(act)
    call.desk.bus.wake("queue", "news")
    return answer(told, 202)


ROUTES = (
    Route(
        "GET", f"{API}/queue", show_queue, "the workers, and what waits in its order and why",
        query=(Param("limit", "integer", "how many that wait at most", least=1),),
    ),
    Route(
        "POST", f"{API}/queue/pause", pause, "claim no job until resumed; what runs goes on", WRITE,
        fields=(), answers=DONE,
    ),
    Route("POST", f"{API}/queue/resume", resume, "claim jobs again", WRITE, fields=(), answers=DONE),
    Route(
        "POST", f"{API}/jobs/{ID}/priority", prioritize, "give a job another priority", WRITE, answers=DONE,
        fields=(Field("priority", int, "from -1000 to 1000; the larger runs first", needed=True),),
    ),
)  # fmt: skip
