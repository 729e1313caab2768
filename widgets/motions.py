"""How one moves in every pane: arrows, vim's keys, page keys, ends. One table, so that no pane is different."""

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget


class Motions(Widget):
    """A pane with a cursor or a view to move. Subclasses say what a step, a page and the ends are."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "step(-1)", "up", show=False, id="move.up"),
        Binding("down,j", "step(1)", "down", show=False, id="move.down"),
        Binding("left,h", "side(-1)", "left", show=False, id="move.left"),
        Binding("right,l", "side(1)", "right", show=False, id="move.right"),
        Binding("pageup,ctrl+b", "page(-1.0)", "page up", show=False, id="move.page_up"),
        Binding("pagedown,ctrl+f", "page(1.0)", "page down", show=False, id="move.page_down"),
        Binding("ctrl+u", "page(-0.5)", "half a page up", show=False, id="move.half_up"),
        Binding("ctrl+d", "page(0.5)", "half a page down", show=False, id="move.half_down"),
        Binding("g,home", "end(-1)", "first", show=False, id="move.first"),
        Binding("G,end", "end(1)", "last", show=False, id="move.last"),
    ]

    def move(self, rows: int) -> None:
        """Move by so many rows, as far as there are any."""
        raise NotImplementedError

    def move_side(self, columns: int) -> None:
        """Move sideways; a pane without width to move in does nothing."""

    def move_to_end(self, last: bool) -> None:
        """Move to the first or to the last row."""
        raise NotImplementedError

    def action_step(self, rows: int) -> None:
        self.move(rows)

    def action_side(self, columns: int) -> None:
        self.move_side(columns)

    def action_page(self, share: float) -> None:
        """Move by a share of what is in view, at least one row."""
        rows = max(1, int(self.size.height * abs(share)) - (abs(share) == 1.0))
        self.move(rows if share > 0 else -rows)

    def action_end(self, direction: int) -> None:
        self.move_to_end(direction > 0)
