"""Lines drawn in dots: braille has two by four of them in a cell, a plain character one. Pure."""

from collections.abc import Sequence
from itertools import pairwise

BRAILLE = 0x2800
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bit of each dot, by its row and column within the cell."""


def dots(values: Sequence[float | None], columns: int, rows: int, low: float, high: float) -> set[tuple[int, int]]:
    """Return the dots, as (column, row from the top), of a line through `values` over the whole width.

    A value outside of `low` and `high` is at that edge. None is a gap; a single value is one dot.
    """
    if columns <= 0 or rows <= 0 or not values:
        return set()
    last, steps = max(1, len(values) - 1), columns - 1
    points = [
        None if value is None else (round(index * steps / last), row_of(value, rows, low, high))
        for index, value in enumerate(values)
    ]
    drawn = {point for point in points if point is not None}
    for before, after in pairwise(points):
        if before is not None and after is not None:
            drawn |= _between(before, after)
    return drawn


def row_of(value: float, rows: int, low: float, high: float) -> int:
    """Return the row from the top at which a value is; what is out of range is at an edge."""
    share = (value - low) / (high - low) if high > low else 0.0
    return round((1 - min(1.0, max(0.0, share))) * (rows - 1))


def _between(start: tuple[int, int], end: tuple[int, int]) -> set[tuple[int, int]]:
    steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
    return {
        (
            start[0] + round((end[0] - start[0]) * step / steps),
            start[1] + round((end[1] - start[1]) * step / steps),
        )
        for step in range(steps + 1)
    }


def braille(drawn: set[tuple[int, int]]) -> dict[tuple[int, int], int]:
    """Return the bits of every cell that has dots, as (column, row) of cells."""
    cells: dict[tuple[int, int], int] = {}
    for column, row in drawn:
        cell = column // 2, row // 4
        cells[cell] = cells.get(cell, 0) | DOTS[row % 4][column % 2]
    return cells
