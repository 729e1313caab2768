"""The repositories: how each stands, looking for new commits now, and starting one of its workflows."""

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from app.client import Change
from app.tui.actions import SYNC
from app.tui.list_page import ListPage
from app.tui.presenters import repos as presenter
from widgets.row_list import Row, RowList


class ReposPage(ListPage):
    WORD = "Repos"
    PACE_S = 5.0
    COLUMNS = presenter.COLUMNS
    EMPTY = "No repository yet.\n`treadle repo add NAME URL` adds one; `treadle` inside a repository does, too."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("u", "sync", "look for new commits", id="repo.sync"),
        Binding("d", "dispatch", "start one", id="run.dispatch"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.repos: list[dict[str, Any]] = []

    async def fetch(self) -> None:
        self.repos = (await self.ask(self.ui.session.client.get, "/repos"))["repos"]

    def rows(self) -> Sequence[Row]:
        return presenter.repo_rows(self.repos, self.clock.now())

    def concerns(self, change: Change) -> bool:
        return bool(change.data["type"] == "run")

    def tick(self) -> None:
        self.list.change(self.rows())

    def action_sync(self) -> None:
        configured = {repo["name"] for repo in self.repos if repo["configured"]}
        self.ui.act(SYNC, *({"repo": name, "name": name} for name in self.chosen() if name in configured))
        self.list.unmark()

    def action_dispatch(self) -> None:
        if self.list.cursor_id is not None:
            self.ui.dispatch(str(self.list.cursor_id))

    def on_row_list_opened(self, message: RowList.Opened) -> None:
        self.ui.show_runs_of(str(message.id))


PAGE = ReposPage
