"""What Textual itself draws with more than plain characters, for a terminal that has no others."""

from typing import ClassVar

from textual.command import CommandPalette, SearchIcon
from textual.scrollbar import ScrollBarRender

KEYS = {"⏎": "enter", "↑": "up", "↓": "down", "←": "left", "→": "right", "⌫": "backspace"}


class AsciiScrollBar(ScrollBarRender):
    """Begins and ends with a whole cell."""

    VERTICAL_BARS: ClassVar[list[str]] = [" "]
    HORIZONTAL_BARS: ClassVar[list[str]] = [" "]


class AsciiPalette(CommandPalette):
    """The palette without its picture. Its frame is in the style sheet."""

    def on_mount(self) -> None:
        self.query_one(SearchIcon).icon = ":"


def key_name(display: str) -> str:
    """Return the name of a key, that Textual shows as an arrow."""
    for sign, name in KEYS.items():
        display = display.replace(sign, name)
    return display
