"""Held boxes over HTTP: what there is, the wish to have one, and to let one go."""

from aiohttp import web

from app.server.answers import answer
from app.server.desk import Call
from app.server.runs import find_job
from app.server.wishes import ask
from app.views.holds import holds_view
from engine.control.hold_wishes import hold, release


async def list_holds(call: Call) -> web.StreamResponse:
    return answer(await call.desk.ask(holds_view, call.desk.store))


async def hold_job(call: Call) -> web.StreamResponse:
    wanted = call.fields.get("wanted", True)
    return await ask(call, find_job, lambda store, job, *_: hold(store, job, wanted))


async def release_job(call: Call) -> web.StreamResponse:
    told = await ask(call, find_job, lambda store, job, _, clock: release(store, job, clock))
    call.desk.bus.wake("holds")
    return told
