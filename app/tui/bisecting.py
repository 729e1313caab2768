"""Finding the commit that broke a job: the search that there is, or the question whether to begin one."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from app.tui.acting import ask_for
from app.tui.actions import BISECT, READ_ONLY
from engine.core.errors import EngineError
from widgets.confirm import Confirm
from widgets.safe_text import plain

if TYPE_CHECKING:
    from app.tui.tui import TreadleApp

ALIVE = ("running", "found")


def bisect(app: "TreadleApp", run: Mapping[str, Any], job: Mapping[str, Any] | None) -> None:
    """Show the search that a run is a trial of, or the one for a job; where there is none, ask and begin it."""
    app.run_worker(_bisect(app, run, job), group="ask", exclusive=True)


async def _bisect(app: "TreadleApp", run: Mapping[str, Any], job: Mapping[str, Any] | None) -> None:
    try:
        if run.get("bisect"):
            await _open(app, f"/bisects/{run['bisect']}")
        elif job is not None and not await _show_newest(app, job["id"], ALIVE):
            await _begin(app, job)
    except EngineError as error:
        app.tell(str(error), bad=True)


async def _begin(app: "TreadleApp", job: Mapping[str, Any]) -> None:
    from app.tui.presenters.bisect import proposal_words

    if app.read_only:
        app.tell(READ_ONLY, bad=True)
        return
    told = await app.ask(app.session.client.get, f"/jobs/{job['id']}/bisect")
    values = {"job": job["id"], "name": job["name"]}
    name = plain(str(job["name"]))
    question = Confirm(
        f"Find the commit that broke {name}?",
        proposal_words(told),
        yes="Find it",
        twin=BISECT.line(values),
        ascii=app.ascii,
    )
    if await app.question(question):
        await ask_for(app, BISECT, values)
        await _show_newest(app, job["id"], None)


async def _show_newest(app: "TreadleApp", job_id: int, among: tuple[str, ...] | None) -> bool:
    """Show the newest search for a job, if it stands so; return whether it does."""
    found = (await app.ask(app.session.client.get, "/bisects", {"job": job_id, "limit": 1}))["bisects"]
    if not found or (among is not None and found[0]["status"] not in among):
        return False
    await _open(app, f"/bisects/{found[0]['id']}")
    return True


async def _open(app: "TreadleApp", path: str) -> None:
    from app.tui.pages.bisect import BisectPage

    app.push_screen(BisectPage(await app.ask(app.session.client.get, path)))
