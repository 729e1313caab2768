"""Which seconds are in view of a timeline, and in which cells they are. Pure."""

from dataclasses import dataclass
from math import ceil, floor

from widgets.seconds import tick_step

TICK_CELLS = 12
"""The least distance between ticks, so that their texts have room."""


@dataclass(frozen=True, slots=True)
class Scale:
    """`width` cells that stand for the seconds from `start_s` to `end_s`."""

    start_s: float
    end_s: float
    width: int

    def cell(self, at_s: float) -> int:
        """Return the edge, from 0 to `width`, at which an instant is; what is out of view is at an end."""
        share = (at_s - self.start_s) / (self.end_s - self.start_s)
        return min(self.width, max(0, floor(share * self.width + 0.5)))

    def cells(self, start_s: float, end_s: float) -> tuple[int, int]:
        """Return the cells of a bar, first and one past the last; at least one cell if any of it is in view."""
        if end_s < self.start_s or start_s > self.end_s or self.width <= 0:
            return 0, 0
        first = min(self.cell(start_s), self.width - 1)
        return first, max(first + 1, self.cell(end_s))

    def ticks(self) -> list[tuple[int, float]]:
        """Return the cells at which ticks are, with their seconds."""
        step = tick_step(self.end_s - self.start_s, self.width // TICK_CELLS)
        first, last = ceil(self.start_s / step), floor(self.end_s / step)
        at = [(self.cell(number * step), number * step) for number in range(first, last + 1)]
        return [(cell, seconds) for cell, seconds in at if cell < self.width]


def scale(longest_s: float, width: int, live: bool = False, zoom: int = 0, left_s: float = 0.0) -> Scale:
    """Return the scale of a timeline that is `longest_s` long.

    While it is `live` the end is a tick ahead, so that bars grow into free room and seldom all shift at once.
    Each `zoom` halves what is in view; `left_s` is where the view begins, as far as there is anything to see.
    """
    whole = max(longest_s, 1.0)
    if live:
        step = tick_step(whole, max(1, width // TICK_CELLS))
        whole = (floor(whole / step) + 1) * step
    seen = whole / 2**zoom
    left = min(max(0.0, left_s), whole - seen)
    return Scale(left, left + seen, max(0, width))
