"""A list over the screen, of which one row may be chosen."""

from collections.abc import Iterable, Sequence

from textual.widget import Widget

from widgets.columns import Column
from widgets.dialog import Dialog
from widgets.row_list import Row, RowId, RowList


class ListScreen(Dialog[RowId | None]):
    """Enter, or a double click, ends it with the row's id; esc with None."""

    AUTO_FOCUS = "RowList"
    DEFAULT_CSS = """
    ListScreen > #box { width: 96%; height: 80%; }
    """

    def __init__(
        self,
        title: str,
        columns: Sequence[Column],
        rows: Sequence[Row],
        *,
        hint: str = "enter open  esc back",
        twin: str = "",
        ascii: bool = False,
    ) -> None:
        super().__init__(title, hint=hint, twin=twin, ascii=ascii)
        self._columns, self._rows = tuple(columns), tuple(rows)

    def body(self) -> Iterable[Widget]:
        yield RowList(self._columns, ascii=self.ascii)

    def on_mount(self) -> None:
        self.query_one(RowList).show(self._rows)

    def on_row_list_opened(self, message: RowList.Opened) -> None:
        message.stop()
        self.dismiss(message.id)
