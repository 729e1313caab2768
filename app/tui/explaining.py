"""Why a job, a run or an event is as it is, over the page: asked of the engine, and again while it waits or runs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from app.explain_text import explanation, in_ascii
from engine.core.errors import EngineError
from engine.core.states import JOB_FINAL
from widgets.live_text_screen import About, LiveTextScreen, Told
from widgets.text_body import Words

if TYPE_CHECKING:
    from app.tui.tui import TreadleApp

Kind = Literal["job", "run", "event"]
FOLDERS: dict[Kind, str] = {"job": "jobs", "run": "runs", "event": "inbox"}
LETTERS: dict[Kind, str] = {"job": "j", "run": "r", "event": "e"}


def explain(ui: "TreadleApp", *whats: tuple[Kind, int]) -> None:
    """Open the explanation of the first of these; a key turns to the next."""
    ui.push_screen(LiveTextScreen([_about(ui, kind, ident) for kind, ident in whats], ascii=ui.ascii))


def _about(ui: "TreadleApp", kind: Kind, ident: int) -> About:
    path = f"/{FOLDERS[kind]}/{ident}/explain"

    async def look() -> Told:
        try:
            told = await ui.ask(ui.session.client.get, path)
        except EngineError as error:
            return Told([Words(str(error))], live=True)
        lines = explanation(told, ui.clock.now())
        shown: Sequence[Words] = [Words(in_ascii(line.text) if ui.ascii else line.text, line.style) for line in lines]
        return Told(shown, _goes_on(told))

    return About(f"Why {kind} {ident}", f"treadle explain {LETTERS[kind]}{ident}", look)


def _goes_on(told: dict[str, Any]) -> bool:
    """May the explanation be another one the next time?"""
    if told["kind"] == "event":
        return told["waits"] is not None
    return told[told["kind"]]["status"] not in JOB_FINAL
