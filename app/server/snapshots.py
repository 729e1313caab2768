"""Snapshots over HTTP: taken, listed, compared, removed. What would make another home is for the command line alone."""

import logging

from aiohttp import web

from app.server.answers import answer, tell
from app.server.desk import Call
from app.server.route import ADMIN, API, WRITE, Field, Param, Route
from app.views.snapshots import difference_view, remove_view, snapshot_shape, snapshots_view
from app.wording import size
from engine.control.housekeeping.snapshots import prune, thinned
from engine.store.copies.snapshots import HAND, Snapshot, Snapshots

log = logging.getLogger(__name__)
PATIENCE_S = 20.0


async def list_snapshots(call: Call) -> web.StreamResponse:
    """Every snapshot, with what it added to the disk; and those that are damaged."""
    return await tell(call, snapshots_view, _snapshots(call))


async def show_difference(call: Call) -> web.StreamResponse:
    """What changed from one snapshot to another."""
    a, b = call.query["a"], call.query.get("b", "latest")
    return await tell(call, difference_view, _snapshots(call), a, b)


async def take_snapshot(call: Call) -> web.StreamResponse:
    """Take one now. 201 with it; 202 with null when it takes longer, which goes on."""
    desk, snapshots = call.desk, _snapshots(call)

    def take() -> Snapshot:
        return snapshots.create(HAND, desk.clock.now(), config=desk.live.file)

    snapshot = await desk.ask_aside("snapshot", take, PATIENCE_S)
    if snapshot is None:
        return answer({"snapshot": None, "done": "It takes longer, and goes on."}, 202)
    log.info("%s took snapshot %s", call.actor, snapshot.id)
    done = f"Snapshot {snapshot.id} is taken; {size(snapshot.new_bytes)} of it new on the disk."
    return answer({"snapshot": snapshot_shape(snapshot), "done": done}, 201)


async def remove_snapshot(call: Call) -> web.StreamResponse:
    """Forget one snapshot."""
    removed = await call.desk.ask(remove_view, _snapshots(call), call.request.match_info["name"])
    log.info("%s removed snapshot %s", call.actor, removed[0]["id"])
    return answer({"removed": removed})


async def prune_snapshots(call: Call) -> web.StreamResponse:
    """Forget those that `retention.snapshots` does not keep; unless `dry_run`."""
    snapshots, rules = _snapshots(call), call.desk.settings.retention.snapshots
    dry = bool(call.fields.get("dry_run"))
    gone = await call.desk.ask(lambda: thinned(snapshots.list(), rules) if dry else prune(snapshots, rules))
    return answer({"removed": [snapshot_shape(one) for one in gone], "dry_run": dry})


def _snapshots(call: Call) -> Snapshots:
    return Snapshots(call.desk.store.home, call.desk.artifacts.blobs)


ROUTES = (
    Route("GET", f"{API}/snapshots", list_snapshots, "the snapshots, newest first, with what each added"),
    Route(
        "POST", f"{API}/snapshots", take_snapshot, "take a snapshot of the home", WRITE, fields=(),
        answers={201: "it", 202: "it takes longer, and goes on", 409: "the database is damaged"},
    ),
    Route(
        "GET", f"{API}/snapshots/diff", show_difference, "what changed from one snapshot to another", ADMIN,
        query=(
            Param("a", "string", "the earlier one: an id, or how it begins", needed=True),
            Param("b", "string", "the later one (the latest)"),
        ),
        answers={200: "counts of what was added, removed and changed, and the first 500 of each", 404: "no such one"},
    ),
    Route(
        "POST", f"{API}/snapshots/prune", prune_snapshots, "remove the snapshots that are not kept", ADMIN,
        fields=(Field("dry_run", bool, "tell which, and remove none"),),
    ),
    Route(
        "DELETE", f"{API}/snapshots/{{name}}", remove_snapshot, "remove a snapshot", ADMIN,
        answers={200: "it is removed", 404: "there is no such one", 409: "there are several"},
    ),
)  # fmt: skip
