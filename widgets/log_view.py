"""The rows of a log on the screen: moved through with a cursor, followed at the end, selected with the mouse."""

from collections.abc import Callable
from typing import ClassVar

from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import var
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from widgets.log_folds import FoldedRows, Row, Rows
from widgets.log_ink import inks_of
from widgets.log_layout import LogLayout, Place
from widgets.log_lines import LogLines
from widgets.log_painter import Chosen, LogPainter, Ranges
from widgets.log_selection import LogSelection, whole_lines
from widgets.log_source import LogStep
from widgets.motions import Motions
from widgets.status_styles import StatusStyles

SIDE = 8


class LogView(StatusStyles, Motions, ScrollView, can_focus=True):
    """Shows `rows` of `lines`. Asks `fetch` for the blocks it lacks, and draws the lines in them once they are there.

    `follow`: the end stays in view. The cursor keeps its line, and its place on the screen, whatever comes or goes
    around it. While lines are wrapped one scrolls by whole rows, so that no row but those in view has to be measured.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"log--cursor", "log--marker", "log--match"}
    DEFAULT_CSS = """
    LogView { overflow-x: hidden; overflow-y: scroll; scrollbar-size-vertical: 1; height: 1fr; }
    LogView > .log--cursor { background: $foreground 10%; }
    LogView > .log--marker { color: $text-accent; text-style: bold; }
    LogView > .log--match { background: $warning; color: $text; text-style: underline; }
    """
    follow: var[bool] = var(False)

    class Moved(Message):
        """The cursor is on another line, or the log is followed, or no longer."""

    class Folded(Message):
        """The head of a fold, under the cursor, was asked to open or close."""

    class Selected(Message):
        """The mouse has selected text and was let go."""

        def __init__(self, selection: Selection) -> None:
            super().__init__()
            self.selection = selection

    class Unselected(Message):
        """Nothing is selected any more."""

    def __init__(self, *, ascii: bool = False) -> None:
        super().__init__()
        self.ascii = ascii
        self.rows: Rows = FoldedRows()
        self.fetch: Callable[[set[int], bool], None] | None = None
        self.selected = LogSelection()
        self.painter = LogPainter()
        self._cursor = self._part = 0  # the row under the cursor; the part of the row at the top that comes first
        self._place: tuple[int, int | None] = (0, None)
        self._own_scroll = self._for_screen = self._has_inks = False

    # -- what is shown ----------------------------------------------------------------------------------------------

    def reset(self, lines: LogLines, rows: Rows) -> None:
        """Show another log, from its beginning."""
        self.rows, self.painter.lines = rows, lines
        self.painter.steps = {}
        self.painter.times.clear()
        self.painter.x = self._cursor = self._part = 0
        self._place = (0, None)
        self.painter.forget(bodies=True)
        self.arranged()

    def arranged(self) -> None:
        """Take in other rows of the same lines. The cursor stays with its line, and the line where it is on screen."""
        self.painter.forget()
        on_screen = self._cursor - self._top
        self._cursor = max(0, min(self.rows.number_of(*self._place), len(self.rows) - 1))
        self._set_height()
        if self.follow:
            self.to_end()
        else:
            self._scroll_to_row(self._cursor - on_screen, self._part if self.wraps else 0)
            self._show_cursor()
        self.refresh()

    def grown(self) -> None:
        """Take in lines at the end of the same rows."""
        self._set_height()
        if self.follow:
            self.to_end()
        last = self.painter.lines.count - 1
        self.painter.forget_lines((last, last - 1))
        self.refresh()

    def show_rows(self, rows: Rows) -> None:
        """Show other rows of the same lines."""
        self.rows = rows
        self.arranged()

    def show_steps(self, steps: tuple[LogStep, ...]) -> None:
        """Draw the heads of steps as they are by now."""
        self.painter.steps = {step.index: step for step in steps}
        for y, (number, _) in enumerate(self._in_view()):
            if self.rows.row(number).is_step:
                self.painter.forget_row(number)
                self.refresh(Region(0, y, self.size.width, 1))

    def show_times(self, shows: bool) -> None:
        """Show before each line when it came, or no longer."""
        self.painter.shows_times = shows
        self.arranged()

    def mark(self, find: Callable[[str], Ranges]) -> None:
        """Mark what `find` finds in the texts."""
        self.painter.find = find
        self.painter.forget()
        self.refresh()

    @property
    def wraps(self) -> bool:
        return self.painter.wraps

    def set_wrap(self, wraps: bool) -> None:
        """Wrap lines that are wider than the view, or cut them off there."""
        self.painter.wraps = wraps
        self.painter.x = self._part = 0
        self.arranged()

    # -- the cursor -------------------------------------------------------------------------------------------------

    @property
    def cursor(self) -> Row:
        """The row under the cursor."""
        return self.rows.row(self._cursor) if len(self.rows) else Row(0)

    @property
    def place(self) -> tuple[int, int | None]:
        """The line under the cursor, and the step if it is that step's head."""
        return self._place

    def set_place(self, line: int, step: int | None) -> None:
        """Say anew which line the cursor is on; `arranged` finds its row."""
        self._place = (line, step)

    def go_to(self, line: int, step: int | None = None, *, share: float = 0.3, anew: bool = False) -> None:
        """Put the cursor on a line, or on a step's head there, and have it in view.

        If it was not, or `anew`, a share of the view is above it.
        """
        self.follow = False
        number = self.rows.number_of(line, step) if len(self.rows) else 0
        seen = self._top <= number < self._top + self._height - 1
        self._set_cursor(number)
        self._place = (line, step)
        if not seen or anew:
            self._scroll_to_row(number - int(self._height * share))
        self._show_cursor()
        self.refresh()

    def to_end(self) -> None:
        """Put the cursor on the last row, and the end into view."""
        self._set_cursor(len(self.rows) - 1)
        self._scroll_to_row(*self._layout.top_for(len(self.rows) - 1))

    def move(self, rows: int) -> None:
        if not len(self.rows):
            return
        if rows < 0:
            self.follow = False
        if self.wraps and abs(rows) == 1 and self._scroll_within(rows):
            return
        number, last = min(max(self._cursor + rows, 0), len(self.rows) - 1), len(self.rows) - 1
        if abs(rows) > 1:
            self._scroll_to_row(self._top + rows)
        self._set_cursor(number)
        if number == last and rows > 0:
            self.follow = True
            self._scroll_to_row(*self._layout.top_for(len(self.rows) - 1))
        self._show_cursor()
        self.refresh()

    def move_side(self, columns: int) -> None:
        painter = self.painter
        if not painter.wraps:
            painter.x = max(0, min(painter.x + columns * SIDE, max(painter.x, painter.widest - SIDE)))
            painter.forget()
            self.refresh()

    def move_to_end(self, last: bool) -> None:
        self.follow = last
        if last:
            self.to_end()
        else:
            self._set_cursor(0)
            self._scroll_to_row(0)
        self.refresh()

    def watch_follow(self, old: bool, new: bool) -> None:
        if old != new:
            self.post_message(self.Moved())

    def _set_cursor(self, number: int) -> None:
        number = max(0, min(number, len(self.rows) - 1))
        place = self.rows.row(number).place if len(self.rows) else (0, None)
        if (number, place) != (self._cursor, self._place):
            self._cursor, self._place = number, place
            self.post_message(self.Moved())

    # -- scrolling --------------------------------------------------------------------------------------------------

    @property
    def _top(self) -> int:
        return round(self.scroll_y)

    @property
    def _height(self) -> int:
        return max(1, self.size.height)

    def _set_height(self) -> None:
        """Tell the scrollbar how much there is, without a layout of the whole screen."""
        size = Size(self.size.width, len(self.rows) + (self._height - 1 if self.wraps else 0))
        if size != self.virtual_size:
            self.set_reactive(LogView.virtual_size, size)
            self._own_scroll = True
            self._scroll_update(size)
            self._own_scroll = False

    def _scroll_to_row(self, row: int, part: int = 0) -> None:
        row = max(0, min(row, self.max_scroll_y))
        if (row, part) != (self._top, self._part):
            self._part = part
            self._own_scroll = True
            self.scroll_target_y = self.scroll_y = row
            self._own_scroll = False
            self.refresh()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if self._own_scroll or round(old_value) == round(new_value):
            return
        self._part = 0
        if new_value < old_value:
            self.follow = False
        shown = [row for row, _ in self._in_view()] or [0]
        if new_value > old_value and shown[-1] >= len(self.rows) - 1:
            self.follow = True
            self._set_cursor(len(self.rows) - 1)
        else:
            self._set_cursor(min(max(self._cursor, shown[0]), shown[-1]))

    def _show_cursor(self) -> None:
        if self._cursor < self._top or (self._cursor == self._top and self._part):
            self._scroll_to_row(self._cursor)
        elif not self.wraps:
            self._scroll_to_row(max(self._top, self._cursor - self._height + 1))
        elif (self._cursor, self._parts(self._cursor) - 1) not in self._in_view():
            self._scroll_to_row(*self._layout.top_for(self._cursor))

    def _scroll_within(self, rows: int) -> bool:
        """Scroll within a wrapped line that is taller than the view, if the cursor's goes on that way."""
        parts = self._parts(self._cursor)
        if parts <= self._height:
            return False
        at_top = self._top == self._cursor
        if rows > 0 and (self._cursor, parts - 1) not in self._in_view():
            self._scroll_to_row(self._cursor, self._part + 1 if at_top else 0)
            return True
        if rows < 0 and at_top and self._part:
            self._scroll_to_row(self._cursor, self._part - 1)
            return True
        return False

    @property
    def _layout(self) -> LogLayout:
        return LogLayout(len(self.rows), self._height, self._parts if self.wraps else None)

    def _in_view(self) -> list[Place]:
        """Return which row, and which part of it, each line of the view shows."""
        return self._layout.shown(self._top, self._part)

    def _parts(self, number: int) -> int:
        return self.painter.parts(self.rows.row(number)) if number < len(self.rows) else 1

    def on_resize(self) -> None:
        self.painter.width = self.scrollable_content_region.width
        self.arranged()

    # -- drawing ----------------------------------------------------------------------------------------------------

    def render_lines(self, crop: Region) -> list[Strip]:
        if not self._has_inks:
            self._has_inks = True
            self.painter.inks = inks_of(self, self.ascii)
            self.painter.forget(bodies=True)
        self._for_screen = True
        strips = super().render_lines(crop)
        self._for_screen = False
        lines, times = self.painter.lines.missing, self.painter.missing_times
        if self.fetch:
            for blocks, are_times in ((lines, False), (times, True)):
                if blocks:
                    self.fetch(set(blocks), are_times)
                    blocks.clear()
        return strips

    def render_line(self, y: int) -> Strip:
        """Draw a line of the view. For the mouse, other than for the screen, styles tell which characters are where."""
        layout = self._in_view() if self.wraps else []
        number, part = layout[y] if y < len(layout) else (self._top + y, 0)
        if number >= len(self.rows) or (self.wraps and y >= len(layout)):
            return Strip.blank(self.size.width, self.rich_style)
        row = self.rows.row(number)
        cursor = None
        if number == self._cursor:
            cursor = Style(bgcolor=self.get_component_rich_style("log--cursor").bgcolor)
        strip = self.painter.strip(number, row, part, cursor, self._chosen(row))
        return strip if self._for_screen else self.painter.for_the_mouse(strip, row, part)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._has_inks = False

    # -- the mouse --------------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        self.watch(self.screen, "_selecting", self._selecting_changed, init=False)

    def on_click(self, event: events.Click) -> None:
        layout = self._in_view()
        if not 0 <= event.y < len(layout):
            return
        self.follow = False
        self._set_cursor(layout[event.y][0])
        row = self.cursor
        lead = self.painter.lead_width(row)
        if row.head is not None and (event.chain == 2 or lead - 2 <= event.x < lead):
            self.post_message(self.Folded())
        self.refresh()

    def text_select_all(self) -> None:
        """Select the line under the cursor: what a double click asks for. All of a log is no text to hold."""
        if not self.cursor.head:
            self.select_lines(self.cursor.line, self.cursor.line)
            self._selecting_changed(False)

    def select_lines(self, first: int, last: int) -> None:
        """Select whole lines."""
        self.screen.selections = {self: whole_lines(first, last)}

    def selection_updated(self, selection: Selection | None) -> None:
        """Know what is selected. What began or ended outside of the log begins or ends with what is in view of it."""
        if selection is None or not len(self.rows):
            self.selected.clear()
            self.post_message(self.Unselected())
        else:
            shown = self._in_view()
            self.selected.choose(selection, self.rows.row(shown[0][0]).line, self.rows.row(shown[-1][0]).line)
        super().selection_updated(selection)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """Return what was selected, as far as it is at hand; all of it comes with the pane's message."""
        text = self.selected.text(self.rows.lines, self._text_of)
        return None if text is None else (text, "\n")

    def _text_of(self, line: int) -> str | None:
        body = self.painter.body(Row(line))
        return None if body is None else body.text

    def _chosen(self, row: Row) -> Chosen:
        """Return which characters of a row are selected, and how that is shown."""
        span = None if row.is_step else self.selected.span(row.line)
        return None if span is None else (*span, self.screen.get_component_rich_style("screen--selection"))

    def _selecting_changed(self, selecting: bool) -> None:
        if not selecting and self.selected.chosen is not None:
            self.post_message(self.Selected(self.selected.chosen))
