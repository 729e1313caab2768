"""The rows of a log on the screen: drawn when they come into view, moved through with a cursor, followed at the end."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import ClassVar

from rich.cells import cell_len
from rich.style import Style
from textual import events
from textual.geometry import Offset, Region, Size
from textual.message import Message
from textual.reactive import var
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from widgets.log_feed import Times
from widgets.log_folds import FoldedRows, Row, Rows
from widgets.log_ink import Body, Inks, breaks, cut, fold_note, line_body, marked, step_body, strip_of, with_offsets
from widgets.log_lines import LogLines
from widgets.log_source import BLOCK, LogStep
from widgets.motions import Motions
from widgets.sgr import PLAIN
from widgets.status_styles import TOKENS, StatusStyles

SIDE = 8
STRIPS = 500
TEXT_CHARS = 1024 * 1024
TIME_WIDTH = 13
Ranges = list[tuple[int, int]]


def find_nothing(_: str) -> Ranges:
    return []


def _fetch_nothing(_: set[int], __: bool) -> None:
    pass


class LogView(StatusStyles, Motions, ScrollView, can_focus=True):
    """Shows `rows` of `lines`. Asks `fetch` for the blocks it lacks, and draws the lines in them once they are there.

    `find` gives the parts of a text to mark; `clock` turns an instant into what is shown of it. `follow`: the end stays
    in view. The cursor keeps its line, and its place on the screen, whatever comes or goes around it.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"log--cursor", "log--marker", "log--match"}
    DEFAULT_CSS = """
    LogView { overflow-x: hidden; overflow-y: scroll; scrollbar-size-vertical: 1; height: 1fr; }
    LogView > .log--cursor { background: $boost; }
    LogView > .log--marker { color: $text-accent; text-style: bold; }
    LogView > .log--match { background: $warning; color: $text; text-style: underline; }
    """
    follow: var[bool] = var(False)

    class Moved(Message, bubble=True):
        """The cursor is on another line, or the log is followed, or no longer."""

    class Folded(Message):
        """A fold's head was asked to open or close."""

        def __init__(self, row: Row) -> None:
            super().__init__()
            self.row = row

    class Selected(Message):
        """The mouse has selected text and was let go."""

        def __init__(self, selection: Selection) -> None:
            super().__init__()
            self.selection = selection

    def __init__(self, *, ascii: bool = False, id: str | None = None) -> None:
        super().__init__(id=id)
        self.lines = LogLines()
        self.rows: Rows = FoldedRows()
        self.steps: dict[int, LogStep] = {}
        self.ascii = ascii
        self.wraps = False
        self.shows_times = False
        self.times: dict[int, Times] = {}
        self.fetch: Callable[[set[int], bool], None] = _fetch_nothing
        self.find: Callable[[str], Ranges] = find_nothing
        self.selected_text: tuple[Selection, str] | None = None
        self._cursor = 0
        self._place: tuple[int, int | None] = (0, None)
        self._x = self._sub = 0
        self._own_scroll = self._for_screen = False
        self._inks: Inks | None = None
        self._bodies: dict[int, Body] = {}
        self._body_chars = 0
        self._strips: dict[tuple[object, ...], Strip] = {}
        self._missing_times: set[int] = set()

    # -- what is shown ----------------------------------------------------------------------------------------------

    def reset(self, lines: LogLines, rows: Rows) -> None:
        """Show another log, from its beginning."""
        self.lines, self.rows = lines, rows
        self.times.clear()
        self._cursor, self._place, self._x, self._sub = 0, (0, None), 0, 0
        self.changed()

    def changed(self) -> None:
        """Draw everything anew: other lines, rows, steps, styles or marks of a search."""
        self._bodies.clear()
        self._body_chars = 0
        self._inks = None
        self.arranged()

    def arranged(self) -> None:
        """Take in other rows of the same lines. The cursor stays with its line, and the line where it is on screen."""
        self._strips.clear()
        on_screen = self._cursor - self._top
        self._cursor = min(self.rows.number_of(*self._place), max(0, len(self.rows) - 1))
        self._set_height()
        if self.follow:
            self.to_end()
        else:
            self._scroll_to_row(self._cursor - on_screen, self._sub if self.wraps else 0)
            self._show_cursor()
        self.refresh()

    def grown(self) -> None:
        """Take in lines at the end."""
        self._set_height()
        if self.follow:
            self.to_end()
        last = self.lines.count - 1
        for number in (last, last - 1, last - 2):
            if (body := self._bodies.pop(number, None)) is not None:
                self._body_chars -= len(body.text)
        self._strips.clear()
        self.refresh()

    def loaded(self) -> None:
        """Draw what was missing."""
        self.refresh()

    def show_rows(self, rows: Rows) -> None:
        """Show other rows of the same lines."""
        self.rows = rows
        self.arranged()

    def heads_changed(self) -> None:
        """Draw the heads of steps anew."""
        for y, (number, part) in enumerate(self._layout()):
            if self.rows.row(number).is_step and not part:
                self._strips = {key: strip for key, strip in self._strips.items() if key[0] != number}
                self.refresh(Region(0, y, self.size.width, 1))

    def set_wrap(self, wraps: bool) -> None:
        self.wraps = wraps
        self._x = self._sub = 0
        self.arranged()

    def move_place(self, line: int, step: int | None) -> None:
        """Say anew which line the cursor is on; `arranged` finds its row."""
        self._place = (line, step)

    def set_find(self, find: Callable[[str], Ranges]) -> None:
        """Mark other parts of the texts."""
        self.find = find
        self._strips.clear()
        self.refresh()

    # -- the cursor -------------------------------------------------------------------------------------------------

    @property
    def cursor(self) -> Row:
        """The row under the cursor."""
        return self.rows.row(self._cursor) if len(self.rows) else Row(0)

    @property
    def place(self) -> tuple[int, int | None]:
        return self._place

    def go_to(self, line: int, step: int | None = None, *, share: float = 0.3) -> None:
        """Put the cursor on a line, or a step's head, and have it in view: if it was not, with a share of it above."""
        self.follow = False
        if not len(self.rows):
            self._place = (line, step)
            return
        number = self.rows.number_of(line, step)
        seen = self._top <= number < self._top + self._height - 1
        self._set_cursor(number)
        self._place = (line, step)
        if not seen:
            self._scroll_to_row(number - int(self._height * share))
        self._show_cursor()
        self.refresh()

    def to_end(self) -> None:
        """Put the cursor on the last row and the end into view."""
        self._set_cursor(len(self.rows) - 1)
        self._scroll_to_row(*self._end_top())

    def move(self, rows: int) -> None:
        if not len(self.rows):
            return
        if rows < 0:
            self.follow = False
        if self.wraps and abs(rows) == 1 and self._scroll_within(rows):
            return
        top, last = self._top, len(self.rows) - 1
        number = min(max(self._cursor + rows, 0), last)
        if abs(rows) > 1:
            self._scroll_to_row(top + rows)
        self._set_cursor(number)
        if number == last and rows > 0:
            self.follow = True
            self._scroll_to_row(*self._end_top())
        self._show_cursor()
        self.refresh()

    def move_side(self, columns: int) -> None:
        if self.wraps:
            return
        widest = max((cell_len(body.text) for body in self._bodies.values()), default=0)
        self._x = max(0, min(self._x + columns * SIDE, max(self._x, widest - SIDE)))
        self._strips.clear()
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

    def _scroll_to_row(self, row: int, sub: int = 0) -> None:
        row = max(0, min(row, self.max_scroll_y))
        if (row, sub) != (self._top, self._sub):
            self._sub = sub
            self._own_scroll = True
            self.scroll_target_y = self.scroll_y = row
            self._own_scroll = False
            self.refresh()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if self._own_scroll or round(old_value) == round(new_value):
            return
        self._sub = 0
        if new_value < old_value:
            self.follow = False
        rows = [row for row, _ in self._layout()] or [0]
        if new_value > old_value and rows[-1] >= len(self.rows) - 1:
            self.follow = True
            self._set_cursor(len(self.rows) - 1)
        elif not rows[0] <= self._cursor <= rows[-1]:
            self._set_cursor(min(max(self._cursor, rows[0]), rows[-1]))

    def _show_cursor(self) -> None:
        if self._cursor < self._top or (self._cursor == self._top and self._sub):
            self._scroll_to_row(self._cursor)
        elif not self.wraps:
            self._scroll_to_row(max(self._top, self._cursor - self._height + 1))
        elif (self._cursor, self._rows_of(self._cursor) - 1) not in self._layout():
            self._scroll_to_row(*self._top_for(self._cursor))

    def _scroll_within(self, rows: int) -> bool:
        """Scroll within a wrapped line that is taller than the view, if the cursor is on one that goes on that way."""
        shown = self._layout()
        tall = self._rows_of(self._cursor) > self._height
        if tall and rows > 0 and (self._cursor, self._rows_of(self._cursor) - 1) not in shown:
            self._scroll_to_row(self._cursor, self._sub + 1 if self._top == self._cursor else 0)
            return True
        if tall and rows < 0 and self._top == self._cursor and self._sub:
            self._scroll_to_row(self._cursor, self._sub - 1)
            return True
        return False

    def _end_top(self) -> tuple[int, int]:
        if not self.wraps:
            return max(0, len(self.rows) - self._height), 0
        return self._top_for(len(self.rows) - 1)

    def _top_for(self, last: int) -> tuple[int, int]:
        """Return the row and the part of it to begin with, so that the row `last` ends at the bottom."""
        room = self._height
        for row in range(last, -1, -1):
            rows = self._rows_of(row)
            if rows >= room:
                return row, rows - room
            room -= rows
        return 0, 0

    def _layout(self) -> list[tuple[int, int]]:
        """Return which row, and which part of it, each line of the view shows."""
        if not self.wraps:
            return [(row, 0) for row in range(self._top, min(self._top + self._height, len(self.rows)))]
        found: list[tuple[int, int]] = []
        row, sub = self._top, self._sub
        while len(found) < self._height and row < len(self.rows):
            found += [(row, part) for part in range(sub, self._rows_of(row))]
            row, sub = row + 1, 0
        return found[: self._height]

    def _rows_of(self, number: int) -> int:
        if not (self.wraps and 0 <= number < len(self.rows)):
            return 1
        row = self.rows.row(number)
        body = self._body(row)
        return len(breaks(body.text, self.size.width - self._lead_width(row))) if body else 1

    def on_resize(self) -> None:
        self.arranged()

    # -- drawing ----------------------------------------------------------------------------------------------------

    def render_lines(self, crop: Region) -> list[Strip]:
        self._for_screen = True
        strips = super().render_lines(crop)
        self._for_screen = False
        self._fetch_missing()
        return strips

    def render_line(self, y: int) -> Strip:
        """Draw one line of the view. For the mouse, unlike for the screen, styles tell which characters are where."""
        at = self._layout()[y] if self.wraps and y < len(self._layout()) else (self._top + y, 0)
        if at[0] >= len(self.rows) or (self.wraps and y >= len(self._layout())):
            return Strip.blank(self.size.width, self.rich_style)
        row = self.rows.row(at[0])
        strip = self._strip(at[0], row, at[1])
        if self._for_screen or row.is_step:
            return strip
        lead = self._lead_width(row)
        return with_offsets(strip, lead, self._first_character(row, at[1]), row.line)

    def _strip(self, number: int, row: Row, part: int) -> Strip:
        selected = self._selected(row)
        is_cursor = number == self._cursor
        key = (number, part, self._x, self.size.width, is_cursor, self.has_focus, selected)
        if (strip := self._strips.get(key)) is not None:
            return strip
        body = self._body(row)
        inks = self.inks
        background = self._cursor_style(is_cursor)
        if body is None:
            return strip_of(self._lead(row, is_cursor), (), 0, self.size.width, inks.base, background)
        pieces = list(body.pieces)
        if ranges := self.find(body.text):
            pieces = marked(pieces, ranges, inks.match)
        if row.head is not None and not row.is_step and not row.head.open:
            pieces += fold_note(row.head, inks)
        if selected is not None:
            pieces = marked(pieces, [selected], self.screen.get_component_rich_style("screen--selection"))
        x = self._x
        if self.wraps:
            starts = breaks(body.text, self.size.width - self._lead_width(row))
            end = starts[part + 1] if part + 1 < len(starts) else len(body.text) + 40
            pieces, x = list(cut(pieces, starts[min(part, len(starts) - 1)], end)), 0
        lead = self._lead(row, is_cursor) if not part else [(" " * self._lead_width(row), PLAIN)]
        strip = strip_of(lead, pieces, x, self.size.width, inks.base, background)
        if len(self._strips) > STRIPS:
            self._strips.clear()
        self._strips[key] = strip
        return strip

    def _body(self, row: Row) -> Body | None:
        if row.head is not None and row.is_step:
            return step_body(row.head, self.steps.get(row.head.step), self.inks)
        if (body := self._bodies.get(row.line)) is not None:
            return body
        line = self.lines.line(row.line) if row.line < self.lines.count else None
        if line is None:
            return None
        body = line_body(line, self.inks)
        self._body_chars += len(body.text)
        if self._body_chars > TEXT_CHARS:
            self._bodies.clear()
            self._body_chars = len(body.text)
        self._bodies[row.line] = body
        return body

    def _lead(self, row: Row, is_cursor: bool) -> list[tuple[str, Style]]:
        marker = (">" if self.ascii else "▌") if is_cursor else " "
        lead = [(marker, self.get_component_rich_style("log--marker", partial=True)), (" ", PLAIN)]
        if self.shows_times:
            lead.append((self._time(row).ljust(TIME_WIDTH), self.inks.dim))
        lead.append(("  " * row.depth, PLAIN))
        if row.head is not None:
            lead.append((self.inks.arrow(row.head), self.inks.dim))
        return lead

    def _lead_width(self, row: Row) -> int:
        return 2 + (TIME_WIDTH if self.shows_times else 0) + 2 * row.depth + 2 * (row.head is not None)

    def _time(self, row: Row) -> str:
        start = None if row.is_step else self.lines.start_of(row.line)
        if start is None:
            return ""
        times = self.times.get(start // BLOCK)
        if times is None:
            self._missing_times.add(start // BLOCK)
            return ""
        at = times.at(start)
        return at.astimezone().strftime("%H:%M:%S.%f")[:-3] if isinstance(at, datetime) else ""

    def _first_character(self, row: Row, part: int) -> int:
        body = self._body(row)
        if body is None:
            return 0
        if self.wraps:
            return breaks(body.text, self.size.width - self._lead_width(row))[part]
        return self._x

    def _fetch_missing(self) -> None:
        if self.lines.missing:
            self.fetch(set(self.lines.missing), False)
            self.lines.missing.clear()
        if self._missing_times:
            self.fetch(set(self._missing_times), True)
            self._missing_times.clear()

    @property
    def inks(self) -> Inks:
        """The styles of the theme, as they are by now."""
        if self._inks is None:

            def ink(name: str) -> Style:
                return self.get_component_rich_style(name, partial=True)

            statuses = {status: ink(f"status--{status}") for status in TOKENS}
            kinds = {
                "error": statuses["failed"],
                "warning": statuses["retrying"],
                "notice": statuses["queued"],
                "command": statuses["running"],
                "debug": ink("dim"),
                "group": ink("title"),
                "section": ink("title"),
            }
            self._inks = Inks(self.rich_style, ink("dim"), ink("title"), ink("log--match"), kinds, statuses, self.ascii)
        return self._inks

    def _cursor_style(self, is_cursor: bool) -> Style:
        if not is_cursor:
            return PLAIN
        colour = self.get_component_rich_style("log--cursor").bgcolor
        return Style(bgcolor=colour)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._inks = None
        self._bodies.clear()
        self._strips.clear()

    # -- the mouse --------------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        self.watch(self.screen, "_selecting", self._selecting_changed, init=False)

    def on_click(self, event: events.Click) -> None:
        layout = self._layout()
        if not 0 <= event.y < len(layout):
            return
        self.follow = False
        self._set_cursor(layout[event.y][0])
        row = self.cursor
        lead = self._lead_width(row)
        if row.head is not None and (event.chain == 2 or lead - 2 <= event.x < lead):
            self.post_message(self.Folded(row))
        self.refresh()

    def text_select_all(self) -> None:
        """Select the line under the cursor: what a double click asks for. All of a log is no text to hold."""
        body = None if self.cursor.is_step else self._body(self.cursor)
        if body is not None:
            line = self.cursor.line
            selection = Selection.from_offsets(Offset(0, line), Offset(len(body.text), line))
            self.screen.selections = {self: selection}
            self.post_message(self.Selected(selection))

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """Return what was selected, as far as it is at hand; the whole of it comes with the pane's message."""
        if self.selected_text is not None and self.selected_text[0] == selection:
            return self.selected_text[1], "\n"
        found = list(self._selected_lines(selection))
        return ("\n".join(found), "\n") if found else None

    def _selected_lines(self, selection: Selection) -> Iterator[str]:
        first = selection.start.y if selection.start else 0
        last = min(selection.end.y if selection.end else self.lines.count, first + 1000)
        for begin, end in self.rows.lines(first, last):
            for line in range(begin, end):
                body, span = self._body(Row(line)), selection.get_span(line)
                if body is not None and span is not None:
                    yield body.text[span[0] : len(body.text) if span[1] < 0 else span[1]]

    def _selected(self, row: Row) -> tuple[int, int] | None:
        """Return which characters of a row are selected."""
        selection = self.text_selection
        if selection is None or row.is_step:
            return None
        span = selection.get_span(row.line)
        if span is None:
            return None
        return span[0], 1_000_000 if span[1] < 0 else span[1]

    def _selecting_changed(self, selecting: bool) -> None:
        selection = self.text_selection
        if not selecting and selection is not None:
            self.post_message(self.Selected(selection))
