"""Values over time as lines of dots under a target: how latency percentiles went, in as many cells as there are."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import ClassVar, Literal, NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from textual.geometry import Size
from textual.reactive import reactive
from textual.strip import Strip

from widgets.columns import cut, fill
from widgets.plot_dots import BRAILLE, braille, dots, row_of
from widgets.safe_text import plain
from widgets.seconds import in_words, tick_step, tick_text
from widgets.status_styles import StatusStyles

LINES = 3
"""How many series have a colour of their own; ASCII marks follow the same order."""
MARKS = "*+x"


@dataclass(frozen=True, slots=True)
class Series:
    """Values at equal distances in time, oldest first; None where nothing was measured."""

    name: str
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class PlotProp:
    """What to plot. The first series is drawn above the others. `since` and `until` are the texts at the ends.

    `unit` is seconds, or a share of 1 shown in percent; `low` is the value at the bottom.
    """

    title: str = ""
    series: tuple[Series, ...] = ()
    target: float | None = None
    unit: Literal["s", "%"] = "s"
    low: float = 0.0
    since: str = ""
    until: str = "now"

    @property
    def values(self) -> list[float]:
        return [value for series in self.series for value in series.values if value is not None]

    @property
    def high(self) -> float:
        """The round value at the top, above all values and the target."""
        if self.unit == "%":
            return 1.0
        most = max([*self.values, self.target or 0.0, 0.1])
        step = tick_step(most, 4)
        return ceil(most / step) * step

    def said(self, value: float) -> str:
        """Return a value in words."""
        return f"{value:.1%}".replace(".0%", "%").replace("%", " %") if self.unit == "%" else in_words(value)

    def ticked(self, value: float) -> str:
        """Return a value as it stands at an axis."""
        return self.said(value) if self.unit == "%" else tick_text(value)


class Painted(NamedTuple):
    """A cell of the chart: its character and the component class that paints it."""

    char: str
    style: str


def chart(prop: PlotProp, width: int, height: int, ascii: bool = False) -> list[list[Painted]]:
    """Return `height` rows of `width` cells: the series as dots, the target as a broken line behind them."""
    grid = [[Painted(" ", "")] * width for _ in range(height)]
    if height <= 0 or width <= 0:
        return grid
    low, high = prop.low, prop.high
    fine = 1 if ascii else 4
    if prop.target is not None and low <= prop.target <= high:
        grid[row_of(prop.target, height * fine, low, high) // fine] = [Painted("-" if ascii else "╌", "target")] * width
    bits: dict[tuple[int, int], int] = {}
    for index, series in reversed(list(enumerate(prop.series))):
        style = f"line-{index % LINES}"
        if ascii:
            for column, row in dots(series.values, width, height, low, high):
                grid[row][column] = Painted(MARKS[index % LINES], style)
        else:
            for (column, row), bit in braille(dots(series.values, width * 2, height * 4, low, high)).items():
                bits[column, row] = bits.get((column, row), 0) | bit
                grid[row][column] = Painted(chr(BRAILLE | bits[column, row]), style)
    return grid


class Plot(StatusStyles):
    """A chart with a legend that tells the last values, an axis of values and one of time."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"line-0", "line-1", "line-2", "target"}
    DEFAULT_CSS = """
    Plot { height: 1fr; min-height: 5; }
    Plot > .line-0 { color: $text-primary; }
    Plot > .line-1 { color: $text-warning; }
    Plot > .line-2 { color: $text-muted; }
    Plot > .target { color: $text-success; }
    """
    ascii: reactive[bool] = reactive(False, init=False)

    def __init__(self, *, ascii: bool = False, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.set_reactive(Plot.ascii, ascii)
        self._prop = PlotProp()
        self._drawn: list[Strip] = []
        self._drawn_size = Size(-1, -1)

    def show(self, prop: PlotProp) -> None:
        if prop != self._prop:
            self._prop = prop
            self._forget()

    def watch_ascii(self) -> None:
        self._forget()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._drawn_size = Size(-1, -1)

    def _forget(self) -> None:
        self._drawn_size = Size(-1, -1)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        if self.size != self._drawn_size:
            self._drawn_size = self.size
            self._drawn = [self._strip(line) for line in self._lines(*self.size)]
        return self._drawn[y] if y < len(self._drawn) else self._strip([])

    def _strip(self, cells: Sequence[Painted]) -> Strip:
        base = self.rich_style
        segments = [Segment(text, self.get_component_rich_style(style) if style else base) for text, style in cells]
        return Strip(segments).simplify().adjust_cell_length(self.size.width, base)

    def _lines(self, width: int, height: int) -> list[list[Painted]]:
        prop = self._prop
        if not prop.values:
            return [[Painted(plain(prop.title), "title")], [Painted("nothing measured yet", "dim")]]
        rows = max(1, height - 3)
        labels = self._labels(rows)
        beside = max(map(cell_len, labels.values()))
        room = max(0, width - beside - 2)
        rule, knot, corner, flat = "|++-" if self.ascii else "│┤└─"
        lines = [self._legend()]
        for row, cells in enumerate(chart(prop, room, rows, self.ascii)):
            label = labels.get(row, "")
            lines.append([Painted(fill(label, beside, right=True) + f" {knot if label else rule}", "dim"), *cells])
        lines.append([Painted(" " * (beside + 1) + corner + flat * room, "dim")])
        until = cut(plain(prop.until), room)
        since = fill(plain(prop.since), max(0, room - cell_len(until)), ascii=self.ascii)
        lines.append([Painted(" " * (beside + 2) + since + until, "dim")])
        return lines

    def _labels(self, rows: int) -> dict[int, str]:
        """Return what stands at which row: the target, and the top and the bottom, which go before it."""
        prop, fine = self._prop, 1 if self.ascii else 4
        labels: dict[int, str] = {}
        if prop.target is not None and prop.low <= prop.target <= prop.high:
            labels[row_of(prop.target, rows * fine, prop.low, prop.high) // fine] = prop.ticked(prop.target)
        return labels | {rows - 1: prop.ticked(prop.low), 0: prop.ticked(prop.high)}

    def _legend(self) -> list[Painted]:
        prop = self._prop
        pieces = [Painted(f"{plain(prop.title)}  ", "title")] if prop.title else []
        for index, series in enumerate(prop.series):
            last = next((value for value in reversed(series.values) if value is not None), None)
            mark = MARKS[index % LINES] if self.ascii else "▪"
            said = "" if last is None else f" {prop.said(last)}"
            pieces.append(Painted(f"{mark} {plain(series.name)}{said}  ", f"line-{index % LINES}"))
        if prop.target is not None:
            pieces.append(Painted(f"{'--' if self.ascii else '╌╌'} target {prop.said(prop.target)}", "target"))
        return pieces
