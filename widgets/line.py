"""One line made of pieces, some of which can be clicked: what a breadcrumb and a key bar are."""

from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.reactive import reactive
from textual.strip import Strip

from widgets.status_styles import StatusStyles


class Piece(NamedTuple):
    """Text in a component class's style; `target` says what a click on it is about, None nothing."""

    text: str
    style: str = ""
    target: int | None = None


class Line(StatusStyles):
    """A widget of one line. Subclasses say its pieces for a width and what a click means."""

    DEFAULT_CSS = "Line { height: 1; }"
    ascii: reactive[bool] = reactive(False, init=False)

    def __init__(self, *, ascii: bool = False, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.set_reactive(Line.ascii, ascii)

    def pieces(self, width: int) -> Sequence[Piece]:
        """Return what the line is made of, at most `width` cells."""
        raise NotImplementedError

    def clicked(self, target: int) -> None:
        """Act on a click on a piece of this target; a line without targets hears of none."""

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        segments = [
            Segment(piece.text, self.get_component_rich_style(piece.style) if piece.style else base)
            for piece in (self.pieces(width) if y == 0 else ())
        ]
        return Strip(segments).adjust_cell_length(width, base)

    def on_click(self, event: events.Click) -> None:
        at = 0
        for piece in self.pieces(self.size.width):
            at += cell_len(piece.text)
            if event.x < at:
                if piece.target is not None:
                    event.stop()
                    self.clicked(piece.target)
                return
