"""The keys that matter here, as one line: each key with a word, as many as fit, each to be clicked."""

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual.message import Message

from widgets.line import Line, Piece
from widgets.safe_text import plain


class KeyBar(Line):
    """The footer. Keys come in order of weight: those that find no room are left out, from the end."""

    DEFAULT_CSS = "KeyBar > .key { text-style: bold; color: $text-accent; }"
    COMPONENT_CLASSES: ClassVar[set[str]] = {"key"}

    class Pressed(Message):
        """A click on this key, by the name it was shown under."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    _keys: tuple[tuple[str, str], ...] = ()

    def show(self, keys: Sequence[tuple[str, str]]) -> None:
        """Show these keys, each with what it does."""
        shown = tuple((plain(key), plain(word)) for key, word in keys)
        if shown != self._keys:
            self._keys = shown
            self.refresh()

    def pieces(self, width: int) -> list[Piece]:
        pieces: list[Piece] = []
        for index, (key, word) in enumerate(self._keys):
            more = [Piece("  ")] if pieces else []
            more += [Piece(key, "key", index), Piece(f" {word}", "dim", index)]
            if sum(cell_len(piece.text) for piece in (*pieces, *more)) > width:
                break
            pieces += more
        return pieces

    def clicked(self, target: int) -> None:
        self.post_message(self.Pressed(self._keys[target][0]))
