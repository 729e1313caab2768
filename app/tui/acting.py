"""Asking the engine for something: the person is asked first where something would be lost, and told the answer."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from app.tui.actions import Action
from engine.core.errors import EngineError
from widgets.safe_text import plain

if TYPE_CHECKING:
    from app.tui.tui import TreadleApp


async def act(app: "TreadleApp", action: Action, targets: Sequence[Mapping[str, Any]]) -> None:
    """Ask for an action on each target, then have the page in view look again.

    What is ending already is asked for on its own: another question.
    """
    ending = [values for values in targets if action.again and values.get("ending")]
    if action.again and ending:
        await act(app, action.again, ending)
        targets = [values for values in targets if values not in ending]
    if not targets:
        return
    if action.loses and not await _sure(app, action, targets):
        return
    for values in targets:
        await ask_for(app, action, values)
    if (page := app.page) is not None:
        page.look_again(at_once=True)


async def ask_for(app: "TreadleApp", action: Action, values: Mapping[str, Any]) -> None:
    """Ask the engine for one thing, and say what it answered. The only place that does."""
    line = action.line(values)
    try:
        answer = await app.ask(app.session.client.post, action.target(values), action.said(values))
    except EngineError as error:
        app.tell(f"{error}\n$ {line}", bad=True)
    else:
        app.bells.asked(action, values, answer)
        app.tell(f"{_done(action, answer)}\n$ {line}")


async def _sure(app: "TreadleApp", action: Action, targets: Sequence[Mapping[str, Any]]) -> bool:
    from widgets.confirm import Confirm

    lost = [values for values in targets if not values.get("over")]
    what = plain(", ".join(str(values["name"]) for values in targets))
    question = Confirm(
        f"{action.words.capitalize()}: {what}?", action.loses, twin=action.line(targets[0]), ascii=app.ascii
    )
    return not lost or await app.question(question)


def _done(action: Action, answer: Any) -> str:
    told = answer.get("done") if isinstance(answer, dict) else None
    return str(told) if told else action.words
