"""The snapshots of the home: what each added, what changed between two, and taking one now."""

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from app.tui.actions import SNAPSHOT
from app.tui.list_page import ListPage
from app.tui.presenters import snapshots as presenter
from engine.core.errors import EngineError
from widgets.row_list import Row, RowList
from widgets.text_screen import TextScreen


class SnapshotsPage(ListPage):
    WORD = "Snapshots"
    PACE_S = 10.0
    COLUMNS = presenter.COLUMNS
    EMPTY = "No snapshot yet. The engine takes one each hour; n takes one now."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "take_snapshot", "take one now", id="snapshot.take"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.snapshots: list[dict[str, Any]] = []
        self.damaged: list[dict[str, Any]] = []

    async def fetch(self) -> None:
        told = await self.ask(self.ui.session.client.get, "/snapshots")
        self.snapshots, self.damaged = told["snapshots"], told["damaged"]

    def rows(self) -> Sequence[Row]:
        return presenter.snapshot_rows(self.snapshots, self.damaged, self.clock.now())

    def tick(self) -> None:
        self.list.change(self.rows())

    def action_take_snapshot(self) -> None:
        self.ui.act(SNAPSHOT, {"name": "the home"})

    async def on_row_list_opened(self, message: RowList.Opened) -> None:
        """Compare the two that are marked, else this one with the one before it."""
        ids = [one["id"] for one in self.snapshots]
        marked = [id for id in ids if id in self.list.marks]
        if len(marked) != 2:
            if message.id not in ids or ids.index(str(message.id)) + 1 == len(ids):
                self.ui.tell("There is none before it to compare with; mark two with the space bar.")
                return
            marked = ids[ids.index(str(message.id)) :][:2]
        new, old = marked
        try:
            told = await self.ask(self.ui.session.client.get, "/snapshots/diff", {"a": old, "b": new})
        except EngineError as error:
            self.ui.tell(str(error), bad=True)
            return
        twin = f"treadle snapshot diff {old} {new}"
        self.ui.push_screen(TextScreen("What changed", presenter.difference(told), twin=twin, ascii=self.ui.ascii))


PAGE = SnapshotsPage
