"""The inbox as the API shows it: what came in, what became of it, and planning it once more."""

from typing import Any

from aiohttp import web

from app.server.answers import Refusal, answer, tell
from app.server.desk import Call
from app.server.route import API, DONE, ID, PAGING, WRITE, Param, Route
from app.views.events import event_view, events_view
from engine.control.asks import commands
from engine.store.inbox import DROPPED, PLANNED, RECEIVED


async def list_events(call: Call) -> web.StreamResponse:
    """Events, newest first: see `events_view`."""
    return await tell(call, events_view, call.desk.store, **call.query)


async def show_event(call: Call) -> web.StreamResponse:
    """An event with what came, and the runs that came of it."""
    return await tell(call, _existing, call)


async def replay(call: Call) -> web.StreamResponse:
    """Have an event planned once more, as if it had just come."""

    def act() -> str:
        _existing(call)
        return commands.replay(call.desk.store, call.ident)

    done = await call.desk.ask(act)
    call.desk.bus.wake("inbox")
    return answer({"event": call.ident, "done": done}, 202)


def _existing(call: Call) -> dict[str, Any]:
    found = event_view(call.desk.store, call.ident)
    if found is None:
        raise Refusal(404, f"There is no event {call.ident}.")
    return found


ROUTES = (
    Route(
        "GET", f"{API}/inbox", list_events, "events that came in, newest first",
        query=(
            Param("repo", "string", "only of this repository"),
            Param("status", "string", "only with this status", words=(RECEIVED, PLANNED, DROPPED)),
            *PAGING,
        ),
    ),
    Route("GET", f"{API}/inbox/{ID}", show_event, "an event, what it said and what became of it"),
    Route("POST", f"{API}/inbox/{ID}/replay", replay, "plan an event once more", WRITE, fields=(), answers=DONE),
)  # fmt: skip
