"""The ledger of failures, over HTTP."""

from aiohttp import web

from app.server.answers import tell
from app.server.desk import Call
from app.server.route import API, Param, Route
from app.views.flaky import MOST, USUAL, flaky_view


async def list_failures(call: Call) -> web.StreamResponse:
    """Tell which failures come and go, or all of them: see `flaky_view`."""
    limit = min(call.query.get("limit", USUAL), MOST)
    repo, all_ = call.query.get("repo"), call.query.get("all", False)
    return await tell(call, flaky_view, call.desk.store, repo, all=all_, limit=limit)


ROUTES = (
    Route(
        "GET", f"{API}/flaky", list_failures,
        "failures that come and go: how often, since which commit, how often the same job passed afterwards",
        query=(
            Param("repo", "string", "only of this repository"),
            Param("all", "flag", "all failures that are remembered, not only what is known to come and go"),
            Param("limit", "integer", "how many at most", least=1),
        ),
    ),
)  # fmt: skip
