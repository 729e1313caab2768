"""What `actions/cache` keeps, over HTTP."""

import logging

from aiohttp import web

from app.server.answers import Refusal, answer, tell
from app.server.desk import Call
from app.server.route import API, WRITE, Param, Route
from app.views.caches import caches_view
from app.views.caches import remove_caches as remove_named

log = logging.getLogger(__name__)


async def list_caches(call: Call) -> web.StreamResponse:
    """All entries, or those of one repository, the one used last first."""
    return await tell(call, lambda: {"caches": caches_view(call.desk.store.home, call.query.get("repo"))})


async def remove_caches(call: Call) -> web.StreamResponse:
    """Forget entries by their id or key; what they hold goes with the next sweep."""
    name, desk = call.query["name"], call.desk
    gone = await desk.ask(remove_named, desk.store.home, name, call.query.get("repo"))
    if not gone:
        raise Refusal(404, f"There is no cache {name[:200]!r}.")
    log.info("%s removed %d caches of the key or id %r", call.actor, len(gone), name[:200])
    return answer({"caches": gone})


ROUTES = (
    Route(
        "GET", f"{API}/caches", list_caches, "what actions/cache keeps",
        query=(Param("repo", "string", "only of this repository"),),
    ),
    Route(
        "DELETE", f"{API}/caches", remove_caches, "remove what actions/cache keeps, by id or key", WRITE,
        query=(
            Param("name", "string", "the id, or the key: then on all branches", needed=True),
            Param("repo", "string", "only of this repository"),
        ),
        answers={200: "what is gone", 404: "there is none"},
    ),
)  # fmt: skip
