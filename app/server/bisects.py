"""Searches for the commit that broke a job, over HTTP."""

from typing import Any

from aiohttp import web

from app.server.answers import Refusal, answer, tell
from app.server.desk import Call, Desk
from app.server.route import API, DONE, ID, PAGING, WRITE, Field, Param, Route
from app.server.runs import find_job
from app.views.bisects import bisect_view, proposal_view
from engine.control.bisecting import start as bisect_start
from engine.core.bisect_records import Bisect
from engine.core.states import BisectStatus

PAGE, MOST = 50, 500


async def propose(call: Call) -> web.StreamResponse:
    """What a search would be, and nothing begins: see `proposal_view`. 409 with the reason where there can be none."""
    query = call.query

    def look() -> dict[str, Any]:
        return proposal_view(bisect_start.propose(call.desk.store, find_job(call.desk, call.ident), **query))

    return await tell(call, look)


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

    return await tell(call, look)


async def show(call: Call) -> web.StreamResponse:
    def look() -> dict[str, Any]:
        sequence = call.desk.store.queries.last_sequence()
        return bisect_view(_find(call.desk, call.ident)) | {"sequence": sequence}

    return await tell(call, look)


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


ROUTES = (
    Route(
        "GET", f"{API}/bisects", list_bisects, "searches for the commit that broke a job, newest first",
        query=(
            Param("status", "string", "only with this status", words=tuple(map(str, BisectStatus))),
            Param("job", "integer", "only for this job"),
            *PAGING,
        ),
    ),
    Route(
        "POST", f"{API}/bisects", start, "look for the commit that broke a job", WRITE,
        fields=(
            Field("job", int, "the job that failed", needed=True),
            Field("good", str, "a revision where it passes (the newest that is known)"),
            Field("bad", str, "a revision where it fails (the job's own)"),
        ),
        answers={201: "the search", 404: "there is no such job", 409: "there can be none"},
    ),
    Route(
        "GET", f"{API}/jobs/{ID}/bisect", propose, "what a search for the commit that broke a job would be",
        query=(
            Param("good", "string", "a revision where it passes (the newest that is known)"),
            Param("bad", "string", "a revision where it fails (the job's own)"),
        ),
        answers={200: "what it would be", 404: "there is no such job", 409: "there can be none"},
    ),
    Route("GET", f"{API}/bisects/{ID}", show, "a search, with its trials and whom it names"),
    Route(
        "POST", f"{API}/bisects/{ID}/cancel", cancel, "end a search, and the run of its trial", WRITE,
        fields=(), answers=DONE,
    ),
)  # fmt: skip
