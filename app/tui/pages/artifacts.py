"""The artifacts of all runs: what they left, its files, and saving it here."""

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from app.client import Change
from app.tui.artifact_files import save
from app.tui.list_page import ListPage
from app.tui.presenters import artifacts as presenter
from widgets.row_list import Row, RowList

FRESH = ("job", "run")  # what ends when artifacts may have come


class ArtifactsPage(ListPage):
    WORD = "Artifacts"
    PACE_S = 10.0
    COLUMNS = presenter.COLUMNS
    EMPTY = "No artifact yet. A step `uses: actions/upload-artifact@v4` leaves one."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "save", "save it here", id="artifact.save"),
        Binding("v", "run", "its run", id="artifact.run"),
        Binding("S", "snapshots", "snapshots", id="artifact.snapshots"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.artifacts: list[dict[str, Any]] = []

    async def fetch(self) -> None:
        found: list[dict[str, Any]] = []
        before: int | None = None
        while len(found) < self.wanted:
            query = {"limit": self.wanted - len(found), "before": before}
            told = await self.ask(self.ui.session.client.get, "/artifacts", query)
            found += told["artifacts"]
            before = told["before"]
            if before is None:
                break
        self.artifacts, self.more = found, before is not None

    def rows(self) -> Sequence[Row]:
        return presenter.artifact_rows(self.artifacts, self.clock.now())

    def concerns(self, change: Change) -> bool:
        return bool(change.data["type"] in FRESH)

    def tick(self) -> None:
        self.list.change(self.rows())

    def action_save(self) -> None:
        chosen = set(self.chosen())
        artifacts = [one for one in self.artifacts if one["id"] in chosen]
        self.run_worker(save(self.ui, artifacts), group="save")
        self.list.unmark()

    def action_run(self) -> None:
        artifact = next((one for one in self.artifacts if one["id"] == self.list.cursor_id), None)
        if artifact is not None:
            self.ui.open_job(artifact["run"], artifact["job"])

    def on_row_list_opened(self, message: RowList.Opened) -> None:
        from app.tui.pages.artifact import ArtifactPage

        artifact = next((one for one in self.artifacts if one["id"] == message.id), None)
        if artifact is not None:
            self.ui.push_screen(ArtifactPage(artifact))

    def action_snapshots(self) -> None:
        self.ui.show_over("snapshots")


PAGE = ArtifactsPage
