"""Running again over HTTP: all of a run, what failed, a job from a step on; a run with other inputs."""

from typing import Any

from aiohttp import web

from app.server.answers import Refusal, answer, tell
from app.server.desk import Call
from app.server.route import API, DONE, ID, WRITE, Field, Route
from app.server.runs import find_job, find_run
from app.server.wishes import ask
from app.shapes import checkpoint_shape, rerun_shape
from app.views.repos import input_shape
from engine.control.asks.dispatch import text_of
from engine.control.asks.reruns import inputs_of, rerun
from engine.control.asks.retries import Again, retry
from engine.core.clock import Clock
from engine.core.records import Run
from engine.store.store import Store


async def retry_run(call: Call) -> web.StreamResponse:
    """Run a run's jobs again; with `inputs`, 201 with a new run of the same commit."""
    fields, failed, debug = call.fields, bool(call.fields.get("failed")), bool(call.fields.get("debug"))
    if fields.get("inputs") is None:
        return await ask(call, find_run, lambda *told: _retry(Again(failed=failed, debug=debug), *told))
    if failed:
        raise Refusal(400, "With other inputs everything is run: `failed` makes no sense beside them.")
    inputs = {name: text_of(name, value) for name, value in fields["inputs"].items()}

    def act() -> dict[str, Any]:
        run = find_run(call.desk, call.ident)
        made = rerun(call.desk.store, run, inputs, call.actor, call.desk.clock, debug=debug, on_host=_host(call, run))
        return rerun_shape(made, run)

    told = await call.desk.ask(act)
    call.desk.bus.wake("schedule", "queue", "news")
    return answer(told, 201)


async def retry_job(call: Call) -> web.StreamResponse:
    fields = call.fields
    again = Again(
        step=fields.get("step"),
        here=bool(fields.get("here")),
        next=bool(fields.get("next")),
        debug=bool(fields.get("debug")),
    )
    if (again.step is not None) + again.here + again.next > 1:
        raise Refusal(400, "A job begins at one place: `step`, `here` or `next`.")
    return await ask(call, find_job, lambda *told: _retry(again, *told))


async def list_inputs(call: Call) -> web.StreamResponse:
    """The inputs that a run can be run again with: what is declared, and what it was given. 409 where it has none."""

    def look() -> dict[str, Any]:
        known = inputs_of(call.desk.store, find_run(call.desk, call.ident))
        return {"inputs": [input_shape(one) | {"value": known.given.get(one.name)} for one in known.declared]}

    return await tell(call, look)


async def list_checkpoints(call: Call) -> web.StreamResponse:
    """The checkpoints of a job, in the order of its steps."""

    def look() -> dict[str, Any]:
        job = find_job(call.desk, call.ident)
        return {"checkpoints": [checkpoint_shape(found) for found in call.desk.store.checkpoints.list(job.id)]}

    return await tell(call, look)


def _retry(again: Again, store: Store, target: Any, actor: str, clock: Clock) -> str:
    return retry(store, target, again, actor, clock)


def _host(call: Call, run: Run) -> bool:
    """Whether jobs of what is asked for may run on this machine itself."""
    repo = call.desk.settings.repo(run.repo)
    return not call.over_network or (repo is not None and repo.allow_host)


ROUTES = (
    Route(
        "POST", f"{API}/runs/{ID}/retry", retry_run,
        "run a run's jobs again, or a run like it with other inputs", WRITE,
        answers={**DONE, 201: "the new run, with other inputs"},
        fields=(
            Field("failed", bool, "only what did not succeed, and what that held back"),
            Field("debug", bool, "with debug logging"),
            Field("inputs", dict, "inputs that are to be others: a new run of the same commit"),
        ),
    ),
    Route(
        "GET", f"{API}/runs/{ID}/inputs", list_inputs,
        "the inputs of a run: what is declared, and what it was given",
        answers={200: "name, type, default, options and value of each", 404: "no such run", 409: "it has no inputs"},
    ),
    Route(
        "POST", f"{API}/jobs/{ID}/retry", retry_job, "run a job again, from its beginning or from a later step",
        WRITE, answers=DONE,
        fields=(
            Field("step", int, "from this step on, from the checkpoint that is nearest before it"),
            Field("here", bool, "from the step on whose box is held"),
            Field("next", bool, "from the step after that on"),
            Field("debug", bool, "with debug logging"),
        ),
    ),
    Route(
        "GET", f"{API}/jobs/{ID}/checkpoints", list_checkpoints, "the steps of a job that a retry can follow"
    ),
)  # fmt: skip
