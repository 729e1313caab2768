"""Running again over HTTP: all of a run, what failed, a job from a step on; a run with other inputs."""

from typing import Any

from aiohttp import web

from app.server.answers import Refusal, answer
from app.server.desk import Call
from app.server.runs import find_job, find_run
from app.server.wishes import ask
from app.shapes import checkpoint_shape, run_shape
from app.views.repos import input_shape
from engine.control.dispatch import text_of
from engine.control.reruns import inputs_of, rerun
from engine.control.retries import Again, retry
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
        done = f"Run {made.id} (#{made.number}) is planned with these inputs, like run {run.id}."
        return run_shape(made) | {"kind": "run", "done": done}

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

    return answer(await call.desk.ask(look))


async def list_checkpoints(call: Call) -> web.StreamResponse:
    """The checkpoints of a job, in the order of its steps."""

    def look() -> dict[str, Any]:
        job = find_job(call.desk, call.ident)
        return {"checkpoints": [checkpoint_shape(found) for found in call.desk.store.checkpoints.list(job.id)]}

    return answer(await call.desk.ask(look))


def _retry(again: Again, store: Store, target: Any, actor: str, clock: Clock) -> str:
    return retry(store, target, again, actor, clock)


def _host(call: Call, run: Run) -> bool:
    """Whether jobs of what is asked for may run on this machine itself."""
    repo = call.desk.settings.repo(run.repo)
    return not call.over_network or (repo is not None and repo.allow_host)
