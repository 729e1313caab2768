"""The inbox as the API shows it: what came in, what became of it, and planning it once more."""

from typing import Any

from aiohttp import web

from app.server.answers import Refusal, answer
from app.server.desk import Call
from app.shapes import event_shape, run_shape

PAGE, MOST = 50, 500


async def list_events(call: Call) -> web.StreamResponse:
    """Events, newest first."""
    inbox, query = call.desk.store.inbox, call.query
    limit = min(query.get("limit", PAGE), MOST)
    events = await call.desk.ask(inbox.list, query.get("repo"), query.get("before"), limit)
    return answer({"inbox": [event_shape(event) for event in events]})


async def show_event(call: Call) -> web.StreamResponse:
    """An event with what came, and the runs that came of it."""

    def look() -> dict[str, Any]:
        event = call.desk.store.inbox.get(call.ident)
        if event is None:
            raise Refusal(404, f"There is no event {call.ident}.")
        runs = [run_shape(run) for run in call.desk.store.queries.runs(event=event.id)]
        return event_shape(event) | {"runs": runs, "fields": event.fields}

    return answer(await call.desk.ask(look))


async def replay(call: Call) -> web.StreamResponse:
    """Have an event planned once more, as if it had just come."""
    if not await call.desk.ask(call.desk.store.inbox.replay, call.ident):
        raise Refusal(404, f"There is no event {call.ident}.")
    call.desk.bus.wake("inbox")
    return answer({"event": call.ident}, 202)
