"""A waterfall to scale: what waited, what was tried, what was waited for between tries, and what each step took."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from widgets.columns import fill
from widgets.glyphs import look
from widgets.motions import Motions
from widgets.names import told_apart
from widgets.safe_text import plain
from widgets.seconds import in_words, tick_text
from widgets.status_styles import StatusStyles
from widgets.timeline_scale import Scale, scale

Kind = Literal["waiting", "attempt", "backoff", "step"]
BLOCKS: dict[Kind, tuple[str, str]] = {
    "waiting": ("░", "."),
    "attempt": ("█", "#"),
    "backoff": ("╌", "~"),
    "step": ("▄", "="),
}
TIME_CELLS = 10
MOST_ZOOM = 10


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of time in seconds since the run began; it grows as long as `end_s` is None."""

    kind: Kind
    status: str
    start_s: float
    end_s: float | None = None


@dataclass(frozen=True, slots=True)
class Lane:
    """A job, or a step when `depth` is 1, with its bars in order.

    The one that is `lit` is selected elsewhere: it is kept in view, with the deeper lanes below it. `id` comes back
    with a click.
    """

    label: str
    status: str
    bars: tuple[Bar, ...]
    depth: int = 0
    lit: bool = False
    id: int | None = None


@dataclass(frozen=True, slots=True)
class TimelineProp:
    """All lanes, and how many seconds since the run began it is now."""

    lanes: tuple[Lane, ...] = ()
    now_s: float = 0.0


class TimelinePane(StatusStyles, Motions, ScrollView, can_focus=True):
    """Lanes under an axis of time. Bars that have not ended grow with `now_s`; a click chooses a lane."""

    DEFAULT_CSS = """
    TimelinePane { overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("plus,equals_sign", "zoom(1)", "zoom in", key_display="+", show=False, id="timeline.zoom_in"),
        Binding("minus", "zoom(-1)", "zoom out", key_display="-", show=False, id="timeline.zoom_out"),
    ]
    ascii: reactive[bool] = reactive(False, init=False)

    class Chosen(Message):
        """A click on the lane of this index and id."""

        def __init__(self, index: int, id: int | None) -> None:
            super().__init__()
            self.index, self.id = index, id

    def __init__(self, *, ascii: bool = False, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.set_reactive(TimelinePane.ascii, ascii)
        self._prop = TimelineProp()
        self._scale = Scale(0.0, 1.0, 0)
        self._drawn_width = -1
        self._zoom, self._left_s = 0, 0.0
        self._strips: dict[int, Strip] = {}
        self._names: dict[str, str] = {}  # what labels become in the cells that there are

    def show(self, prop: TimelineProp) -> None:
        """Show these lanes as of `now_s`. Only lanes that look different are painted again."""
        old, self._prop = self._prop, prop
        if [lane.label for lane in old.lanes] != [lane.label for lane in prop.lanes]:
            self.virtual_size = Size(1, len(prop.lanes) + 1)
            self._forget()
            self._reveal()
            return
        if [lane.lit for lane in old.lanes] != [lane.lit for lane in prop.lanes]:
            self._reveal()
        changed = {
            index
            for index, (before, lane) in enumerate(zip(old.lanes, prop.lanes, strict=True))
            if before != lane or (old.now_s != prop.now_s and any(bar.end_s is None for bar in lane.bars))
        }
        if self._drawn_width >= 0 and changed and self._scale_for(self._drawn_width) != self._scale:
            self._forget()
            return
        for index in changed:
            self._strips.pop(index, None)
            if 1 <= (y := index - self.scroll_offset.y + 1) < self.size.height:
                self.refresh(Region(0, y, self.size.width, 1))

    # moving

    def move(self, rows: int) -> None:
        self.scroll_to(y=self.scroll_offset.y + rows, animate=False, force=True)

    def move_to_end(self, last: bool) -> None:
        self.scroll_to(y=self.max_scroll_y if last else 0, animate=False, force=True)

    def move_side(self, columns: int) -> None:
        """Show an earlier or later quarter, when zoomed."""
        self._left_s = self._scale.start_s + columns * (self._scale.end_s - self._scale.start_s) / 4
        self._forget()

    def action_zoom(self, levels: int) -> None:
        """Show half or twice the time around the middle of the view."""
        zoom = max(0, min(MOST_ZOOM, self._zoom + levels))
        middle, seen = (self._scale.start_s + self._scale.end_s) / 2, self._scale.end_s - self._scale.start_s
        self._left_s = middle - seen * 2.0 ** (self._zoom - zoom) / 2
        self._zoom = zoom
        self._forget()

    def on_click(self, event: events.Click) -> None:
        index = event.y - 1 + self.scroll_offset.y
        if event.y >= 1 and index < len(self._prop.lanes):
            event.stop()
            self.post_message(self.Chosen(index, self._prop.lanes[index].id))

    def on_resize(self) -> None:
        self._reveal()

    def _reveal(self) -> None:
        """Bring the lane that is lit into view, with as many as fit of those that belong to it."""
        lanes, top, height = self._prop.lanes, self.scroll_offset.y, self.size.height - 1
        lit = next((index for index, lane in enumerate(lanes) if lane.lit), None)
        if lit is None or height < 1:
            return
        last = lit
        while last + 1 < len(lanes) and lanes[last + 1].depth > lanes[lit].depth:
            last += 1
        if lit < top or last >= top + height:
            self.scroll_to(y=min(lit, max(0, last - height + 1)), animate=False, force=True)

    # painting

    def watch_ascii(self) -> None:
        self._forget()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._strips.clear()

    def _forget(self) -> None:
        self._strips.clear()
        self._drawn_width = -1
        self.refresh()

    def _label_cells(self, width: int) -> int:
        longest = max((len(lane.label) + 2 * lane.depth for lane in self._prop.lanes), default=0) + 3
        return min(longest, max(8, width // 3))

    def _names_for(self, width: int) -> dict[str, str]:
        cells, names = self._label_cells(width) - 3, dict[str, str]()
        for depth in sorted({lane.depth for lane in self._prop.lanes}):
            labels = [plain(lane.label) for lane in self._prop.lanes if lane.depth == depth]
            names |= told_apart(labels, max(1, cells - 2 * depth), self.ascii)
        return names

    def _scale_for(self, width: int) -> Scale:
        bars = [bar for lane in self._prop.lanes for bar in lane.bars]
        live = any(bar.end_s is None for bar in bars)
        longest = max((self._end(bar) for bar in bars), default=0.0)
        room = width - self._label_cells(width) - TIME_CELLS
        return scale(longest, room, live, self._zoom, self._left_s)

    def _end(self, bar: Bar) -> float:
        return max(bar.start_s, self._prop.now_s if bar.end_s is None else bar.end_s)

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        if width != self._drawn_width:
            self._drawn_width, self._scale = width, self._scale_for(width)
            self._strips.clear()
            self._names = self._names_for(width)
        index = y - 1 + self.scroll_offset.y
        if y == 0:
            segments = self._axis()
        elif index < len(self._prop.lanes):
            if index not in self._strips:
                segments = self._lane(self._prop.lanes[index])
                self._strips[index] = Strip(segments).simplify().adjust_cell_length(width, self.rich_style)
            return self._strips[index]
        else:
            segments = []
        return Strip(segments).adjust_cell_length(width, self.rich_style)

    def _axis(self) -> list[Segment]:
        if not self._prop.lanes:
            return []
        line = ""
        for cell, seconds in self._scale.ticks():
            text = tick_text(seconds)
            if cell >= len(line) + bool(line) and cell + len(text) <= self._scale.width:
                line = line.ljust(cell) + text
        gap = " " * self._label_cells(self._drawn_width)
        return [Segment(gap + line, self.get_component_rich_style("dim"))]

    def _lane(self, lane: Lane) -> list[Segment]:
        seen, cells = look(lane.status), self._label_cells(self._drawn_width)
        indent = "  " * lane.depth
        name = fill(self._names[plain(lane.label)], max(0, cells - len(indent) - 3), ascii=self.ascii)
        label = self.get_component_rich_style("title") if lane.lit else self.rich_style
        return [
            Segment(f"{indent}{seen.sign(self.ascii)} ", self.status_style(lane.status)),
            Segment(f"{name} ", label),
            *self._bars(lane.bars),
            Segment(fill(self._took(lane.bars), TIME_CELLS, right=True), self.get_component_rich_style("dim")),
        ]

    def _bars(self, bars: Sequence[Bar]) -> list[Segment]:
        """Return the lane as runs of cells of one style. A bar that has ended wears the glyph of how at its end."""
        empty = self.get_component_rich_style("dim")
        cells: list[tuple[str, Style]] = [(" ", empty)] * self._scale.width
        for at, _ in self._scale.ticks():
            cells[at] = ("|" if self.ascii else "┊", empty)
        for bar in bars:
            first, past = self._scale.cells(bar.start_s, self._end(bar))
            style = self.get_component_rich_style("dim") if bar.kind == "waiting" else self.status_style(bar.status)
            block = BLOCKS[bar.kind][self.ascii]
            cells[first:past] = [(block, style)] * (past - first)
            told = bar.kind in ("attempt", "step") and bar.end_s is not None and bar.end_s <= self._scale.end_s
            if told and past - first > 1:
                cells[past - 1] = (look(bar.status).sign(self.ascii), style)
        return [Segment(text, style) for text, style in cells]

    def _took(self, bars: Sequence[Bar]) -> str:
        """Return how long the work itself took, all tries together."""
        worked = [self._end(bar) - bar.start_s for bar in bars if bar.kind in ("attempt", "step")]
        return in_words(sum(worked)) if worked else ""
