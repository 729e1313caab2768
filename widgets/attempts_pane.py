"""The tries of a job: a strip to go from one to the next, a row for each, and when the next one begins."""

from collections.abc import Sequence
from dataclasses import dataclass
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

from widgets.columns import GAP, Column, fill, fit
from widgets.glyphs import look
from widgets.motions import Motions
from widgets.safe_text import plain
from widgets.seconds import in_words
from widgets.status_styles import StatusStyles

COLUMNS = (
    Column("number", "try", 5),
    Column("result", "result", 16),
    Column("took", "took", 9, right=True),
    Column("started", "began", 8, drop=3),
    Column("ended", "ended", 8, drop=2),
    Column("worker", "worker", 14, drop=1),
    Column("reason", "reason"),
)
HEAD = 2
"""The strip and the titles are above the rows."""


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One try. `seconds` is how long it took, or has been running; `kind` says who is to blame when it ended badly."""

    number: int
    status: str
    started: str = ""
    seconds: float | None = None
    worker: str = ""
    exit_code: int | None = None
    reason: str = ""
    kind: str = ""
    ended: str = ""

    @property
    def result(self) -> str:
        """How it ended, in words that are about a try and not about its job."""
        if self.status == "failed":
            return f"exit {self.exit_code}" if self.exit_code is not None else self.kind or "no exit code"
        return look(self.status).word


class AttemptsPane(StatusStyles, Motions, ScrollView, can_focus=True):
    """All tries, one of which is chosen: by `<` and `>`, up and down, or a click on its row or in the strip."""

    DEFAULT_CSS = """
    AttemptsPane { overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("less_than_sign", "step(-1)", "try before", key_display="<", show=False, id="attempts.before"),
        Binding("greater_than_sign", "step(1)", "try after", key_display=">", show=False, id="attempts.after"),
    ]
    ascii: reactive[bool] = reactive(False)

    class Chosen(Message):
        """This try was chosen: the page shows it, and says so by the next `show`."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    def __init__(self, *, ascii: bool = False, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.set_reactive(AttemptsPane.ascii, ascii)
        self._attempts: tuple[AttemptRow, ...] = ()
        self._chosen = 0
        self._next_s: float | None = None

    def show(self, attempts: Sequence[AttemptRow], chosen: int | None = None, next_s: float | None = None) -> None:
        """Show these tries, oldest first; `chosen` is a number, None the last. The next begins in `next_s`, if any."""
        chosen = (attempts[-1].number if attempts else 0) if chosen is None else chosen
        shown = tuple(attempts), chosen, next_s
        if shown == (self._attempts, self._chosen, self._next_s):
            return
        self._attempts, self._chosen, self._next_s = shown
        self.virtual_size = Size(1, len(attempts) + HEAD)
        self._reveal()
        self.refresh()

    @property
    def chosen(self) -> int:
        """The number of the chosen try; 0 when there is none."""
        return self._chosen

    def move(self, rows: int) -> None:
        numbers = [attempt.number for attempt in self._attempts]
        if numbers:
            at = numbers.index(self._chosen) if self._chosen in numbers else len(numbers) - 1
            self._choose(numbers[max(0, min(len(numbers) - 1, at + rows))])

    def move_side(self, columns: int) -> None:
        self.move(columns)

    def move_to_end(self, last: bool) -> None:
        if self._attempts:
            self._choose(self._attempts[-1 if last else 0].number)

    def on_click(self, event: events.Click) -> None:
        number = self._number_at(event.x, event.y)
        if number is not None:
            event.stop()
            self._choose(number)

    def _choose(self, number: int) -> None:
        if number != self._chosen:
            self._chosen = number
            self._reveal()
            self.refresh()
            self.post_message(self.Chosen(number))

    def _reveal(self) -> None:
        place = next((i for i, attempt in enumerate(self._attempts) if attempt.number == self._chosen), 0)
        top, height = self.scroll_offset.y, self.size.height - HEAD
        if place < top or (height > 0 and place >= top + height):
            self.scroll_to(y=place if place < top else place - height + 1, animate=False, force=True)

    def _number_at(self, x: int, y: int) -> int | None:
        if y == 0:
            at = 0
            for text, _, number in self._tabs():
                at += cell_len(text)
                if x < at:
                    return number
        index = y - HEAD + self.scroll_offset.y
        return self._attempts[index].number if y >= HEAD and index < len(self._attempts) else None

    # painting

    def render_line(self, y: int) -> Strip:
        width, base = self.scrollable_content_region.width, self.rich_style
        index = y - HEAD + self.scroll_offset.y
        if y == 0:
            strip = Strip([Segment(text, style) for text, style, _ in self._tabs()])
        elif not self._attempts:
            strip = Strip([])
        elif y == 1:
            strip = self._row([(column.title, self.get_component_rich_style("dim")) for column in COLUMNS], width)
        elif index < len(self._attempts):
            strip = self._attempt(self._attempts[index], width)
        else:
            strip = Strip([])
        return strip.adjust_cell_length(width, base)

    def _tabs(self) -> list[tuple[str, Style, int | None]]:
        """Return the strip's pieces, each with the number it is about. Of too many tries the first are left out."""
        if not self._attempts:
            return [("no try yet", self.get_component_rich_style("dim"), None)]
        turned = self.get_component_rich_style("cursor", partial=True)
        tabs: list[tuple[str, Style, int | None]] = []
        for attempt in self._attempts:
            style = self.status_style(attempt.status)
            chosen = attempt.number == self._chosen
            text = f"[{attempt.number} {look(attempt.status).sign(self.ascii)}]"
            tabs.append((text, style + turned if chosen else style, attempt.number))
        if self._next_s is not None:
            left = max(0.0, self._next_s)
            sign = look("retrying").sign(self.ascii)
            tabs.append((f" {sign} next try in {left:.0f} s", self.status_style("retrying"), None))
        room, over = self.scrollable_content_region.width, 0
        while over < len(tabs) - 1 and tabs[over][2] != self._chosen and _cells(tabs[over:]) + 1 > room:
            over += 1
        more = [("~" if self.ascii else "…", self.get_component_rich_style("dim"), None)] if over else []
        return [*more, *tabs[over:]]

    def _attempt(self, attempt: AttemptRow, width: int) -> Strip:
        seen, base, dim = look(attempt.status), self.rich_style, self.get_component_rich_style("dim")
        chosen = attempt.number == self._chosen
        cursor = (">" if self.ascii else "▸") if chosen else " "
        cells = [
            (f"{cursor} {attempt.number}", self.get_component_rich_style("title") if chosen else base),
            (f"{seen.sign(self.ascii)} {plain(attempt.result)}", self.status_style(attempt.status)),
            ("" if attempt.seconds is None else in_words(attempt.seconds), base),
            (plain(attempt.started), dim),
            (plain(attempt.ended), dim),
            (plain(attempt.worker), dim),
            (plain(attempt.reason), base),
        ]
        strip = self._row(cells, width).adjust_cell_length(width, base)
        if chosen and self.has_focus:
            return strip.apply_style(self.get_component_rich_style("cursor", partial=True))
        return strip

    def _row(self, cells: Sequence[tuple[str, Style]], width: int) -> Strip:
        segments: list[Segment] = []
        for column, wide, (text, style) in zip(COLUMNS, fit(COLUMNS, width), cells, strict=True):
            if wide:
                gap = [Segment(" " * GAP, self.rich_style)] if segments else []
                segments += [*gap, Segment(fill(text, wide, column.right, self.ascii), style)]
        return Strip(segments)


def _cells(tabs: Sequence[tuple[str, Style, int | None]]) -> int:
    return sum(cell_len(text) for text, _, _ in tabs)
