"""An attempt's log against another's, over HTTP."""

from aiohttp import web

from app.server.answers import answer
from app.server.desk import Call
from app.server.runs import find_job
from app.views.diff import diff_view
from engine.core.log_diff import CONTEXT


async def show_diff(call: Call) -> web.StreamResponse:
    """Compare a job's log with what it is held against: see `diff_view`."""
    job = await call.desk.ask(find_job, call.desk, call.ident)
    query = {name: call.query.get(name) for name in ("attempt", "against", "step")}
    context: int = call.query.get("context", CONTEXT)
    return answer(await call.desk.ask(diff_view, call.desk.store, job, **query, context=context))
