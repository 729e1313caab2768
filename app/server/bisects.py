"""Searches for the commit that broke a job, over HTTP."""

from typing import Any

from aiohttp import web

from app.server.answers import Refusal, answer
from app.server.desk import Call, Desk
from app.server.runs import find_job
from app.views.bisects import bisect_view, proposal_view
from engine.control import bisect_start
from engine.core.bisect_records import Bisect

PAGE, MOST = 50, 500


async def propose(call: Call) -> web.StreamResponse:
    """What a search would be, and nothing begins: see `proposal_view`. 409 with the reason where there can be none."""
    query = call.query

    def look() -> dict[str, Any]:
        return proposal_view(bisect_start.propose(call.desk.store, find_job(call.desk, call.ident), **query))

    return answer(await call.desk.ask(look))


async def start(call: Call) -> web.StreamResponse:
    """Begin a search: see `bisect_view`."""
    desk, fields = call.desk, call.fields

    def act() -> dict[str, Any]:
        job = find_job(desk, fields["job"])
        proposal = bisect_start.propose(desk.store, job, fields.get("good"), fields.get("bad"))
        return bisect_view(_find(desk, bisect_start.start(desk.store, proposal, call.actor, desk.clock)))

    told = await desk.ask(act)
    desk.bus.wake("news")
    return answer(told, 201)


async def list_bisects(call: Call) -> web.StreamResponse:
    """Searches, newest first. `sequence` is where a stream has to begin to miss nothing that comes after this."""
    query = {name: call.query.get(name) for name in ("status", "job", "before")}
    limit = min(call.query.get("limit", PAGE), MOST)

    def look() -> dict[str, Any]:
        sequence = call.desk.store.queries.last_sequence()
        found = call.desk.store.bisects.newest(**query, limit=limit)
        return {"bisects": [bisect_view(one) for one in found], "sequence": sequence}

    return answer(await call.desk.ask(look))


async def show(call: Call) -> web.StreamResponse:
    def look() -> dict[str, Any]:
        sequence = call.desk.store.queries.last_sequence()
        return bisect_view(_find(call.desk, call.ident)) | {"sequence": sequence}

    return answer(await call.desk.ask(look))


async def cancel(call: Call) -> web.StreamResponse:
    """End a search, and the run of its trial."""
    desk = call.desk

    def act() -> dict[str, Any]:
        done = bisect_start.cancel(desk.store, _find(desk, call.ident), call.actor, desk.clock)
        return {"kind": "bisect", "id": call.ident, "done": done}

    told = await desk.ask(act)
    desk.bus.wake("schedule", "queue", "wishes", "news")
    return answer(told, 202)


def _find(desk: Desk, bisect_id: int) -> Bisect:
    found = desk.store.bisects.get(bisect_id)
    if found is None:
        raise Refusal(404, f"There is no bisect {bisect_id}.")
    return found
