"""Failures that come and go: how often, since which commit, how often a retry passed. The last of each opens."""

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from app.client import Change
from app.tui.list_page import ListPage
from app.tui.presenters import flaky as presenter
from app.tui.presenters.runs import has_several_repos
from widgets.row_list import Row, RowList

LIMIT = 200
NONE, NONE_AT_ALL = "No failure is known to come and go.", "No failure is remembered."


class FlakyPage(ListPage):
    """Lists what is known flaky, or all failures that are remembered."""

    WORD = "Flaky"
    COLUMNS = presenter.COLUMNS
    EMPTY = NONE
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "all", "all failures, or what is flaky", id="flaky.all"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.failures: list[dict[str, Any]] = []
        self.all = False

    def crumbs(self) -> tuple[str, ...]:
        return (self.WORD, "all failures") if self.all else (self.WORD,)

    def aside(self) -> str:
        return "  ".join(part for part in (super().aside(), f"$ {self.twin}") if part)

    @property
    def twin(self) -> str:
        """The command line that lists the same."""
        return "treadle flaky --all" if self.all else "treadle flaky"

    async def fetch(self) -> None:
        query = {"all": int(self.all), "limit": LIMIT}
        self.failures = (await self.ask(self.ui.session.client.get, "/flaky", query))["failures"]

    def rows(self) -> Sequence[Row]:
        return presenter.failure_rows(self.failures, self.clock.now(), repos=has_several_repos(self.failures))

    def present(self) -> None:
        self.list.empty = NONE_AT_ALL if self.all else NONE
        columns = presenter.WITH_REPO if has_several_repos(self.failures) else presenter.COLUMNS
        if self.list.columns != columns:
            self.list.columns = columns
        self.list.show(self.rows())

    def concerns(self, change: Change) -> bool:
        return bool(change.data["type"] == "attempt")

    def action_all(self) -> None:
        self.all = not self.all
        self.look_again(at_once=True)

    def on_row_list_opened(self, message: RowList.Opened) -> None:
        last = self.failures[int(message.id)]["last"]
        if last["run"] is None:
            self.ui.tell("Its run is not kept any more.")
        else:
            self.ui.open_job(last["run"], last["job"])


PAGE = FlakyPage
