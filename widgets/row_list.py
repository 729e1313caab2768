"""A list of rows in columns: runs, the queue, events. Thousands of rows cost what the visible ones cost."""

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from widgets.columns import GAP, Column, fill, fit
from widgets.glyphs import look
from widgets.motions import Motions
from widgets.names import cut_middle
from widgets.row_filter import RowFilter
from widgets.row_order import Cell, Row, RowId, RowOrder
from widgets.safe_text import plain
from widgets.status_styles import TOKENS, StatusStyles

__all__ = ["Cell", "Row", "RowId", "RowList"]
GUTTER = 2
"""The cells before the first column: where the cursor is, and the mark."""

KEPT = 400
"""How many drawn rows are remembered."""


class RowList(StatusStyles, Motions, ScrollView, can_focus=True):
    """Rows under titles, with a cursor, marks and a filter.

    The cursor stays on its row and its line of the screen however the rows are sorted (RowOrder says how), and a view
    that was scrolled away does not jump when rows come and go.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"match", "mark"}
    DEFAULT_CSS = """
    RowList { overflow-x: hidden; overflow-y: auto; height: 1fr; scrollbar-size-vertical: 1; }
    RowList > .match { text-style: bold underline; }
    RowList > .mark { color: $text-accent; text-style: bold; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "open", id="rows.open"),
        Binding("space", "mark", "mark or unmark", show=False, id="rows.mark"),
        Binding("ctrl+a", "mark_all", "mark all shown, or none", show=False, id="rows.mark_all"),
    ]
    ascii: reactive[bool] = reactive(False, init=False)

    class _Told(Message):
        def __init__(self, rows: "RowList") -> None:
            super().__init__()
            self.rows = rows

        @property
        def control(self) -> "RowList":
            return self.rows

    class Opened(_Told):
        """Enter or a double click on the row of this id."""

        def __init__(self, rows: "RowList", id: RowId) -> None:
            super().__init__(rows)
            self.id = id

    class Moved(_Told):
        """The cursor is on another row than before, by a key or because rows came and went; None: there is none."""

        def __init__(self, rows: "RowList", id: RowId | None) -> None:
            super().__init__(rows)
            self.id = id

    class Marked(_Told):
        """These rows are marked now."""

        def __init__(self, rows: "RowList", ids: frozenset[RowId]) -> None:
            super().__init__(rows)
            self.ids = ids

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        empty: str = "",
        ascii: bool = False,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.set_reactive(RowList.ascii, ascii)
        self._columns = tuple(columns)
        self._empty = empty
        self._order = RowOrder()
        self._marks: frozenset[RowId] = frozenset()
        self._strips: dict[RowId, Strip] = {}
        self._styles: dict[str, Style] = {}
        self._drawn_width = -1
        self._widths: tuple[int, ...] = ()

    @property
    def columns(self) -> tuple[Column, ...]:
        return self._columns

    @columns.setter
    def columns(self, columns: Sequence[Column]) -> None:
        self._columns = tuple(columns)
        self._forget()

    @property
    def empty(self) -> str:
        """The lines shown when there are no rows at all."""
        return self._empty

    @empty.setter
    def empty(self, text: str) -> None:
        self._empty = text
        self.refresh()

    @property
    def filter(self) -> str:
        """Only rows with all these words are shown; the words' letters stand out."""
        return self._order.filter.text

    @filter.setter
    def filter(self, text: str) -> None:
        if text != self._order.filter.text:
            self._order.filter = RowFilter(text)
            self._forget()
            self._arrange()
            self._reveal(self._order.cursor_place)

    @property
    def cursor_id(self) -> RowId | None:
        """The id of the row with the cursor; None when no row is shown."""
        return self._order.cursor

    @property
    def marks(self) -> frozenset[RowId]:
        return self._marks

    @property
    def shown(self) -> tuple[RowId, ...]:
        """The ids of the rows that the filter lets through, in order."""
        return tuple(self._order.shown)

    @property
    def count(self) -> tuple[int, int]:
        """How many rows are shown, of how many."""
        return len(self._order.shown), len(self._order.rows)

    def show(self, rows: Iterable[Row]) -> None:
        """Show exactly these rows in this order. Rows that did not change are not painted again."""
        new = {row.id: row for row in rows}
        if self._order.has_exactly(new):
            self.change(new.values())
            return
        for id, row in self._order.rows.items():
            if new.get(id) != row:
                self._strips.pop(id, None)
        self._arrange(new)
        self._mark(self._marks & new.keys())

    def change(self, rows: Iterable[Row]) -> None:
        """Take the new state of some rows that are in the list; rows of other ids are passed over."""
        order, anew = self._order, False
        for row in rows:
            if not order.take(row):
                continue
            self._strips.pop(row.id, None)
            anew |= bool(order.filter.words) and order.belongs(row.id) is not (row.id in order.place)
            self._repaint(row.id)
        if anew:
            self._arrange()

    def select(self, id: RowId) -> None:
        """Put the cursor on the row of this id, if it is shown."""
        if (place := self._order.place.get(id)) is not None:
            self._go(place, place == 0 and self._order.at_top)

    def unmark(self) -> None:
        """Take all marks away."""
        self._mark(frozenset())

    # moving

    def move(self, rows: int) -> None:
        if self._order.shown:
            target = max(0, min(len(self._order.shown) - 1, self._order.cursor_place + rows))
            self._go(target, self._order.at_top and target == 0)

    def move_to_end(self, last: bool) -> None:
        """Go to the last row, or to the top to stay there."""
        if self._order.shown:
            self._go(len(self._order.shown) - 1 if last else 0, not last)

    def action_open(self) -> None:
        if self._order.cursor is not None:
            self.post_message(self.Opened(self, self._order.cursor))

    def action_mark(self) -> None:
        """Mark the row, or take its mark away, and go on to the next."""
        if self._order.cursor is not None:
            self._mark(self._marks ^ {self._order.cursor})
            self.move(1)

    def action_mark_all(self) -> None:
        shown = frozenset(self._order.shown)
        self._mark(self._marks - shown if shown <= self._marks else self._marks | shown)

    def on_click(self, event: events.Click) -> None:
        place = self._place_at(event.y)
        if place is None:
            return
        event.stop()
        self._go(place, False)
        if event.chain == 2:
            self.action_open()

    # keeping the view

    def _arrange(self, rows: Mapping[RowId, Row] | None = None) -> None:
        """Work out anew which rows are shown where, with the view kept."""
        order, anchor, top = self._order, self._anchor(), self.scroll_offset.y
        before = order.cursor
        order.arrange(rows)
        self.virtual_size = Size(1, len(order.shown) + self._head)
        if not (order.at_top and top == 0) and anchor is not None:
            if anchor[0] in order.place:
                self._scroll(order.place[anchor[0]] - anchor[1])
            if anchor[0] == before:
                self._reveal(order.cursor_place)
        self.refresh()
        if order.cursor != before:
            self.post_message(self.Moved(self, order.cursor))

    def _anchor(self) -> tuple[RowId, int] | None:
        """Return the row to be kept on its line, and the line: the cursor's if in view, else the first in view."""
        order, top = self._order, self.scroll_offset.y
        if order.cursor is not None and 0 <= (line := order.cursor_place - top) < self._view_height:
            return order.cursor, line
        return (order.shown[top], 0) if top < len(order.shown) else None

    def _go(self, place: int, at_top: bool) -> None:
        before = self._order.cursor
        self._order.go(place, at_top)
        self._reveal(place)
        if self._order.cursor != before:
            self._repaint(before)
            self._repaint(self._order.cursor)
            self.post_message(self.Moved(self, self._order.cursor))

    def _reveal(self, place: int) -> None:
        top, height = self.scroll_offset.y, self._view_height
        if place < top:
            self._scroll(place)
        elif height > 0 and place >= top + height:
            self._scroll(place - height + 1)

    def _scroll(self, top: int) -> None:
        self.scroll_to(y=max(0, top), animate=False, force=True)

    def _mark(self, marks: frozenset[RowId]) -> None:
        if marks == self._marks:
            return
        changed, self._marks = marks ^ self._marks, marks
        for id in changed:
            self._strips.pop(id, None)
            self._repaint(id)
        self.post_message(self.Marked(self, marks))

    # painting

    @property
    def _head(self) -> int:
        """The lines above the rows: the titles, when there are any."""
        return int(any(column.title for column in self._columns))

    @property
    def _view_height(self) -> int:
        return self.size.height - self._head

    def _place_at(self, y: int) -> int | None:
        place = y - self._head + self.scroll_offset.y
        return place if y >= self._head and place < len(self._order.shown) else None

    def _repaint(self, id: RowId | None) -> None:
        if id is None or (place := self._order.place.get(id)) is None:
            return
        y = place - self.scroll_offset.y + self._head
        if self._head <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def _forget(self) -> None:
        self._strips.clear()
        self._drawn_width = -1
        self.refresh()

    def watch_ascii(self) -> None:
        self._forget()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._styles.clear()
        self._strips.clear()

    def on_focus(self) -> None:
        self._repaint(self._order.cursor)

    def on_blur(self) -> None:
        self._repaint(self._order.cursor)

    def on_resize(self) -> None:
        self._reveal(self._order.cursor_place)

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        if width != self._drawn_width:
            self._drawn_width, self._widths = width, fit(self._columns, max(0, width - GUTTER))
            self._strips.clear()
        if y < self._head:
            return self._line(None, [Cell(column.title, "title") for column in self._columns], None)
        place = self._place_at(y)
        if place is None:
            return self._nothing(y - self._head, width)
        id = self._order.shown[place]
        strip = self._strips.get(id)
        if strip is None:
            if len(self._strips) >= KEPT:
                self._strips.clear()
            row = self._order.rows[id]
            strip = self._strips[id] = self._line(id, row.cells, row.status)
        return self._with_cursor(strip) if id == self._order.cursor else strip

    def _with_cursor(self, strip: Strip) -> Strip:
        """The row of the cursor: an arrow always, reversed only where keys go."""
        arrow = Strip([Segment(">" if self.ascii else "▸", self._look("mark"))], 1)
        strip = Strip.join([arrow, strip.crop(1)])
        return strip.apply_style(self._look("cursor", partial=True)) if self.has_focus else strip

    def _nothing(self, line: int, width: int) -> Strip:
        text = self._empty if not self._order.rows else f'Nothing matches "{plain(self.filter)}".'
        lines = text.splitlines() if not self._order.shown else []
        said = plain(lines[line]) if line < len(lines) else ""
        return Strip([Segment(fill(" " * GUTTER + said, width, ascii=self.ascii), self._look("dim"))], width)

    def _line(self, id: RowId | None, cells: Sequence[Cell], status: str | None) -> Strip:
        width, base = self._drawn_width, self._look("")
        mark = ("+" if self.ascii else "»") if id is not None and id in self._marks else " "
        segments = [Segment(fill(f" {mark}", min(GUTTER, width)), self._look("mark"))]
        for column, wide, cell in zip(self._columns, self._widths, cells, strict=False):
            if not wide:
                continue
            if len(segments) > 1:
                segments.append(Segment(" " * GAP, base))
            text, style = plain(cell.text), cell.style
            if status is not None and column.key == "status" and id is not None:
                seen = look(status)
                text, style = f"{seen.sign(self.ascii)} {text or plain(seen.word)}", style or "status"
            if column.middle:
                text = cut_middle(text, wide, self.ascii)
            self._paint(segments, fill(text, wide, column.right, self.ascii), style, status)
        return Strip(segments).adjust_cell_length(width, base)

    def _paint(self, segments: list[Segment], text: str, style: str, status: str | None) -> None:
        painted = self._look((status or "") if style == "status" else style)
        at = 0
        for start, end in self._order.filter.spans(text):
            if start > at:
                segments.append(Segment(text[at:start], painted))
            segments.append(Segment(text[start:end], painted + self._look("match", partial=True)))
            at = end
        if at < len(text):
            segments.append(Segment(text[at:], painted))

    def _look(self, name: str, partial: bool = False) -> Style:
        """Return a style by name, kept until the theme changes; no name is the list's own style."""
        style = self._styles.get(name)
        if style is None:
            if not name:
                style = self.rich_style
            elif name in TOKENS:
                style = self.status_style(name)
            else:
                style = self.get_component_rich_style(name, partial=partial, default=self.rich_style)
            self._styles[name] = style
        return style
