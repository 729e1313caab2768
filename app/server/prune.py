"""What is old enough to go, over HTTP."""

from aiohttp import web

from app.server.answers import Refusal, answer
from app.server.desk import Call
from app.server.route import ADMIN, API, Field, Route
from app.views.prune import prune_view


async def prune(call: Call) -> web.StreamResponse:
    """Tell what goes now, see `prune_view`; unless `dry_run`, have it go, in the background and in small steps."""
    desk, dry = call.desk, bool(call.fields.get("dry_run"))
    pruning, hurry = desk.pruning, desk.hurry
    if pruning is None:
        raise Refusal(409, "The engine of this home is a `treadle run`, which removes nothing.")
    told = await desk.ask(prune_view, pruning, desk.settings.retention, desk.clock.now())
    if not dry:
        hurry()
    return answer(told | {"dry_run": dry}, 200 if dry else 202)


ROUTES = (
    Route(
        "POST", f"{API}/prune", prune, "have what is old enough go, and tell what it is", ADMIN,
        fields=(Field("dry_run", bool, "tell it, and remove nothing"),),
        answers={200: "what would go", 202: "what goes", 409: "this engine removes nothing"},
    ),
)  # fmt: skip
