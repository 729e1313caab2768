"""The last row of a log pane: whether it is followed, where one is, what is searched and filtered."""

from dataclasses import dataclass

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from widgets.safe_text import plain
from widgets.status_styles import StatusStyles


@dataclass(frozen=True, slots=True)
class StatusProp:
    """`follows` None: the log has ended. `there`: is there a log, be it without lines? `more` counts the lines that
    came since it is not followed."""

    follows: bool | None = None
    there: bool = True
    more: int = 0
    line: int = 0
    lines: int = 0
    counted: bool = True
    search: str = ""
    filter: str = ""
    modes: tuple[str, ...] = ()
    trouble: str = ""
    note: str = ""


class LogStatus(StatusStyles):
    """Shows one StatusProp in one row; what matters less goes first when it is narrow."""

    DEFAULT_CSS = "LogStatus { height: 1; width: 1fr; background: $panel; }"

    def __init__(self) -> None:
        super().__init__()
        self._prop = StatusProp()

    def show(self, prop: StatusProp) -> None:
        if prop != self._prop:
            self._prop = prop
            self.refresh()

    def render_line(self, y: int) -> Strip:
        prop, width = self._prop, self.size.width
        base = self.rich_style
        dim = self.get_component_rich_style("dim")
        left = list(self._state(prop))
        for text in (prop.note, prop.search, prop.filter, *prop.modes):
            if text:
                left.append((plain(text), dim))
        place = f"line {prop.line:,} of {prop.lines:,}" if prop.counted else "counting lines"
        right = place if prop.lines else "no lines" if prop.there else "no log"
        while len(left) > 1 and sum(cell_len(text) + 2 for text, _ in left) + cell_len(right) > width:
            left.pop()
        segments = []
        for text, style in left:
            segments += [Segment(text, base + style), Segment("  ", base)]
        room = width - sum(cell_len(text) + 2 for text, _ in left)
        if room >= cell_len(right):
            segments += [Segment(" " * (room - cell_len(right)), base), Segment(right, base + dim)]
        return Strip(segments).adjust_cell_length(width, base)

    def _state(self, prop: StatusProp) -> list[tuple[str, Style]]:
        if prop.trouble:
            return [(plain(prop.trouble), self.status_style("lost"))]
        if not prop.there:
            return []
        title = self.get_component_rich_style("title")
        if prop.follows:
            return [("FOLLOW", title + self.status_style("running"))]
        if prop.follows is None:
            return [("END", title)]
        paused = f"PAUSED +{prop.more:,}" if prop.more else "PAUSED"
        return [(paused, title + self.status_style("retrying"))]
