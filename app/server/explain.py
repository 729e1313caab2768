"""Why a run, a job or an event came out as it did, or waits, over HTTP: see app/views/explain.py."""

from collections.abc import Callable
from typing import Any, TypeAlias

from aiohttp import web

from app.server.answers import Refusal, tell
from app.server.desk import Call
from app.server.route import API, ID, Route
from app.views.explain import explain_event, explain_job, explain_run
from engine.settings.model import Settings
from engine.store.store import Store

Explains: TypeAlias = Callable[[Store, Settings, int], dict[str, Any] | None]


async def of_run(call: Call) -> web.StreamResponse:
    """Why a run is as it is: its event and filter, its group, its jobs and matrices."""
    return await _told(call, explain_run, "run")


async def of_job(call: Call) -> web.StreamResponse:
    """Why a job is as it is: condition, needs, matrix, waits, attempts, steps."""
    return await _told(call, explain_job, "job")


async def of_event(call: Call) -> web.StreamResponse:
    """Why an event started what it did."""
    return await _told(call, explain_event, "event")


async def _told(call: Call, explains: Explains, noun: str) -> web.StreamResponse:
    def look() -> dict[str, Any]:
        told = explains(call.desk.store, call.desk.settings, call.ident)
        if told is None:
            raise Refusal(404, f"There is no {noun} {call.ident}.")
        return told

    return await tell(call, look)


ROUTES = (
    Route("GET", f"{API}/runs/{ID}/explain", of_run, "why a run is as it is, or what it waits for"),
    Route("GET", f"{API}/jobs/{ID}/explain", of_job, "why a job is as it is, or what it waits for"),
    Route("GET", f"{API}/inbox/{ID}/explain", of_event, "why an event started what it did"),
)  # fmt: skip
