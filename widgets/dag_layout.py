"""The graph drawn as text: boxes of one row in columns, lines between them. Knows no status and no widget.

Nodes are layered by their longest way from the start, needs that others imply are left out, and what is too wide
for the pane is tried again with shorter names and notes.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from widgets.dag_fold import Node, fold
from widgets.dag_graph import reduced
from widgets.dag_job import DagJob
from widgets.dag_layers import Layered, layered
from widgets.dag_picture import Box, Picture, Stroke
from widgets.dag_routes import Gap, Net, route
from widgets.dag_rows import rows
from widgets.dag_text import fold_width, job_width, title, width_of

UP, DOWN, LEFT, RIGHT = 1, 2, 4, 8
STROKES = " │││─╯╮┤─╰╭├─┴┬┼"
ASCII_STROKES = " |||-+++-+++-+++"


class Room(NamedTuple):
    """What of a node there is room for: cells of its name, its note and a fold's bar."""

    name: int
    note: int
    bar: int


ROOMS = (Room(40, 7, 8), Room(24, 5, 8), Room(24, 2, 6), Room(16, 2, 4), Room(16, 0, 4), Room(12, 0, 0))


def graph(
    jobs: Sequence[DagJob], opened: Iterable[str] = (), width: int | None = None, ascii: bool = False
) -> Picture | None:
    """Return the jobs' graph with room for every status that may come, or None where `width` is too narrow."""

    def size(node: Node, room: Room) -> Box:
        name = min(width_of(title(node, 400, ascii)), room.name)
        cells = fold_width(name, len(node.members), room.bar) if node.is_fold else job_width(name, room.note)
        return Box(0, 0, cells, name, bar=room.bar)

    return drawn(fold(jobs, opened), size, width, ascii)


def drawn(
    nodes: Sequence[Node], size: Callable[[Node, Room], Box], width: int | None, ascii: bool = False
) -> Picture | None:
    """Return the picture of nodes that are as large as `size` says, or None where `width` is too narrow for it.

    The roomiest of ROOMS that fits is taken; without a `width`, the first.
    """
    needs = reduced([node.needs for node in nodes])
    layers = layered(needs)
    rooms = [[size(node, room) for node in nodes] for room in (ROOMS if width is not None else ROOMS[:1])]
    least = 3 * (len(layers.columns) - 1)
    if width is not None and least + sum(_widths(layers.columns, rooms[-1])) > width:
        return None
    columns, row = rows(layers)
    gaps = [_Gap(layers, gap, row) for gap in route(layers, columns, row)]
    # A step taken for a later gap moves rows of earlier ones, so all are measured at the end.
    spent = sum(gap.width for gap in gaps)
    for boxes in rooms:
        widths = _widths(columns, boxes)
        if width is None or spent + sum(widths) <= width:
            return _Painter(layers, columns, row, gaps, widths, boxes, ascii).picture(tuple(nodes), needs)
    return None


def _widths(columns: Sequence[Sequence[int]], boxes: Sequence[Box]) -> list[int]:
    """Return each column's width: that of its widest box and a space, one cell where only lanes pass."""
    last = len(columns) - 1
    return [
        max((boxes[item].width + (place < last) for item in column if item < len(boxes)), default=1)
        for place, column in enumerate(columns)
    ]


class _Gap:
    """What stands in the cells between two columns: on each row the tracks that a line meets, and how.

    Columns of cells: 0 leaves the source, 1.. are the tracks, the last enters the target.
    """

    def __init__(self, graph: Layered, gap: Gap, row: Sequence[int]) -> None:
        self.nets = gap.nets
        self.last = gap.tracks + 1
        self.bits: dict[tuple[int, int], int] = {}
        self.bridges: set[tuple[int, int]] = set()
        reach: dict[int, int] = {}
        enter: dict[int, int] = {}
        vertical: dict[tuple[int, int], bool] = {}  # whether a net on that track is met on that row
        for net in gap.nets:
            ways = ((net.sources, reach, max), (net.targets, enter, min))
            at = self.last if net.track is None else net.track + 1
            for items, ends, choose in ways:
                for item in items:
                    ends[row[item]] = choose(ends.get(row[item], at), at)
            if net.track is None:
                enter[row[net.targets[0]]] = 0
                continue
            met = sorted({row[item] for item in (*net.sources, *net.targets)})
            for y in range(met[0], met[-1] + 1):
                self.bits[at, y] = (UP if y > met[0] else 0) | (DOWN if y < met[-1] else 0)
                vertical[at, y] = False
            vertical |= dict.fromkeys(((at, y) for y in met), True)
        for y, end in reach.items():
            self._horizontal(y, 0, end, vertical)
        for y, start in enter.items():
            self._horizontal(y, start, self.last, vertical)
        self.columns = self._spaced(vertical)
        self.width = self.columns[-1] + 3

    def _horizontal(self, y: int, start: int, end: int, vertical: dict[tuple[int, int], bool]) -> None:
        for x in range(start, end + 1):
            if vertical.get((x, y)) is False:
                self.bridges.add((x, y))
            else:
                sides = (LEFT if x > start or x == 0 else 0) | (RIGHT if x < end or x == self.last else 0)
                self.bits[x, y] = self.bits.get((x, y), 0) | sides

    def _spaced(self, vertical: dict[tuple[int, int], bool]) -> list[int]:
        """Return where each column of cells begins. A line shows between a bridge and what it meets next."""
        if self.last == 1:
            return [0, 0]
        wide = {
            left for x, y in self.bridges for left in (x - 1, x) if (left, y) in vertical and (left + 1, y) in vertical
        }
        found = [0]
        for x in range(self.last):
            found.append(found[-1] + 1 + (x in wide))
        return found


class _Painter:
    """Puts boxes, lines and strokes in their places."""

    def __init__(
        self, graph: Layered, columns: Sequence[Sequence[int]], row: Sequence[int], gaps: Sequence[_Gap],
        widths: Sequence[int], boxes: Sequence[Box], ascii: bool,
    ) -> None:  # fmt: skip
        self.graph, self.columns, self.row, self.gaps, self.widths, self.boxes = (
            graph,
            columns,
            row,
            gaps,
            widths,
            boxes,
        )
        self.strokes_of = ASCII_STROKES if ascii else STROKES
        self.head = ">" if ascii else "►"
        self.left: list[int] = []
        x = 0
        for place, cells in enumerate(widths):
            self.left.append(x)
            x += cells + (gaps[place].width if place < len(gaps) else 0)
        self.width = x
        self.grid = [[" "] * x for _ in range(max(row, default=-1) + 1)]
        self.strokes: list[Stroke] = []
        self.bridges: set[tuple[int, int]] = set()

    def picture(self, nodes: tuple[Node, ...], needs: Sequence[Sequence[int]]) -> Picture:
        boxes = list(self.boxes)
        for place, column in enumerate(self.columns):
            for item in column:
                x, y = self.left[place], self.row[item]
                if self.graph.is_lane(item):
                    self._run(x, x + self.widths[place] - 1, y)
                    self._stroke(
                        x, y, x + self.widths[place] - 1, y, (self.graph.sources[item], self.graph.targets[item])
                    )
                else:
                    box = self.boxes[item]
                    boxes[item] = Box(x, y, box.width, box.name, box.pad, box.bar)
                    if self.graph.after[item]:
                        self._run(x, x + self.widths[place] - 1, y)
        for place, gap in enumerate(self.gaps):
            self._gap(gap, self.left[place], self.left[place] + self.widths[place])
        return Picture(
            nodes,
            tuple(boxes),
            tuple("".join(cells).rstrip() for cells in self.grid),
            self.width,
            tuple(tuple(item for item in column if not self.graph.is_lane(item)) for column in self.columns),
            tuple(tuple(wanted) for wanted in needs),
            tuple(self.strokes),
            frozenset(self.bridges),
        )

    def _gap(self, gap: _Gap, start: int, x: int) -> None:
        """Paint a gap whose cells begin at `x`, behind the column that begins at `start`."""
        end = x + gap.width - 1
        for (at, y), sides in gap.bits.items():
            cell = x + gap.columns[at]
            self.grid[y][cell] = self.strokes_of[sides]
            if sides & RIGHT:
                self._run(cell + 1, x + gap.columns[at + 1] - 1 if at < gap.last else end, y)
        for at, y in gap.bridges:
            cell = x + gap.columns[at]
            self.grid[y][cell] = self.strokes_of[UP | DOWN]
            self._run(cell + 1, x + gap.columns[at + 1] - 1, y)
            self.bridges.add((cell, y))
        for net in gap.nets:
            for item in net.targets:
                if not self.graph.is_lane(item):
                    self.grid[self.row[item]][end - 1 : end + 1] = self.head, " "
            self._net(net, start, end, None if net.track is None else x + gap.columns[net.track + 1])

    def _net(self, net: Net, start: int, end: int, bus: int | None) -> None:
        """Remember the strokes of a net between `start` and `end` with its bus there."""
        sources, targets = self.graph.sources, self.graph.targets
        taps = [(self.row[item], sources[item], 0) for item in net.sources]
        taps += [(self.row[item], 0, targets[item]) for item in net.targets]
        taps.sort()
        all_sources = all_targets = 0
        for _, one, other in taps:
            all_sources |= one
            all_targets |= other
        for y, one, other in taps:
            if one:
                self._stroke(start, y, end if bus is None else bus, y, (one, all_targets))
            else:
                self._stroke(start if bus is None else bus, y, end, y, (all_sources, other))
        above_sources = above_targets = 0
        for (y, one, other), (below, _, _) in pairwise(taps):
            above_sources |= one
            above_targets |= other
            if bus is not None and y != below:
                down = (above_sources, all_targets & ~above_targets)
                up = (all_sources & ~above_sources, above_targets)
                self._stroke(bus, y, bus, below, down, up)

    def _run(self, start: int, end: int, y: int) -> None:
        for x in range(start, end + 1):
            self.grid[y][x] = self.strokes_of[LEFT | RIGHT]

    def _stroke(self, x: int, y: int, x_end: int, y_end: int, *flows: tuple[int, int]) -> None:
        self.strokes.append(Stroke(x, y, x_end, y_end, tuple(flow for flow in flows if flow[0] and flow[1])))
