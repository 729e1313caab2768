"""One search for the commit that broke a job: its trials as they come, and who is named."""

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Label

from app.client import Change
from app.tui.actions import CANCEL_BISECT
from app.tui.list_page import ListPage
from app.tui.presenters import bisect as presenter
from widgets.row_list import Row, RowList


class BisectPage(ListPage):
    """Opened on a search as it was told of."""

    WORD = "Runs"
    COLUMNS = presenter.COLUMNS
    EMPTY = "Nothing had to be tried."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "cancel", "end this search", id="bisect.cancel"),
        Binding("v", "red", "the run that it is about", id="bisect.red"),
        Binding("y", "copy", "copy the commit's id", id="bisect.copy"),
    ]

    def __init__(self, told: dict[str, Any]) -> None:
        super().__init__()
        self.told = told

    def body(self) -> ComposeResult:
        yield Label(markup=False, id="verdict")
        yield from super().body()

    async def fetch(self) -> None:
        self.told = await self.ask(self.ui.session.client.get, f"/bisects/{self.told['id']}")
        self.ui.began(self.told["sequence"])

    def present(self) -> None:
        self.query_one("#verdict", Label).update("\n".join(presenter.verdict_lines(self.told)))
        super().present()

    def crumbs(self) -> tuple[str, ...]:
        return (self.WORD, f"bisect {self.told['id']}", str(self.told["job"]["name"]))

    def aside(self) -> str:
        return "  ".join(part for part in (super().aside(), presenter.heading(self.told)) if part)

    def rows(self) -> Sequence[Row]:
        return presenter.trial_rows(self.told)

    def concerns(self, change: Change) -> bool:
        return bool(change.data["type"] == "bisect" and change.data["run"] == self.told["run"])

    def allows(self, binding: Binding) -> bool:
        """A search that is over cannot be ended."""
        return super().allows(binding) and not (binding.action == "cancel" and self.is_over)

    @property
    def is_over(self) -> bool:
        return bool(self.told["status"] != "running")

    def action_cancel(self) -> None:
        if self.is_over:
            self.ui.tell(f"Bisect {self.told['id']} has ended already.")
        else:
            name = f"bisect {self.told['id']} of {self.told['job']['name']}"
            self.ui.act(CANCEL_BISECT, {"bisect": self.told["id"], "name": name})

    def action_red(self) -> None:
        self.ui.open_job(self.told["run"], self.told["job"]["id"])

    def action_copy(self) -> None:
        """Copy the commit in the row of the cursor; where there is none, the one that is named."""
        trials, culprit = self.told["trials"], self.told["culprit"]
        row = self.list.cursor_id
        chosen = trials[row - 1]["sha"] if isinstance(row, int) and 1 <= row <= len(trials) else None
        if sha := chosen or (culprit or {}).get("sha"):
            self.ui.copy_out(sha, 1)

    def on_row_list_opened(self, message: RowList.Opened) -> None:
        trial = self.told["trials"][int(message.id) - 1]
        if trial["run"]:
            self.ui.open_job(trial["run"], trial["job"])
        else:
            self.ui.tell(f"Nothing ran: {trial['why']}.")
