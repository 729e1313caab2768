"""A read-only text of lines, scrolled, wrapped to the width, searched."""

from collections.abc import Iterable, Sequence
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from widgets.motions import Motions
from widgets.row_filter import RowFilter
from widgets.status_styles import StatusStyles
from widgets.wrapping import wrap


class Words(NamedTuple):
    """Text in a component class's style; none: the widget's own."""

    text: str
    style: str = ""


class TextBody(StatusStyles, Motions, ScrollView, can_focus=True):
    """Shows lines made of words. Lines of one piece are wrapped, others cut: they are tables."""

    DEFAULT_CSS = """
    TextBody { height: 1fr; width: 100%; overflow: hidden auto; scrollbar-size-vertical: 1; }
    TextBody > .key { color: $text-accent; text-style: bold; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"key"}

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: tuple[tuple[Words, ...], ...] = ()
        self._rows: list[tuple[Words, ...]] = []
        self._wrapped_at = -1
        self._sought = RowFilter()

    def show(self, lines: Iterable[Sequence[Words]]) -> None:
        """Show these lines from the top."""
        self._lines = tuple(tuple(line) for line in lines)
        self._wrapped_at = -1
        self._wrap()
        self.scroll_to(0, 0, animate=False)

    def renew(self, lines: Iterable[Sequence[Words]]) -> None:
        """Show these lines instead, from where the view stands."""
        top = self.scroll_offset.y
        self.show(lines)
        self._go(top)

    def show_text(self, text: str) -> None:
        """Show a text, which is safe to show."""
        self.show([Words(line.expandtabs(4))] for line in text.splitlines())

    def seek(self, text: str) -> int:
        """Mark what matches in each row, go to the first row with a match from the top of the view on, and count."""
        self._sought = RowFilter(text)
        self.refresh()
        found = self._found()
        if found and text:
            top = self.scroll_offset.y
            self._go(next((row for row in found if row >= top), found[0]))
        return len(found)

    def seek_next(self, step: int) -> None:
        """Go to the next (1) or previous (-1) row with a match, around the end."""
        found, top = self._found(), self.scroll_offset.y
        if found:
            on = [row for row in found if (row > top if step > 0 else row < top)]
            self._go((on or found)[0 if step > 0 else -1])

    def move(self, rows: int) -> None:
        self._go(self.scroll_offset.y + rows)

    def move_to_end(self, last: bool) -> None:
        self._go(len(self._rows) if last else 0)

    def on_resize(self) -> None:
        self._wrap()

    def render_line(self, y: int) -> Strip:
        width, base, at = self.size.width, self.rich_style, self.scroll_offset.y + y
        if at >= len(self._rows):
            return Strip.blank(width, base)
        segments: list[Segment] = []
        for words in self._rows[at]:
            style = self.get_component_rich_style(words.style) if words.style else base
            segments += self._marked(words.text, style)
        return Strip(segments).adjust_cell_length(width, base)

    def _marked(self, text: str, style: Style) -> Iterable[Segment]:
        end = 0
        for start, stop in self._sought.spans(text):
            yield Segment(text[end:start], style)
            yield Segment(text[start:stop], style + Style(reverse=True))
            end = stop
        yield Segment(text[end:], style)

    def _found(self) -> list[int]:
        matches = self._sought.matches
        return [row for row, line in enumerate(self._rows) if matches("".join(words.text for words in line))]

    def _go(self, row: int) -> None:
        self.scroll_to(y=row, animate=False)

    def _wrap(self) -> None:
        width = self.scrollable_content_region.width
        if width and width != self._wrapped_at:
            self._wrapped_at = width
            self._rows = [row for line in self._lines for row in _rows(line, width)]
            self.virtual_size = Size(width, len(self._rows))
            self.refresh()


def _rows(line: tuple[Words, ...], width: int) -> Iterable[tuple[Words, ...]]:
    if len(line) == 1:
        return ((Words(row, line[0].style),) for row in wrap(line[0].text, width))
    return (line,)
