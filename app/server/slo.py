"""How well the promises of `slo:` are kept, as the API tells it."""

from aiohttp import web

from app.server.answers import answer
from app.server.desk import Call
from app.server.route import API, Param, Route
from engine.core.slo import WINDOWS

USUAL = "24h"


async def show_slo(call: Call) -> web.StreamResponse:
    """The last hour, day and week against the targets, with the error budget that is left."""
    report = await call.desk.ask(call.desk.slo.report, call.desk.clock.now())
    return answer(report.as_json())


async def show_history(call: Call) -> web.StreamResponse:
    """One window in equal pieces, oldest first; what happened in each, against the targets."""
    window = call.query.get("window", USUAL)
    history = await call.desk.ask(call.desk.slo_history.history, window, call.desk.clock.now())
    return answer(history.as_json())


ROUTES = (
    Route("GET", f"{API}/slo", show_slo, "how well the promises of `slo:` are kept"),
    Route(
        "GET", f"{API}/slo/history", show_history, "how the promises of `slo:` were kept, piece by piece of time",
        query=(Param("window", "string", f"how far back ({USUAL})", words=tuple(WINDOWS)),),
    ),
)  # fmt: skip
