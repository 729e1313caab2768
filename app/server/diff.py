"""An attempt's log against another's, over HTTP."""

from aiohttp import web

from app.server.answers import tell
from app.server.desk import Call
from app.server.route import API, ID, Param, Route
from app.server.runs import find_job
from app.views.diff import diff_view
from engine.core.log_diff import CONTEXT


async def show_diff(call: Call) -> web.StreamResponse:
    """Compare a job's log with what it is held against: see `diff_view`."""
    job = await call.desk.ask(find_job, call.desk, call.ident)
    query = {name: call.query.get(name) for name in ("attempt", "against", "step")}
    context: int = call.query.get("context", CONTEXT)
    return await tell(call, diff_view, call.desk.store, job, **query, context=context)


ROUTES = (
    Route(
        "GET", f"{API}/jobs/{ID}/diff", show_diff,
        "a job's log against that of its last green run, or of another: what is new, gone and moved",
        query=(
            Param("attempt", "integer", "which attempt (the latest)", least=1),
            Param("against", "string", "a job (j34), a run (r12) or `previous`, the attempt before (the last green)"),
            Param("step", "integer", "which step (the first that failed; where none has, the whole log)"),
            Param("context", "integer", "how many lines that are alike to show beside what differs (3; 100 at most)"),
        ),
        answers={200: "the lines, as they were", 404: "there is no such job", 409: "there is nothing to compare"},
    ),
)  # fmt: skip
