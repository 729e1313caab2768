"""Starting a workflow by hand: which one, its inputs with the values of last time, and the question to the engine."""

from typing import TYPE_CHECKING, Any

from app.tui.actions import DISPATCH
from engine.core.errors import EngineError
from engine.core.refs import HEADS, TAGS
from widgets.confirm import Choice
from widgets.dispatch_form import Dispatch, DispatchForm
from widgets.input_field import InputField
from widgets.menu import MenuItem
from widgets.safe_text import plain

if TYPE_CHECKING:
    from app.tui.tui import TreadleApp

RECENT = 100  # runs whose refs are suggested
KEPT = 50  # workflows whose last inputs are remembered
NONE = "No repository here has a workflow that listens to workflow_dispatch."


async def dispatch(app: "TreadleApp", repo: str = "", path: str = "", ref: str = "") -> None:
    """Ask for a workflow of `repo` (of any, those of this repository first) and its inputs; then start it.

    `ref` is where it is asked for unless the person wants another; refs that have run before are suggested.
    """
    try:
        offered = await _offered(app, repo)
    except EngineError as error:
        app.tell(str(error), bad=True)
        return
    chosen = next((one for one in offered if one[1]["path"] == path), None)
    if chosen is None and offered:
        chosen = offered[0] if len(offered) == 1 else await _choose(app, offered)
    if chosen is None:
        if not offered:
            app.tell(NONE, bad=True)
        return
    where, workflow = chosen
    values = {"repo": where, "workflow": workflow["path"]}
    answer = await app.question(_form(app, where, workflow, await _refs(app, where), ref))
    if answer is not None:
        _remember(app, where, workflow["path"], answer.inputs)
        app.act(DISPATCH, values | {"ref": answer.ref, "inputs": answer.inputs, "name": workflow["name"]})


async def _offered(app: "TreadleApp", repo: str) -> list[tuple[str, dict[str, Any]]]:
    """Return repository and workflow of all that can be started by hand. Raises EngineError when all refuse."""
    get = app.session.client.get
    names = [repo] if repo else [one["name"] for one in (await app.ask(get, "/repos"))["repos"] if one["configured"]]
    names.sort(key=lambda name: name != app.session.here)
    found: list[tuple[str, dict[str, Any]]] = []
    refused: list[EngineError] = []
    for name in names:
        try:
            told = await app.ask(get, f"/repos/{name}/workflows")
        except EngineError as error:
            refused.append(error)
            continue
        found += [(name, one) for one in told["workflows"] if one["dispatch"] is not None]
    if refused and not found:
        raise refused[0]
    return found


async def _choose(app: "TreadleApp", offered: list[tuple[str, dict[str, Any]]]) -> tuple[str, dict[str, Any]] | None:
    items = [
        MenuItem(str(number), "", plain(one["name"]), plain(f"{where}  {one['path']}"))
        for number, (where, one) in enumerate(offered)
    ]
    answer = await app.question(Choice("Start which workflow?", items, ascii=app.ascii))
    return None if answer is None else offered[int(answer)]


async def _refs(app: "TreadleApp", repo: str) -> tuple[str, ...]:
    """Return the branches and tags of the last runs, as the form takes them."""
    try:
        runs = (await app.ask(app.session.client.get, "/runs", {"repo": repo, "limit": RECENT}))["runs"]
    except EngineError:
        return ()  # the form is complete without
    return tuple(dict.fromkeys(ref for run in runs if (ref := askable(run["ref"]))))


def askable(ref: str) -> str:
    """Return a ref as it is asked for: a branch by its name, a tag in full; "" for what nobody can ask for."""
    return ref.removeprefix(HEADS) if ref.startswith(HEADS) else ref if ref.startswith(TAGS) else ""


def _form(app: "TreadleApp", repo: str, workflow: dict[str, Any], refs: tuple[str, ...], ref: str) -> DispatchForm:
    last = app.prefs.get("inputs", {}).get(f"{repo}:{workflow['path']}")
    last = {name: value for name, value in last.items() if isinstance(value, str)} if isinstance(last, dict) else {}
    fields = [
        InputField(
            name=one["name"],
            type=one["type"],
            default=None if one["default"] is None else _text(one["default"]),
            options=tuple(map(str, one["options"])),
            required=one["required"],
            description=plain(one["description"] or ""),
            last=last.get(one["name"]),
        )
        for one in workflow["dispatch"]["inputs"]
    ]

    def twin(asked: Dispatch) -> str:
        return DISPATCH.line({"repo": repo, "workflow": workflow["path"], "ref": asked.ref, "inputs": asked.inputs})

    return DispatchForm(
        f"Start {plain(workflow['name'])}", fields, refs, ref if ref == plain(ref) else "", twin=twin, ascii=app.ascii
    )


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _remember(app: "TreadleApp", repo: str, path: str, inputs: dict[str, str]) -> None:
    kept = dict(app.prefs.get("inputs", {}))
    kept.pop(f"{repo}:{path}", None)
    kept[f"{repo}:{path}"] = inputs
    app.prefs.set("inputs", dict(list(kept.items())[-KEPT:]))
