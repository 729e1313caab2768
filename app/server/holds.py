"""Held boxes over HTTP: what there is, the wish to have one, and to let one go."""

from pathlib import Path

from aiohttp import web

from app.server.answers import SAFE, Refusal, tell
from app.server.desk import Call
from app.server.route import API, DONE, ID, WRITE, Field, Param, Route
from app.server.runs import find_job
from app.server.wishes import ask
from app.views.holds import holds_view
from engine.control.asks.hold_wishes import hold, release

TEXT = {**SAFE, "Content-Type": "text/plain; charset=utf-8"}


async def list_holds(call: Call) -> web.StreamResponse:
    return await tell(call, holds_view, call.desk.store)


async def shell_record(call: Call) -> web.StreamResponse:
    """Give what shells into an attempt have shown, secrets hidden, piece by piece: it may be long."""

    def find() -> Path:
        job = find_job(call.desk, call.ident)
        path = call.desk.store.shell_path(job.run_id, job.id, call.query.get("attempt", job.attempts))
        if not path.is_file():
            raise Refusal(404, f"Nobody has had a shell in this attempt of job {job.id}.")
        return path

    return web.FileResponse(await call.desk.ask(find), headers=TEXT)


async def hold_job(call: Call) -> web.StreamResponse:
    wanted = call.fields.get("wanted", True)
    return await ask(call, find_job, lambda store, job, *_: hold(store, job, wanted))


async def release_job(call: Call) -> web.StreamResponse:
    told = await ask(call, find_job, lambda store, job, _, clock: release(store, job, clock))
    call.desk.bus.wake("holds")
    return told


ROUTES = (
    Route(
        "GET", f"{API}/jobs/{ID}/shell/record", shell_record, "what shells into an attempt have shown",
        gives="text/plain", query=(Param("attempt", "integer", "which attempt (the latest)", least=1),),
        answers={200: "the text, secrets hidden", 404: "there were none"},
    ),
    Route("GET", f"{API}/holds", list_holds, "the boxes of failed jobs that are held"),
    Route(
        "POST", f"{API}/jobs/{ID}/hold", hold_job, "have a job's box held if one of its steps fails it", WRITE,
        fields=(Field("wanted", bool, "false: not after all"),), answers=DONE,
    ),
    Route(
        "POST", f"{API}/jobs/{ID}/release", release_job, "let the held box of a job go", WRITE, fields=(),
        answers=DONE,
    ),
)  # fmt: skip
