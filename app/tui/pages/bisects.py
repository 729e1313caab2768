"""The searches for commits that broke jobs, newest first: how far each is, and whom it names."""

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from app.client import Change
from app.tui.list_page import ListPage
from app.tui.pages.bisect import BisectPage
from app.tui.presenters import bisect as presenter
from widgets.row_list import Row, RowList

LIMIT = 200


class BisectsPage(ListPage):
    WORD = "Bisects"
    COLUMNS = presenter.SEARCHES
    EMPTY = "No commit has been looked for.\nOn a run's page, B looks for the one that broke the selected job."
    BINDINGS: ClassVar[list[BindingType]] = [Binding("v", "red", "the run that it is about", id="bisects.red")]

    def __init__(self) -> None:
        super().__init__()
        self.searches: list[dict[str, Any]] = []

    def aside(self) -> str:
        return "  ".join(part for part in (super().aside(), "$ treadle bisect --list") if part)

    async def fetch(self) -> None:
        told = await self.ask(self.ui.session.client.get, "/bisects", {"limit": LIMIT})
        self.searches = told["bisects"]
        self.ui.began(told["sequence"])

    def rows(self) -> Sequence[Row]:
        return presenter.search_rows(self.searches, self.clock.now())

    def concerns(self, change: Change) -> bool:
        return bool(change.data["type"] == "bisect")

    def tick(self) -> None:
        self.list.change(self.rows())

    def action_red(self) -> None:
        if (told := self._told(self.list.cursor_id)) is not None:
            self.ui.open_job(told["run"], told["job"]["id"])

    def on_row_list_opened(self, message: RowList.Opened) -> None:
        if (told := self._told(message.id)) is not None:
            self.ui.push_screen(BisectPage(told))

    def _told(self, id: object) -> dict[str, Any] | None:
        return next((one for one in self.searches if one["id"] == id), None)


PAGE = BisectsPage
