"""The run page's two lists over the screen: what its steps found, and what they sum up."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from app.tui.presenters import remarks as presenter
from engine.core.errors import EngineError
from widgets.list_screen import ListScreen
from widgets.markdown_screen import MarkdownScreen

if TYPE_CHECKING:
    from app.tui.tui import TreadleApp

NO_ANNOTATIONS = "No step of this run has made an error, warning or notice of its own."
NO_SUMMARIES = "No step of this run has written a summary."
Told = Mapping[str, Any]
GoTo = Callable[[int, int, int | None], None]
"""Shows the log of a job's attempt, at a byte of it where one is known."""


async def show_annotations(ui: "TreadleApp", run: Told, go_to: GoTo) -> None:
    """List what the steps of a run found; the one that is chosen is gone to."""
    found = await _told(ui, run, "annotations", NO_ANNOTATIONS)
    if not found:
        return
    row = await ui.question(
        ListScreen(
            f"{run['workflow']} #{run['number']}: {len(found)} annotation{'s' * (len(found) != 1)}",
            presenter.COLUMNS,
            presenter.annotation_rows(found),
            hint="enter the line in the log  esc back",
            twin=f"treadle show r{run['id']}",
            ascii=ui.ascii,
        )
    )
    if isinstance(row, int):
        go_to(found[row]["job"], found[row]["attempt"], found[row].get("log_start"))


async def show_summaries(ui: "TreadleApp", run: Told) -> None:
    """Show what the steps of a run have written as their summaries."""
    found = await _told(ui, run, "summaries", NO_SUMMARIES)
    if found:
        title, twin = f"{run['workflow']} #{run['number']}: summaries", f"treadle show r{run['id']} --summary"
        ui.push_screen(MarkdownScreen(title, presenter.summary_parts(found), twin=twin, ascii=ui.ascii))


async def _told(ui: "TreadleApp", run: Told, what: str, nothing: str) -> list[dict[str, Any]]:
    """Return what the engine tells of a run's steps; say so where that is nothing, or why it tells nothing."""
    try:
        found: list[dict[str, Any]] = (await ui.ask(ui.session.client.get, f"/runs/{run['id']}/{what}"))[what]
    except EngineError as error:
        ui.tell(str(error), bad=True)
        return []
    if not found:
        ui.tell(nothing)
    return found
