"""The graph as an outline, for panes too narrow to draw it: one row a job or fold, below one of its needs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from widgets.dag_fold import Node, broken_members, fold
from widgets.dag_graph import dependents, layers, reduced
from widgets.dag_job import DagJob
from widgets.dag_picture import Box, Picture
from widgets.dag_text import title, width_of
from widgets.safe_text import plain

DEEPEST = 8
NAMES = 36
BAR = 10
SHOWN_NEEDS = 3


@dataclass(frozen=True, slots=True)
class _Row:
    node: Node
    lead: str
    parent: int | None
    more: str = ""


def outline(jobs: Sequence[DagJob], opened: Iterable[str] = (), width: int = 80, ascii: bool = False) -> Picture:
    """Return the picture. A job stands once, one step deeper than the deepest of its needs; further needs that this
    one does not imply are told behind it. A closed fold shows its failed members below itself, an opened one all.
    """
    rows = _rows(jobs, frozenset(opened), ascii)
    names = max(
        (len(row.lead) + 2 + width_of(title(row.node, NAMES, ascii, row.node.is_fold)) for row in rows), default=0
    )
    column = min(names, max(width // 2, 12))
    boxes, lines = [], []
    for y, row in enumerate(rows):
        lead = row.lead[: max(column - 6, 0)]
        name = max(column - len(lead) - 2, 1)
        bar = BAR if width >= column + 36 else 0
        boxes.append(Box(len(lead), y, max(width - len(lead), 1), name, True, bar, row.more, row.node.is_fold))
        lines.append(lead)
    return Picture(
        tuple(row.node for row in rows),
        tuple(boxes),
        tuple(lines),
        width,
        (tuple(range(len(rows))),),
        tuple(() if row.parent is None else (row.parent,) for row in rows),
        is_outline=True,
    )


def _rows(jobs: Sequence[DagJob], opened: frozenset[str], ascii: bool) -> list[_Row]:
    by_id = {job.id: job for job in jobs}
    nodes = fold(jobs, pull=False)
    needs = reduced([node.needs for node in nodes])
    layer = layers(needs)
    parents = [max(wanted, key=lambda need: (layer[need], need), default=None) for wanted in needs]
    below: list[list[int]] = dependents([[] if parent is None else [parent] for parent in parents])
    rows: list[_Row] = []
    waiting: list[tuple[int, str, str, int | None]] = [
        (node, "", "", None) for node in reversed([n for n, parent in enumerate(parents) if parent is None])
    ]
    while waiting:
        number, lead, rest, parent = waiting.pop()
        node, here = nodes[number], len(rows)
        others = [nodes[need].label for need in needs[number] if need != parents[number]]
        more = ", ".join(others[:SHOWN_NEEDS]) + (f" and {len(others) - SHOWN_NEEDS} more" if others[3:] else "")
        is_open = node.key in opened
        if node.is_fold and is_open:
            node = Node(node.key, node.label, node.members, node.needs, True)
        rows.append(_Row(node, lead, parent, more))
        if node.is_fold:
            trunk = ("| " if ascii else "│ ") if below[number] else "  "
            shown = node.members if is_open else broken_members(node, by_id)
            rows += [_Row(Node(id, plain(by_id[id].name), (id,), node.needs), f"{rest}{trunk}  ", here) for id in shown]
        branches = _branches(len(below[number]), rest, ascii)
        waiting += reversed([(child, *branch, here) for child, branch in zip(below[number], branches, strict=True)])
    return rows


def _branches(count: int, rest: str, ascii: bool) -> list[tuple[str, str]]:
    """Return for each child what leads to it and what stands before the rows below it."""
    branch, last, pipe = ("|-", "`-", "| ") if ascii else ("├ ", "└ ", "│ ")
    if len(rest) >= 2 * DEEPEST:  # deeper levels share one column, so that names keep their room
        return [(rest, rest)] * count
    return [(rest + branch, rest + pipe)] * (count - 1) + [(rest + last, rest + "  ")] * bool(count)
