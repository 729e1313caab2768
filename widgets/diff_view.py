"""Two texts as one: what is new, what is gone, what only moved, and what is alike folded away."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from widgets.log_text import readable
from widgets.motions import Motions
from widgets.status_styles import StatusStyles

NEW, GONE, MOVED, SAME, FOLD = "new", "gone", "moved", "same", "fold"
SIGNS = {NEW: "+", GONE: "-", MOVED: "~", SAME: " ", FOLD: " "}
LOOKS = {NEW: "status--success", GONE: "status--failed", MOVED: "dim", FOLD: "dim"}
SIDE = 8  # columns that a key moves the view sideways by


@dataclass(frozen=True, slots=True)
class DiffRow:
    """A line, or a fold of `count` lines that are alike. `old` and `new` number it in either text, from 1; `offset`
    is where its bytes are in the new one, up to `end` if it is a fold. `text` is shown safely whatever it holds."""

    kind: str
    old: int | None
    new: int | None
    offset: int
    text: str = ""
    count: int = 0
    end: int = 0


class DiffView(StatusStyles, Motions, ScrollView, can_focus=True):
    """`show` rows. The cursor is on one; n and N lead from one place that differs to the next."""

    DEFAULT_CSS = """
    DiffView { height: 1fr; width: 100%; overflow: hidden auto; scrollbar-size-vertical: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "change(1)", "next change", id="diff.next"),
        Binding("N", "change(-1)", "previous change", id="diff.previous"),
        Binding("enter", "open", "open the fold, or the line in the log", id="diff.open"),
    ]
    ascii: reactive[bool] = reactive(False)

    class FoldOpened(Message):
        """The lines of a fold are wanted: see `unfold`."""

        def __init__(self, fold: DiffRow) -> None:
            super().__init__()
            self.fold = fold

    class LineOpened(Message):
        """A line is wanted in its log: the byte where it begins, or would have stood."""

        def __init__(self, offset: int) -> None:
            super().__init__()
            self.offset = offset

    class ChangeReached(Message):
        """The cursor is on the change with this number, of so many; or there is none that way."""

        def __init__(self, number: int, count: int) -> None:
            super().__init__()
            self.number, self.count = number, count

    def __init__(self, *, ascii: bool = False, id: str | None = None) -> None:
        super().__init__(id=id)
        self.set_reactive(DiffView.ascii, ascii)
        self._rows: tuple[DiffRow, ...] = ()
        self._cursor = self._x = 0
        self._digits, self._widest = 1, 0

    @property
    def rows(self) -> tuple[DiffRow, ...]:
        return self._rows

    @property
    def cursor(self) -> int:
        """The place of the row that the cursor is on."""
        return self._cursor

    @property
    def _lead(self) -> int:
        """The cells of the numbers before a line."""
        return 2 * self._digits + 2

    @property
    def changes(self) -> list[int]:
        """Where the places begin that differ, in order."""
        differs = [row.kind in (NEW, GONE) for row in self._rows]
        return [at for at, now in enumerate(differs) if now and not (at and differs[at - 1])]

    def show(self, rows: Sequence[DiffRow], first: int | None) -> None:
        """Show these from the row `first` on, a few rows from the top."""
        self._x = 0
        self._take(rows)
        self._cursor = first or 0
        self.scroll_to(y=max(0, self._cursor - self.size.height // 4), animate=False, force=True)

    def unfold(self, fold: DiffRow, lines: Sequence[str], size_bytes: int) -> None:
        """Put the first lines of a fold in its place, which take so many bytes; what is left of it stays folded."""
        if fold not in self._rows or not lines:
            return
        at = self._rows.index(fold)
        new, old = fold.new or 0, fold.old or 0
        shown = [DiffRow(SAME, old + n, new + n, fold.offset, text) for n, text in enumerate(lines)]
        left = fold.count - len(lines)
        rest = replace(fold, count=left, old=old + len(lines), new=new + len(lines), offset=fold.offset + size_bytes)
        self._take([*self._rows[:at], *shown, *([rest] if left > 0 else []), *self._rows[at + 1 :]])

    def _take(self, rows: Sequence[DiffRow]) -> None:
        self._rows = tuple(rows)
        self._digits = max((len(str(number)) for row in rows for number in (row.old, row.new) if number), default=1)
        self._widest = max((len(row.text) for row in rows), default=0)
        self.virtual_size = Size(1, len(self._rows))
        self.refresh()

    # -- moving -----------------------------------------------------------------------------------------------------

    def move(self, rows: int) -> None:
        self._go(self._cursor + rows)

    def move_side(self, columns: int) -> None:
        hidden = self._widest - (self.scrollable_content_region.width - self._lead - 2)
        self._x = max(0, min(self._x + columns * SIDE, hidden))
        self.refresh()

    def move_to_end(self, last: bool) -> None:
        self._go(len(self._rows) - 1 if last else 0)

    def action_change(self, direction: int) -> None:
        """Go to the next place that differs, around the end."""
        changes = self.changes
        if not changes:
            self.post_message(self.ChangeReached(0, 0))
            return
        ahead = [at for at in changes if (at - self._cursor) * direction > 0]
        at = (ahead or changes)[0 if direction > 0 else -1]
        self._go(at)
        self.post_message(self.ChangeReached(changes.index(at) + 1, len(changes)))

    def action_open(self) -> None:
        if self._rows:
            row = self._rows[self._cursor]
            self.post_message(self.FoldOpened(row) if row.kind == FOLD else self.LineOpened(row.offset))

    def on_click(self, event: events.Click) -> None:
        at = event.y + self.scroll_offset.y
        if at < len(self._rows):
            event.stop()
            self._go(at)
            if event.chain == 2 or self._rows[at].kind == FOLD:
                self.action_open()

    def _go(self, row: int) -> None:
        if not self._rows:
            return
        self._cursor = max(0, min(len(self._rows) - 1, row))
        top, height = self.scroll_offset.y, max(1, self.size.height)
        if self._cursor < top or self._cursor >= top + height:
            self.scroll_to(y=self._cursor - (height // 4 if self._cursor >= top else 0), animate=False, force=True)
        self.refresh()

    # -- painting ---------------------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        width, base, at = self.scrollable_content_region.width, self.rich_style, self.scroll_offset.y + y
        if at >= len(self._rows):
            return Strip.blank(width, base)
        strip = Strip(self._segments(self._rows[at], width)).adjust_cell_length(width, base)
        if at == self._cursor:
            return strip.apply_style(self.get_component_rich_style("cursor", partial=True))
        return strip

    def _segments(self, row: DiffRow, width: int) -> list[Segment]:
        base, dim = self.rich_style, self.get_component_rich_style("dim")
        ink = self.get_component_rich_style(LOOKS[row.kind]) if row.kind in LOOKS else base
        if row.kind == FOLD:
            mark = ">" if self.ascii else "▸"
            words = f"{mark} {row.count:,} line{'s' * (row.count != 1)} alike"
            return [Segment(" " * self._lead, base), Segment(words, ink)]
        lead = f"{row.old or '':>{self._digits}} {row.new or '':>{self._digits}} "
        text = readable(row.text.encode("utf-8", "replace"))
        room = max(0, width - len(lead) - 2)
        body = Strip([Segment(text, ink)]).crop(self._x, self._x + room) if self._x or cell_len(text) > room else None
        return [
            Segment(lead, dim),
            Segment(f"{SIGNS[row.kind]} ", _bold(ink, row.kind)),
            *(body or [Segment(text, ink)]),
        ]


def _bold(ink: Style, kind: str) -> Style:
    return ink + Style(bold=True) if kind in (NEW, GONE) else ink
