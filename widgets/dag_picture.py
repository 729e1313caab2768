"""A drawn graph: rows of line characters, a box for each node, and which stroke belongs to which edges."""

from dataclasses import dataclass

from widgets.dag_fold import Node


@dataclass(frozen=True, slots=True)
class Box:
    """Where a node's text stands: one row, `width` cells, of which the name may take `name` (and does, if `pad`).

    A fold's bar has `bar` cells; `more` is told last, where there is room. `folds` marks folds as opened or not.
    """

    x: int
    y: int
    width: int
    name: int
    pad: bool = False
    bar: int = 0
    more: str = ""
    folds: bool = False


@dataclass(frozen=True, slots=True)
class Stroke:
    """A straight run of line cells, ends included. `flows` are pairs of sets of nodes: from any to any of them."""

    x: int
    y: int
    x_end: int
    y_end: int
    flows: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """Nodes and boxes go in step; `columns` are the nodes from left to right, in each from top to bottom.

    `needs` are the edges that are drawn. `bridges` are cells (x, y) where a vertical line leads over a horizontal one.
    """

    nodes: tuple[Node, ...]
    boxes: tuple[Box, ...]
    lines: tuple[str, ...]
    width: int
    columns: tuple[tuple[int, ...], ...]
    needs: tuple[tuple[int, ...], ...]
    strokes: tuple[Stroke, ...] = ()
    bridges: frozenset[tuple[int, int]] = frozenset()
    is_outline: bool = False

    @classmethod
    def blank(cls) -> "Picture":
        return cls((), (), (), 0, (), ())

    @property
    def height(self) -> int:
        return len(self.lines)
