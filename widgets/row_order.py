"""Which rows of a list are shown, in what order, and which one has the cursor. Pure."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from widgets.glyphs import look
from widgets.row_filter import RowFilter

RowId = int | str


class Cell(NamedTuple):
    """`style`: a component class ("dim", "title"), the name of a status, "status" for the row's own, or nothing."""

    text: str
    style: str = ""


class Row(NamedTuple):
    """One row. The cell under the column of key "status" shows the glyph of `status` and, when empty, its word.

    Tuples and no dataclasses, because they come by the thousand and are compared one by one.
    """

    id: RowId
    cells: tuple[Cell, ...]
    status: str | None = None


class RowOrder:
    """All rows, those that the filter lets through, and the cursor among them.

    The cursor stays on its row's id however the rows are sorted. As long as it is `at_top` it stays at the top. When
    its row vanishes, the next of those after it that is still shown gets it.
    """

    def __init__(self) -> None:
        self.rows: dict[RowId, Row] = {}
        self.filter = RowFilter()
        self.shown: list[RowId] = []
        self.place: dict[RowId, int] = {}
        self.cursor: RowId | None = None
        self.at_top = True

    @property
    def cursor_place(self) -> int:
        """Where among the shown rows the cursor is; 0 when there is none."""
        return 0 if self.cursor is None else self.place[self.cursor]

    def has_exactly(self, ids: Iterable[RowId]) -> bool:
        """Say whether these are the ids of all rows, in this order."""
        return list(self.rows) == list(ids)

    def take(self, row: Row) -> bool:
        """Take the new state of a row that is here; say whether it is another than before."""
        old = self.rows.get(row.id)
        if old is None or old is row or old == row:
            return False
        self.rows[row.id] = row
        return True

    def belongs(self, id: RowId) -> bool:
        """Say whether a row is to be shown, whether it is now or not."""
        row = self.rows[id]
        texts = [cell.text for cell in row.cells]
        if row.status is not None:
            texts.append(look(row.status).word)
        return self.filter.matches("\n".join(texts))

    def arrange(self, rows: Mapping[RowId, Row] | None = None) -> None:
        """Work out anew what is shown where, of `rows` if given, and who has the cursor."""
        after = self.shown[self.cursor_place :]
        if rows is not None:
            self.rows = dict(rows)
        self.shown = [id for id in self.rows if self.belongs(id)] if self.filter.words else list(self.rows)
        self.place = {id: index for index, id in enumerate(self.shown)}
        if not self.shown:
            self.cursor = None
        elif self.at_top:
            self.cursor = self.shown[0]
        else:
            self.cursor = next((id for id in after if id in self.place), self.shown[-1])

    def go(self, place: int, at_top: bool) -> None:
        """Put the cursor on the row that is shown at `place`."""
        self.cursor, self.at_top = self.shown[place], at_top
