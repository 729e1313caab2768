"""Where one is, as a line: runs › #128 › unit (3.12) › try 2, and at the right what holds everywhere."""

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual.message import Message

from widgets.columns import cut
from widgets.line import Line, Piece
from widgets.safe_text import plain


def trail(parts: Sequence[str], width: int, ascii: bool = False) -> list[tuple[str, int | None]]:
    """Return the pieces of a path, each with the index of its part, in at most `width` cells.

    When narrow the middle is cut away: first and last part stay while they can, then the last alone.
    """
    between, more = (" > ", "~") if ascii else (" › ", "…")
    last = len(parts) - 1
    for gone in range(max(1, last)):
        kept: list[tuple[str, int | None]] = [(part, index) for index, part in enumerate(parts)]
        if gone:
            kept[1 : 1 + gone] = [(more, None)]
        pieces = [piece for pair in kept for piece in ((between, None), pair)][1:]
        if sum(cell_len(text) for text, _ in pieces) <= width:
            return pieces
    return [(cut(parts[last], width, ascii), last)] if parts else []


class Breadcrumb(Line):
    """The path of what is shown. A click on a part asks to go back to it."""

    DEFAULT_CSS = "Breadcrumb > .here { text-style: bold; }"
    COMPONENT_CLASSES: ClassVar[set[str]] = {"here"}

    class Went(Message):
        """A click on the part of this index."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    _parts: tuple[str, ...] = ()
    _right: str = ""

    def show(self, parts: Sequence[str], right: str = "") -> None:
        """Show the path to here, outermost part first, and `right` at the line's end."""
        shown = tuple(plain(part) for part in parts), plain(right)
        if shown != (self._parts, self._right):
            self._parts, self._right = shown
            self.refresh()

    def pieces(self, width: int) -> list[Piece]:
        right = cut(self._right, width // 2, self.ascii)
        room = max(0, width - cell_len(right) - bool(right))
        here = len(self._parts) - 1
        left = [
            Piece(text, "here" if index == here else "dim", index)
            for text, index in trail(self._parts, room, self.ascii)
        ]
        space = width - cell_len(right) - sum(cell_len(piece.text) for piece in left)
        return [*left, Piece(" " * space), Piece(right, "dim")]

    def clicked(self, target: int) -> None:
        self.post_message(self.Went(target))
