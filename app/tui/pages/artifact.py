"""One artifact: its files, each of which can be saved here alone."""

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from app.tui.artifact_files import save_files
from app.tui.list_page import ListPage
from app.tui.presenters import artifacts as presenter
from app.wording import count_of, size
from widgets.row_list import Row, RowList


class ArtifactPage(ListPage):
    WORD = "Artifacts"
    COLUMNS = presenter.FILE_COLUMNS
    EMPTY = "There is no file in it."
    KEEPS_FILTER = False
    BINDINGS: ClassVar[list[BindingType]] = [Binding("s", "save", "save it here", id="artifact.save_file")]

    def __init__(self, artifact: dict[str, Any]) -> None:
        super().__init__()
        self.artifact = artifact
        self.files: list[dict[str, Any]] = []

    def crumbs(self) -> tuple[str, ...]:
        return (self.WORD, f"r{self.artifact['run']}", str(self.artifact["name"]))

    def aside(self) -> str:
        extent = f"{count_of(self.artifact['files'], 'file')}, {size(self.artifact['size_bytes'])}"
        return "  ".join(part for part in (super().aside(), extent) if part)

    async def fetch(self) -> None:
        if not self.files:  # an artifact never changes
            told = await self.ask(self.ui.session.client.get, f"/artifacts/{self.artifact['id']}/files")
            self.files = told["files"]

    def rows(self) -> Sequence[Row]:
        return presenter.file_rows(self.files)

    def action_save(self) -> None:
        files = [self.files[int(index)] for index in self.chosen()]
        self.run_worker(save_files(self.ui, self.artifact, files), group="save")
        self.list.unmark()

    def on_row_list_opened(self, message: RowList.Opened) -> None:
        self.run_worker(save_files(self.ui, self.artifact, [self.files[int(message.id)]]), group="save")
