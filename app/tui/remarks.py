"""The run page's two lists over the screen: what its steps found, and what they sum up."""

from collections.abc import Callable, Mapping
from typing import Any

from app.client import Client
from app.tui.presenters import remarks as presenter
from widgets.list_screen import ListScreen
from widgets.markdown_screen import MarkdownScreen
from widgets.row_list import RowId

NO_ANNOTATIONS = "No step of this run has made an error, warning or notice of its own."
Told = Mapping[str, Any]


def annotations_screen(
    client: Client, run: Told, ascii: bool
) -> tuple[ListScreen, Callable[[RowId | None], Told | None]]:
    """Return the list of a run's annotations, and what turns its answer into the chosen one. Raises EngineError."""
    found = client.get(f"/runs/{run['id']}/annotations")["annotations"]
    title = f"{run['workflow']} #{run['number']}: {len(found)} annotation{'s' * (len(found) != 1)}"
    screen = ListScreen(
        title,
        presenter.COLUMNS,
        presenter.annotation_rows(found),
        empty=NO_ANNOTATIONS,
        hint="enter the line in the log  esc back",
        twin=f"treadle show r{run['id']}",
        ascii=ascii,
    )
    return screen, lambda row: found[row] if isinstance(row, int) else None


def summaries_screen(client: Client, run: Told, ascii: bool) -> MarkdownScreen | None:
    """Return the summaries of a run's steps, None where there are none. Raises EngineError."""
    found = client.get(f"/runs/{run['id']}/summaries")["summaries"]
    title, twin = f"{run['workflow']} #{run['number']}: summaries", f"treadle show r{run['id']} --summary"
    return MarkdownScreen(title, presenter.summary_parts(found), twin=twin, ascii=ascii) if found else None
