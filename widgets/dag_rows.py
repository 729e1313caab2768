"""On which row each item of a layered graph stands: near its neighbours, in few rows."""

from collections.abc import Sequence
from statistics import median

from widgets.dag_layers import Layered, middles, ordered, parts


def rows(graph: Layered) -> tuple[list[list[int]], list[int]]:
    """Return the columns, each from top to bottom, and each item's row. Parts that do not hang together are stacked;
    no part takes more rows than its longest column has items.
    """
    columns: list[list[int]] = [[] for _ in graph.columns]
    row = [0] * len(graph.after)
    top = 0
    for part in parts(graph):
        found = ordered(graph, list(part.values()))
        standing = _part_rows(graph, found)
        used = {y: number for number, y in enumerate(sorted(set(standing.values())))}
        for item, y in standing.items():
            row[item] = top + used[y]
        top += len(used)
        for place, column in zip(part, found, strict=True):
            columns[place] += column
    return columns, row


def _part_rows(graph: Layered, columns: Sequence[Sequence[int]], sweeps: int = 4) -> dict[int, int]:
    height = max(len(column) for column in columns)
    y: dict[int, float] = {
        item: (height - len(column)) / 2 + row for column in columns for row, item in enumerate(column)
    }
    for sweep in range(sweeps):
        forward = sweep % 2 == 0
        for column in columns if forward else reversed(columns):
            ahead, behind = (graph.before, graph.after) if forward else (graph.after, graph.before)
            first, second = middles(ahead, column, y, median), middles(behind, column, y, median)
            wishes = [
                next((wish for wish in (first[item], second[item]) if wish is not None), y[item]) for item in column
            ]
            for row, (item, wish) in enumerate(zip(column, spread(wishes), strict=True)):
                y[item] = min(max(wish, row), height - len(column) + row)
    found: dict[int, int] = {}
    for column in columns:
        free = 0
        for row, item in enumerate(column):
            found[item] = max(free, min(round(y[item]), height - len(column) + row))
            free = found[item] + 1
    return found


def spread(wishes: Sequence[float]) -> list[float]:
    """Return places in ascending order, at least 1 apart, with the least sum of squared distances to the wishes."""
    blocks: list[tuple[float, int]] = []
    for number, wish in enumerate(wishes):
        mean, size = wish - number, 1
        while blocks and blocks[-1][0] > mean:
            other, count = blocks.pop()
            mean, size = (mean * size + other * count) / (size + count), size + count
        blocks.append((mean, size))
    flat = [mean for mean, size in blocks for _ in range(size)]
    return [mean + number for number, mean in enumerate(flat)]
