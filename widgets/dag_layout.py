"""The graph drawn as text: boxes of one row in columns, lines between them. Knows no status and no widget.

Nodes are layered by their longest way from the start, needs that others imply are left out, and what is too wide
for the pane is tried again with shorter names and notes.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from widgets.dag_cells import Cells
from widgets.dag_fold import Node, fold
from widgets.dag_graph import reduced
from widgets.dag_job import DagJob
from widgets.dag_layers import layered
from widgets.dag_paint import Painter, Plan
from widgets.dag_picture import Box, Picture
from widgets.dag_routes import route
from widgets.dag_rows import rows
from widgets.dag_text import fold_width, job_width, width_of


class Room(NamedTuple):
    """What of a node there is room for: cells of its name, its note and a fold's bar."""

    name: int
    note: int
    bar: int


ROOMS = (
    Room(40, 12, 8), Room(24, 7, 8), Room(24, 5, 6), Room(24, 2, 6), Room(16, 2, 4), Room(16, 0, 4), Room(12, 0, 0),
)  # fmt: skip
ANYWAY = ROOMS[3]  # for a graph that is to be drawn though it does not fit


def graph(
    jobs: Sequence[DagJob], opened: Iterable[str] = (), width: int = 400, ascii: bool = False, must: bool = False
) -> Picture | None:
    """Return the jobs' graph with room for every status that may come, or None where `width` is too narrow.

    With `must` it is drawn nevertheless, wider than that.
    """

    def size(node: Node, room: Room) -> Box:
        name = min(width_of(node.label), room.name)
        cells = fold_width(name, len(node.members), room.bar) if node.is_fold else job_width(name, room.note)
        return Box(0, 0, cells, name, bar=room.bar)

    return drawn(fold(jobs, opened), size, width, ascii, must)


def drawn(
    nodes: Sequence[Node], size: Callable[[Node, Room], Box], width: int, ascii: bool = False, must: bool = False
) -> Picture | None:
    """Return the picture of nodes that are as large as `size` says, in the roomiest of ROOMS that fits `width`.

    None when not even the narrowest does; with `must` a middling one then.
    """
    needs = reduced([node.needs for node in nodes])
    layers = layered(needs)

    def boxes(room: Room) -> list[Box]:
        return [size(node, room) for node in nodes]

    if not must and 3 * (len(layers.columns) - 1) + sum(_widths(layers.columns, boxes(ROOMS[-1]))) > width:
        return None
    columns, row = rows(layers)
    plan = Plan(layers, columns, row, [Cells(gap, row) for gap in route(layers, columns, row)])
    spent = sum(gap.width for gap in plan.gaps)
    fitting = (room for room in ROOMS if spent + sum(_widths(columns, boxes(room))) <= width)
    room = next(fitting, ANYWAY if must else None)
    if room is None:
        return None
    found = boxes(room)
    return Painter(plan, _widths(columns, found), found, ascii).picture(tuple(nodes), needs)


def _widths(columns: Sequence[Sequence[int]], boxes: Sequence[Box]) -> list[int]:
    """Return each column's width: that of its widest box and a space, one cell where only lanes pass."""
    last = len(columns) - 1
    return [
        max((boxes[item].width + (place < last) for item in column if item < len(boxes)), default=1)
        for place, column in enumerate(columns)
    ]
