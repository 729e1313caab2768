"""All keys, pane by pane, filtered as one types."""

from collections.abc import Iterable, Sequence
from itertools import combinations, pairwise, zip_longest
from typing import ClassVar

from rich.cells import cell_len
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input

from widgets.dialog import Dialog
from widgets.row_filter import RowFilter
from widgets.text_body import TextBody, Words

Group = tuple[str, tuple[tuple[str, str], ...]]
"""A pane's title and its keys, each with what it does."""

Lines = list[list[Words]]
GAP = 3
_NOTHING: Sequence[Words] = ()


class HelpScreen(Dialog[None]):
    """The groups come in the order they are given: the pane with the focus first. esc closes."""

    AUTO_FOCUS = "Input"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,ctrl+p", "scroll(-1)", "up", show=False, priority=True),
        Binding("down,ctrl+n", "scroll(1)", "down", show=False, priority=True),
        Binding("pageup", "page(-1.0)", "page up", show=False, priority=True),
        Binding("pagedown", "page(1.0)", "page down", show=False, priority=True),
        Binding("enter,f1", "leave", "back", show=False, priority=True, id="help.leave"),
    ]
    DEFAULT_CSS = """
    HelpScreen > #box { width: 160; height: 90%; }
    HelpScreen Input { height: 1; margin-bottom: 1; }
    HelpScreen TextBody { height: 1fr; }
    """

    def __init__(self, title: str, groups: Sequence[Group], *, ascii: bool = False) -> None:
        super().__init__(title, hint="type to filter  esc back", ascii=ascii)
        self._groups = tuple(groups)

    def body(self) -> Iterable[Widget]:
        field = Input(compact=True, placeholder="type to filter", select_on_focus=False)
        field.cursor_blink = False
        yield field
        yield TextBody()

    def on_resize(self) -> None:
        self.call_after_refresh(self._show)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._show()

    def action_scroll(self, rows: int) -> None:
        self.query_one(TextBody).move(rows)

    def action_page(self, share: float) -> None:
        self.query_one(TextBody).action_page(share)

    def _show(self) -> None:
        text, body = self.query_one(Input).value, self.query_one(TextBody)
        lines = help_lines(self._groups, text, body.scrollable_content_region.width)
        body.show(lines or [[Words(f"No key is about “{text}”.", "dim")]])


def help_lines(groups: Sequence[Group], text: str = "", width: int = 0) -> Lines:
    """Return the lines of those keys that a filter lets through; a group without any is left out. Pure.

    Groups stand in as many columns as `width` has room for, the first ones on the left.
    """
    wanted, parts = RowFilter(text), list[Lines]()
    for title, rows in groups:
        kept = [(keys, what) for keys, what in rows if wanted.matches(f"{title} {keys} {what}")]
        if kept:
            wide = max(cell_len(keys) for keys, _ in rows)
            part = [[Words(title, "title")]]
            part += [[Words(f"  {keys}{' ' * (wide - cell_len(keys))}  ", "key"), Words(what)] for keys, what in kept]
            parts.append(part)
    for count in range(len(parts), 1, -1):
        columns = _columns(parts, count)
        wides = [max(map(_width, column)) + GAP for column in columns]
        if sum(wides) - GAP <= width:
            return [_beside(row, wides) for row in zip_longest(*columns, fillvalue=_NOTHING)]
    return _below(parts)


def _columns(parts: Sequence[Lines], count: int) -> list[Lines]:
    """Return parts in so many columns, in order, the longest of which is as short as can be."""
    cuts = ((0, *inner, len(parts)) for inner in combinations(range(1, len(parts)), count - 1))
    ways = ([_below(parts[a:b]) for a, b in pairwise(cut)] for cut in cuts)
    return min(ways, key=lambda columns: max(map(len, columns)))


def _beside(row: Sequence[Sequence[Words]], wides: Sequence[int]) -> list[Words]:
    line: list[Words] = []
    for words, wide in zip(row, wides, strict=True):
        line += [*words, Words(" " * (wide - _width(words)))]
    return line[:-1]


def _below(parts: Sequence[Lines]) -> Lines:
    """Return parts below each other, with an empty line between them."""
    lines: Lines = []
    for part in parts:
        lines += [*([[Words("")]] if lines else []), *part]
    return lines


def _width(line: Sequence[Words]) -> int:
    return sum(cell_len(words.text) for words in line)
