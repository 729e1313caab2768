"""Is the server alive, and does it take work?"""

from aiohttp import web

from app.server.answers import AGAIN_S, Refusal, answer
from app.server.desk import Call
from app.server.route import PUBLIC, Route
from app.version import VERSION


async def healthz(_: Call) -> web.StreamResponse:
    """The process answers."""
    return answer({"status": "ok", "version": VERSION})


async def readyz(call: Call) -> web.StreamResponse:
    """The engine has recovered what an earlier one left, and takes work. `paused`: it claims none of it for now, nor
    while `disk_short`, for there is less room on the disk than `disk_floor:` asks for; deliveries are still kept.
    `settings_read` is false while `treadle.yml` is not in force, for it cannot be read."""
    if not call.desk.ready or call.desk.draining:
        word = "is being stopped" if call.desk.draining else "is starting"
        raise Refusal(503, f"The engine {word}.", {"Retry-After": str(AGAIN_S)})
    paused = await call.desk.ask(call.desk.store.queue.pause.get)
    room = call.desk.store.disk.look()
    told = {"status": "ready", "paused": paused is not None, "disk_short": room.short}
    return answer(told | {"settings_read": not call.desk.live.problem})


ROUTES = (
    Route("GET", "/healthz", healthz, "does the process answer?", PUBLIC),
    Route("GET", "/readyz", readyz, "does the engine take work?", PUBLIC),
)  # fmt: skip
