"""The keys that matter here, as one line: each key with a word, as many as fit, each to be clicked."""

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual.message import Message

from widgets.line import Line, Piece
from widgets.safe_text import plain

GAP = "  "


class KeyBar(Line):
    """The footer. Keys come in order of weight; those that find no room are left out, but for the last few."""

    DEFAULT_CSS = "KeyBar > .key { text-style: bold; color: $text-accent; }"
    COMPONENT_CLASSES: ClassVar[set[str]] = {"key"}

    class Pressed(Message):
        """A click on this key, by the name it was shown under."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    _keys: tuple[tuple[str, str], ...] = ()
    _always = 0

    def show(self, keys: Sequence[tuple[str, str]], always: int = 0) -> None:
        """Show these keys, each with what it does; the last ones, so many, are left out only when alone too wide."""
        shown = tuple((plain(key), plain(word)) for key, word in keys)
        if (shown, always) != (self._keys, self._always):
            self._keys, self._always = shown, always
            self.refresh()

    def pieces(self, width: int) -> list[Piece]:
        pieces: list[Piece] = []
        for index in self._fitting(width):
            more = [Piece(GAP)] if pieces else []
            key, word = self._keys[index]
            pieces += [*more, Piece(key, "key", index), Piece(f" {word}", "dim", index)]
        return pieces

    def _fitting(self, width: int) -> list[int]:
        """Return which keys find room, those that always should before the others."""
        first_last = len(self._keys) - self._always
        fitting: list[int] = []
        room = width + len(GAP)
        for index in (*range(first_last, len(self._keys)), *range(first_last)):
            room -= cell_len(" ".join(self._keys[index])) + len(GAP)
            if room < 0:
                break
            fitting.append(index)
        return sorted(fitting)

    def clicked(self, target: int) -> None:
        self.post_message(self.Pressed(self._keys[target][0]))
