"""A laid out graph becomes a picture: characters, boxes, and the strokes that tell which line is whose."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

from widgets.dag_cells import ASCII_STROKES, DOWN, LEFT, RIGHT, STROKES, UP, Cells
from widgets.dag_fold import Node
from widgets.dag_layers import Layered
from widgets.dag_nets import Net
from widgets.dag_picture import Box, Picture, Stroke


class Plan(NamedTuple):
    """Where everything stands but for the widths: `columns` of items, each item's `row`, the `gaps` between columns."""

    graph: Layered
    columns: Sequence[Sequence[int]]
    row: Sequence[int]
    gaps: Sequence[Cells]


class Painter:
    """Puts boxes, lines and strokes in their places. `boxes` know their sizes alone."""

    def __init__(self, plan: Plan, widths: Sequence[int], boxes: Sequence[Box], ascii: bool) -> None:
        self.graph, self.columns, self.row, self.gaps = plan
        self.widths, self.boxes = widths, boxes
        self.strokes_of = ASCII_STROKES if ascii else STROKES
        self.head = ">" if ascii else "►"
        self.left: list[int] = []
        x = 0
        for place, cells in enumerate(widths):
            self.left.append(x)
            x += cells + (self.gaps[place].width if place < len(self.gaps) else 0)
        self.width = x
        self.grid = [[" "] * x for _ in range(max(self.row, default=-1) + 1)]
        self.strokes: list[Stroke] = []
        self.bridges: set[tuple[int, int]] = set()

    def picture(self, nodes: tuple[Node, ...], needs: Sequence[Sequence[int]]) -> Picture:
        """Return it. `needs` are the edges that are drawn."""
        boxes = list(self.boxes)
        for place, column in enumerate(self.columns):
            start, end = self.left[place], self.left[place] + self.widths[place] - 1
            for item in column:
                y = self.row[item]
                if self.graph.after[item]:  # the node's text will cover the line's beginning
                    self._run(start, end, y)
                if self.graph.is_lane(item):
                    self._stroke(start, y, end, y, (self.graph.sources[item], self.graph.targets[item]))
                else:
                    boxes[item] = replace(boxes[item], x=start, y=y)
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

    def _gap(self, gap: Cells, start: int, x: int) -> None:
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
        self.grid[y][start : end + 1] = self.strokes_of[LEFT | RIGHT] * (end + 1 - start)

    def _stroke(self, x: int, y: int, x_end: int, y_end: int, *flows: tuple[int, int]) -> None:
        self.strokes.append(Stroke(x, y, x_end, y_end, tuple(flow for flow in flows if flow[0] and flow[1])))
