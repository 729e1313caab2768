"""Running again otherwise than as a whole: from a step on, with debug logging, with other inputs. Asked for here."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from app.tui.actions import DEBUG_FAILED, DEBUG_JOB, DEBUG_RUN, NAMED, RERUN, RETRY_STEP
from engine.core.errors import EngineError
from engine.core.states import JOB_FINAL
from widgets.confirm import Choice
from widgets.dispatch_form import Dispatch, DispatchForm
from widgets.input_field import InputField
from widgets.menu import MenuItem
from widgets.safe_text import plain

if TYPE_CHECKING:
    from app.tui.tui import TreadleApp

WITH_INPUTS = ("workflow_dispatch", "workflow_call")
NOTHING_KEPT = "Nothing is kept of {name}: `checkpoint: true` in the job has it kept from the next run on."


def rerun(app: "TreadleApp", run: Mapping[str, Any], job: Mapping[str, Any] | None) -> None:
    """Ask how a run, or a job of it, is to be run again, and have it done."""
    app.run_worker(_rerun(app, run, job), group="ask", exclusive=True)


async def _rerun(app: "TreadleApp", run: Mapping[str, Any], job: Mapping[str, Any] | None) -> None:
    values = {"run": run["id"], "name": f"{run['workflow']} #{run['number']}"}
    over = job is not None and job["status"] in JOB_FINAL and not job["calls"]
    if job is not None:
        values |= {"job": job["id"]}
    how = await app.question(Choice("Run again how?", _ways(run, job if over else None), ascii=app.ascii))
    try:
        if how == "step" and job is not None:
            await _from_step(app, job, values)
        elif how == "inputs":
            await _with_inputs(app, run, values)
        elif how is not None:
            app.act(NAMED[how], values)
    except EngineError as error:
        app.tell(str(error), bad=True)


def _ways(run: Mapping[str, Any], job: Mapping[str, Any] | None) -> list[MenuItem]:
    ways = []
    if job is not None:
        name = plain(job["name"])
        ways.append(MenuItem("step", "s", f"{name}, from a later step", "on what is kept of it"))
        ways.append(MenuItem(DEBUG_JOB.name, "t", f"{name}, with debug logging"))
    ways.append(MenuItem(DEBUG_FAILED.name, "f", "What failed, with debug logging", "and what that held back"))
    ways.append(MenuItem(DEBUG_RUN.name, "a", "All, with debug logging"))
    if run["event"] in WITH_INPUTS:
        ways.append(MenuItem("inputs", "i", "With other inputs", "a new run of the same commit"))
    return ways


async def _from_step(app: "TreadleApp", job: Mapping[str, Any], values: dict[str, Any]) -> None:
    get = app.session.client.get
    told = await app.ask(get, f"/jobs/{job['id']}")
    kept = (await app.ask(get, f"/jobs/{job['id']}/checkpoints"))["checkpoints"]
    steps = _steps(told, kept)
    if not steps:
        app.tell(NOTHING_KEPT.format(name=plain(job["name"])), bad=True)
        return
    step = await app.question(Choice(f"Run {plain(job['name'])} again from which step?", steps, ascii=app.ascii))
    if step is not None:
        app.act(RETRY_STEP, values | {"step": int(step)})


def _steps(job: Mapping[str, Any], kept: list[dict[str, Any]]) -> list[MenuItem]:
    """Return the steps that lie behind something that is kept: each begins on the nearest."""
    made = job["attempts_made"]
    items = []
    for step in made[-1]["steps"] if made else ():
        before = [one for one in kept if one["step"] < step["index"]]
        if before:
            nearest = before[-1]
            more = "" if nearest["begin_at"] == step["index"] else f", which is step {nearest['begin_at']} on"
            says = f"on what attempt {nearest['attempt']} was after step {nearest['step']}{more}"
            items.append(MenuItem(str(step["index"]), "", f"{step['index']} {plain(step['name'])}", says))
    return items


async def _with_inputs(app: "TreadleApp", run: Mapping[str, Any], values: dict[str, Any]) -> None:
    told = (await app.ask(app.session.client.get, f"/runs/{run['id']}/inputs"))["inputs"]
    fields = [
        InputField(
            name=one["name"],
            type=one["type"],
            default=one["value"] or "",  # what the run had stays, where it is not changed
            options=tuple(map(str, one["options"])),
            required=one["required"],
            description=plain(one["description"] or ""),
        )
        for one in told
    ]

    def twin(asked: Dispatch) -> str:
        return RERUN.line(values | {"inputs": asked.inputs})

    title = f"Run {plain(str(values['name']))} with other inputs"
    answer = await app.question(DispatchForm(title, fields, with_ref=False, twin=twin, ascii=app.ascii))
    if answer is None:
        return
    if not answer.inputs:
        app.tell("No input is another than before: r runs it again as it is.", bad=True)
        return
    app.act(RERUN, values | {"inputs": answer.inputs})
