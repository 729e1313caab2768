"""A promise in one line: what it is, how it is kept, and how much of its error budget is left."""

from typing import ClassVar

from rich.cells import cell_len

from widgets.columns import cut
from widgets.line import Line, Piece
from widgets.safe_text import plain

BAR, LEAST_BAR = 20, 5
LOW = 0.25
"""Under this share of its budget a promise is in danger."""


def gauge(share: float, width: int, ascii: bool = False) -> str:
    """Return a bar of `width` cells, filled by `share` of them; empty only when nothing is left, full only when all."""
    full, empty = ("#", ".") if ascii else ("█", "░")
    share = min(1.0, max(0.0, share))
    cells = round(share * width)
    if 0 < share < 1 and width > 1:
        cells = min(width - 1, max(1, cells))
    return full * cells + empty * (width - cells)


class Gauge(Line):
    """`trigger p95  2.1 s of 5 s   budget ██████░░░░ 62 % left`."""

    DEFAULT_CSS = """
    Gauge > .good { color: $text-success; }
    Gauge > .low { color: $text-warning; }
    Gauge > .gone { color: $text-error; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"good", "low", "gone"}

    _label: str = ""
    _value: str = ""
    _left: float | None = None

    def show(self, label: str, value: str, left: float | None) -> None:
        """Show a promise, how it is kept in words, and the share of its budget that is left; None: nothing happened."""
        shown = plain(label), plain(value), left
        if shown != (self._label, self._value, self._left):
            self._label, self._value, self._left = shown
            self.refresh()

    def pieces(self, width: int) -> list[Piece]:
        said, style = self._said()
        room = width - cell_len(self._label) - cell_len(self._value) - cell_len(said) - 6
        pieces = [Piece(self._label, "title"), Piece(f"  {self._value}  ")]
        if self._left is not None and room >= LEAST_BAR:
            pieces.append(Piece(gauge(self._left, min(BAR, room), self.ascii), style))
            pieces.append(Piece("  "))
        pieces.append(Piece(said, style))
        return _within(pieces, width, self.ascii)

    def _said(self) -> tuple[str, str]:
        if self._left is None:
            return "nothing happened", "dim"
        percent = f"{abs(self._left):.0%}".replace("%", " %")
        if self._left < 0:
            return f"budget overdrawn by {percent}", "gone"
        return f"{percent} of budget left", "good" if self._left >= LOW else "low"


def _within(pieces: list[Piece], width: int, ascii: bool) -> list[Piece]:
    kept: list[Piece] = []
    for piece in pieces:
        text = cut(piece.text, width, ascii)
        kept.append(piece._replace(text=text))
        width -= cell_len(text)
    return kept
