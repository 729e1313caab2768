"""Paints rows of a log: a strip of cells for each, made when it is asked for and kept for a while."""

from collections.abc import Callable, Iterable
from datetime import datetime

from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip

from widgets.log_feed import Times
from widgets.log_folds import Row
from widgets.log_ink import Body, Inks, breaks, cut, fold_note, line_body, marked, step_body, strip_of, with_offsets
from widgets.log_lines import LogLines
from widgets.log_source import BLOCK, LogStep
from widgets.sgr import PLAIN

STRIPS = 500
TEXT_CHARS = 1024 * 1024
TIME_WIDTH = 13
NO_END = 1_000_000  # no text in view has so many characters
Ranges = list[tuple[int, int]]
Chosen = tuple[int, int, Style] | None


def find_nothing(_: str) -> Ranges:
    return []


class LogPainter:
    """Paints for one view. `find` gives the parts of a text to mark, `x` is the first column of the text in view.

    What is missing of a line is left blank, and told by `lines.missing` and `missing_times`.
    """

    def __init__(self) -> None:
        self.lines = LogLines()
        self.steps: dict[int, LogStep] = {}
        self.times: dict[int, Times] = {}
        self.inks = Inks()
        self.width = self.x = 0
        self.wraps = self.shows_times = False
        self.find: Callable[[str], Ranges] = find_nothing
        self.missing_times: set[int] = set()
        self._bodies: dict[int, Body] = {}
        self._chars = 0
        self._strips: dict[tuple[object, ...], Strip] = {}

    def forget(self, *, bodies: bool = False) -> None:
        """Paint everything anew, with `bodies` from the log's bytes on."""
        self._strips.clear()
        if bodies:
            self._bodies.clear()
            self._chars = 0

    def forget_lines(self, lines: Iterable[int]) -> None:
        """Paint lines anew that have changed."""
        for line in lines:
            if (body := self._bodies.pop(line, None)) is not None:
                self._chars -= len(body.text)
        self._strips.clear()

    def forget_row(self, number: int) -> None:
        """Paint one row anew."""
        for key in [key for key in self._strips if key[0] == number]:
            del self._strips[key]

    def body(self, row: Row) -> Body | None:
        """Return the text of a row; None while it is missing."""
        if row.head is not None and row.is_step:
            return step_body(row.head, self.steps.get(row.head.step), self.inks)
        if (body := self._bodies.get(row.line)) is not None:
            return body
        line = self.lines.line(row.line) if row.line < self.lines.count else None
        if line is None:
            return None
        body = line_body(line, self.inks)
        self._chars += len(body.text)
        if self._chars > TEXT_CHARS:
            self._bodies.clear()
            self._chars = len(body.text)
        self._bodies[row.line] = body
        return body

    def strip(self, number: int, row: Row, part: int, cursor: Style | None, selected: Chosen) -> Strip:
        """Return a row as cells, of a wrapped one a part. `cursor` is how the row under the cursor is painted over.

        `selected` are the characters that are, and their style.
        """
        key = (number, part, cursor, selected)
        if (strip := self._strips.get(key)) is not None:
            return strip
        body = self.body(row)
        over = cursor or PLAIN
        lead = self._lead(row, cursor is not None, part)
        if body is None:
            return strip_of(lead, (), (), 0, self.width, self.inks.base, over)
        pieces = list(body.pieces)
        if ranges := self.find(body.text):
            pieces = marked(pieces, ranges, self.inks.match)
        if selected is not None:
            pieces = marked(pieces, [selected[:2]], selected[2])
        x, note = self.x, [*body.note, *(fold_note(row.head, self.inks) if row.head else ())]
        if self.wraps:
            starts = self._breaks(row, body)
            part, x = min(part, len(starts) - 1), 0
            is_last = part == len(starts) - 1
            pieces = list(cut(pieces, starts[part], len(body.text) if is_last else starts[part + 1]))
            note = note if is_last else []
        strip = strip_of(lead, pieces, note, x, self.width, self.inks.base, over)
        if len(self._strips) > STRIPS:
            self._strips.clear()
        self._strips[key] = strip
        return strip

    def for_the_mouse(self, strip: Strip, row: Row, part: int) -> Strip:
        """Return the strip with, in its styles, which characters of which line are where. A step's head is what is
        between the lines around it.
        """
        if row.is_step:
            return with_offsets(strip, 0, (NO_END, row.line - 1) if row.line else (0, 0), moves=False)
        body = self.body(row)
        if body is None:
            return strip
        first = self._breaks(row, body)[part] if self.wraps else self.x
        return with_offsets(strip, self.lead_width(row), (first, row.line))

    def parts(self, row: Row) -> int:
        """Return how many lines of the screen a row takes."""
        body = self.body(row) if self.wraps else None
        return 1 if body is None else len(self._breaks(row, body))

    def lead_width(self, row: Row) -> int:
        """Return how many columns are before the text of a row."""
        return 2 + (TIME_WIDTH if self.shows_times else 0) + 2 * row.depth + 2 * (row.head is not None)

    @property
    def widest(self) -> int:
        """How many columns the widest of the texts last painted has."""
        return max((cell_len(body.text) for body in self._bodies.values()), default=0)

    def _breaks(self, row: Row, body: Body) -> list[int]:
        return breaks(body.text, self.width - self.lead_width(row))

    def _lead(self, row: Row, under_cursor: bool, part: int) -> list[tuple[str, Style]]:
        inks = self.inks
        lead = [(inks.marker if under_cursor else "  ", inks.cursor)]
        if self.shows_times:
            lead.append((("" if part else self._time(row)).ljust(TIME_WIDTH), inks.dim))
        lead.append(("  " * row.depth, PLAIN))
        if row.head is not None:
            lead.append(("  " if part else inks.arrow(row.head), inks.dim))
        return lead

    def _time(self, row: Row) -> str:
        start = None if row.is_step else self.lines.start_of(row.line)
        if start is None:
            return ""
        times = self.times.get(start // BLOCK)
        if times is None:
            self.missing_times.add(start // BLOCK)
            return ""
        at = times.at(start)
        return at.astimezone().strftime("%H:%M:%S.%f")[:-3] if isinstance(at, datetime) else ""
