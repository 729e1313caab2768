"""A few things to choose from, each with a key of its own, a name and what it means."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from widgets.motions import Motions
from widgets.status_styles import StatusStyles
from widgets.wrapping import wrap


@dataclass(frozen=True, slots=True)
class MenuItem:
    """`name` is what is told when it is chosen; `key` one letter, none of those that move; "": none."""

    name: str
    key: str
    label: str
    says: str = ""


class Menu(StatusStyles, Motions, can_focus=True):
    """Its keys, enter and a click choose."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "choose", "choose", id="menu.choose")]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"key"}
    DEFAULT_CSS = """
    Menu { height: auto; width: 100%; }
    Menu > .key { color: $text-accent; text-style: bold; }
    """

    class Chosen(Message):
        """An item was chosen."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(
        self, items: Sequence[MenuItem], *, ascii: bool = False, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.items, self.ascii, self.cursor = tuple(items), ascii, 0

    def move(self, rows: int) -> None:
        self._set_cursor(self.cursor + rows)

    def move_to_end(self, last: bool) -> None:
        self._set_cursor(len(self.items) - 1 if last else 0)

    def action_choose(self) -> None:
        if self.items:
            self.post_message(self.Chosen(self.items[self.cursor].name))

    def on_key(self, event: events.Key) -> None:
        for index, item in enumerate(self.items):
            if event.character == item.key:
                event.stop()
                self._set_cursor(index)
                self.action_choose()

    def on_click(self, event: events.Click) -> None:
        rows = self._rows(self.size.width)
        if event.y < len(rows):
            self._set_cursor(rows[event.y][0])
            self.action_choose()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._rows(width))

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        rows = self._rows(width)
        if y >= len(rows):
            return Strip.blank(width, base)
        index, head, text = rows[y]
        item = self.items[index]
        if not head:
            return Strip([Segment(text, self._part("dim"))]).adjust_cell_length(width, base)
        key = item.key or " "
        mark = (">" if self.ascii else "▸") if index == self.cursor else " "
        segments = [Segment(f"{mark} ", base), Segment(key, self._part("key")), Segment(f"  {text} ", base)]
        if index == self.cursor and self.has_focus:
            segments[1:] = [Segment(segment.text, base + Style(reverse=True)) for segment in segments[1:]]
        return Strip(segments).adjust_cell_length(width, base)

    def _rows(self, width: int) -> list[tuple[int, bool, str]]:
        """Return each row's item, whether it is the item's first row, and its text."""
        rows: list[tuple[int, bool, str]] = []
        for index, item in enumerate(self.items):
            rows.append((index, True, item.label))
            rows += [(index, False, f"     {row}") for row in wrap(item.says, width - 6) if row]
        return rows

    def _part(self, name: str) -> Style:
        return self.get_component_rich_style(name)

    def _set_cursor(self, index: int) -> None:
        index = min(max(index, 0), len(self.items) - 1)
        if index != self.cursor:
            self.cursor = index
            self.refresh()
            if isinstance(self.parent, Widget):
                rows = [y for y, row in enumerate(self._rows(self.size.width)) if row[0] == index]
                self.parent.scroll_to_region(
                    Region(0, self.virtual_region.y + rows[0], 1, len(rows)), animate=False, force=True
                )
