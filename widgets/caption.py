"""A line of words above or between other widgets; a click on it is told."""

from collections.abc import Sequence

from rich.cells import cell_len
from textual.message import Message

from widgets.columns import cut
from widgets.line import Line, Piece
from widgets.safe_text import plain


class Caption(Line):
    """`last 24h  times are p50 / p95 / p99`: pieces in their styles, cut at the edge."""

    class Clicked(Message):
        """A click on words of this caption."""

        def __init__(self, caption: "Caption", target: int) -> None:
            super().__init__()
            self.caption = caption
            self.target = target

        @property
        def control(self) -> "Caption":
            return self.caption

    _shown: tuple[Piece, ...] = ()

    def show(self, *pieces: Piece) -> None:
        shown = tuple(piece._replace(text=plain_inside(piece.text)) for piece in pieces)
        if shown != self._shown:
            self._shown = shown
            self.refresh()

    def pieces(self, width: int) -> Sequence[Piece]:
        kept: list[Piece] = []
        for piece in self._shown:
            text = cut(piece.text, width, self.ascii)
            kept.append(piece._replace(text=text))
            width -= cell_len(text)
        return kept

    def clicked(self, target: int) -> None:
        self.post_message(self.Clicked(self, target))


def plain_inside(text: str) -> str:
    """Return a text made safe, with the spaces at its ends, which keep pieces apart."""
    body = text.strip(" ")
    if not body:
        return text
    start = text.index(body)
    return text[:start] + plain(body) + text[start + len(body) :]
