"""What callers ask for: a run of a workflow, retries, ends, approvals. Written down here, carried out by the engine."""

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import web

from app.server.answers import Refusal, answer
from app.server.desk import Call
from app.server.listening import listening
from app.server.route import API, DONE, ID, WRITE, Field, Param, Route
from app.server.runs import find_job, find_run
from app.shapes import run_shape
from engine.control.asks import commands
from engine.control.asks.dispatch import dispatch_arrival
from engine.control.sources import PERSON, PROGRAM
from engine.core.clock import Clock
from engine.core.records import Job, Run
from engine.store.inbox import RECEIVED
from engine.store.store import Store

WAIT_S, LONGEST_WAIT_S = 5, 60


async def dispatch(call: Call) -> web.StreamResponse:
    """Ask for a run. 201 with the run once it is planned, 202 with the event when that takes longer than `wait`."""
    desk, fields = call.desk, call.fields
    repo = desk.settings.repo_called(fields["repo"])
    if repo is None:
        raise Refusal(404, f"There is no repository {fields['repo'][:200]!r} here.")
    arrival = dispatch_arrival(
        desk.repo_ids[repo.name],
        repo.name,
        fields["workflow"],
        fields.get("ref"),
        fields.get("inputs", {}),
        call.actor,
        PROGRAM if call.over_network else PERSON,
    )
    wait_s = min(call.query.get("wait", WAIT_S), LONGEST_WAIT_S)
    with listening(desk.bus, "news", "planned") as listener:
        accepted = await asyncio.wrap_future(desk.acceptor.submit(arrival))
        try:
            async with asyncio.timeout(wait_s):
                while (told := await desk.ask(_planned, call, accepted.event_id)) is None:
                    await listener.wait()
        except TimeoutError:
            told = None
    if told is None:
        return answer({"event": accepted.event_id}, 202)
    if not told["runs"]:
        raise Refusal(422, told["problem"] or f"No workflow {fields['workflow'][:200]!r} took it.")
    return answer(told["runs"][0] | {"event": accepted.event_id}, 201)


def _planned(call: Call, event_id: int) -> dict[str, Any] | None:
    """Return what became of an event: its runs, or why there are none. None: it still waits."""
    event = call.desk.store.inbox.get(event_id)
    assert event is not None
    if event.status == RECEIVED:
        return None
    runs = [run_shape(run) for run in call.desk.store.queries.runs(event=event_id)]
    return {"runs": runs, "problem": event.problem or "; ".join(f"{k}: {v}" for k, v in event.verdicts.items())}


async def cancel_run(call: Call) -> web.StreamResponse:
    return await ask(call, find_run, commands.cancel)


async def cancel_job(call: Call) -> web.StreamResponse:
    return await ask(call, find_job, commands.cancel)


async def approve_run(call: Call) -> web.StreamResponse:
    return await ask(call, find_run, commands.approve)


async def approve_job(call: Call) -> web.StreamResponse:
    return await ask(call, find_job, commands.approve)


async def pin_run(call: Call) -> web.StreamResponse:
    return await ask(call, find_run, commands.pin)


async def unpin_run(call: Call) -> web.StreamResponse:
    return await ask(call, find_run, lambda store, run, *_: commands.unpin(store, run))


async def ask(
    call: Call,
    find: Callable[..., Any],
    wish: Callable[[Store, Any, str, Clock], str],
) -> web.StreamResponse:
    """Write a wish down; 409 with the reason when it makes no sense."""
    desk = call.desk

    def act() -> dict[str, Any]:
        target: Run | Job = find(desk, call.ident)
        done = wish(desk.store, target, call.actor, desk.clock)
        return {"kind": "run" if isinstance(target, Run) else "job", "id": target.id, "done": done}

    told = await desk.ask(act)
    desk.bus.wake("schedule", "queue", "wishes", "news")
    return answer(told, 202)


ROUTES = (
    Route(
        "POST", f"{API}/runs", dispatch, "ask for a run of a workflow that listens to workflow_dispatch", WRITE,
        query=(Param("wait", "integer", "seconds to wait for the run (5; 0: not at all)"),),
        fields=(
            Field("repo", str, "the repository's name", needed=True),
            Field("workflow", str, "a workflow's file or name", needed=True),
            Field("ref", str, "a branch, or a ref such as refs/tags/v1 (the default branch)"),
            Field("inputs", dict, "what the workflow's inputs are"),
        ),
        answers={201: "the run", 202: "the event; the run is not planned yet", 422: "no run came of it"},
    ),
    Route(
        "POST", f"{API}/runs/{ID}/approve", approve_run, "let a run go that waits for a person", WRITE,
        fields=(), answers=DONE,
    ),
    Route(
        "POST", f"{API}/runs/{ID}/cancel", cancel_run, "end a run; asked again, at once", WRITE,
        fields=(), answers=DONE,
    ),
    Route(
        "POST", f"{API}/runs/{ID}/pin", pin_run, "keep a run whatever its age", WRITE, fields=(), answers=DONE,
    ),
    Route(
        "POST", f"{API}/runs/{ID}/unpin", unpin_run, "let a pinned run go when its time comes", WRITE,
        fields=(), answers=DONE,
    ),
    Route(
        "POST", f"{API}/jobs/{ID}/approve", approve_job, "let a job into the environment that it waits for",
        WRITE, fields=(), answers=DONE,
    ),
    Route(
        "POST", f"{API}/jobs/{ID}/cancel", cancel_job, "end a job; asked again, at once", WRITE,
        fields=(), answers=DONE,
    ),
)  # fmt: skip
