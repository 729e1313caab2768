"""Quitting: what becomes of running jobs when the engine is this process, and the few words at the end."""

import asyncio
from typing import TYPE_CHECKING, Any

from app.tui.acting import ask_for
from app.tui.actions import CANCEL_RUN
from app.tui.session import Mode
from engine.core.errors import EngineError
from engine.core.states import RUN_FINAL
from widgets.glyphs import look
from widgets.menu import MenuItem
from widgets.safe_text import plain

if TYPE_CHECKING:
    from app.tui.tui import TreadleApp

LOOK_S = 0.3
LINES = 6
WAYS = (
    MenuItem("wait", "w", "Wait", "until they end, then quit"),
    MenuItem("leave", "a", "Leave them running", "in their containers; the next start takes them up again"),
    MenuItem("cancel", "c", "Cancel them", "then quit"),
)


async def leave(app: "TreadleApp") -> None:
    """End the program, once it is known what becomes of jobs that run in this process's engine."""
    running = await _running(app) if app.session.mode is Mode.OWN else []
    if running:
        from widgets.confirm import Choice

        jobs = f"{len(running)} run{' is' if len(running) == 1 else 's are'} not finished"
        answer = await app.question(
            Choice(f"Quit? {jobs}, and the engine ends with this window.", WAYS, ascii=app.ascii)
        )
        if answer is None:
            return
        if answer == "cancel":
            for run in running:
                await ask_for(app, CANCEL_RUN, {"run": run["id"], "name": run["title"]})
        if answer in ("wait", "cancel"):
            app.tell("Quitting when they have ended; q again asks anew.")
            while await _running(app):
                await asyncio.sleep(LOOK_S)
    app.exit(0)


def farewell(app: "TreadleApp") -> list[str]:
    """Return what to print after the screen is gone: how the runs that were started here stand."""
    lines = []
    for run, status in list(app.bells.started.items())[-LINES + 1 :]:
        more = "" if status == "success" else f"  treadle show r{run}"
        lines.append(f"{look(status).sign(app.ascii)} r{run} {look(status).word}{more}")
    if any(status not in RUN_FINAL for status in app.bells.started.values()) and app.session.mode is Mode.OWN:
        lines.append("What still runs goes on in its containers; the next `treadle` takes it up again.")
    return [plain(line) for line in lines]


async def _running(app: "TreadleApp") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    try:
        for status in ("running", "queued"):
            found += (await app.ask(app.session.client.get, "/runs", {"status": status}))["runs"]
    except EngineError:
        return []  # nothing that could be waited for
    return found
