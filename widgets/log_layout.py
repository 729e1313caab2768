"""Which rows of a log are in view, and which parts of those that are wrapped. Pure: others measure the rows."""

from collections.abc import Callable
from dataclasses import dataclass

Place = tuple[int, int]
"""A row, and which of its parts: 0 but for a row that is wrapped."""


@dataclass(frozen=True, slots=True)
class LogLayout:
    """`count` rows in a view of `height` lines. `parts` measures how many lines a row takes; None: each takes one."""

    count: int
    height: int
    parts: Callable[[int], int] | None = None

    def shown(self, row: int, part: int) -> list[Place]:
        """Return what each line of the view shows, beginning with a part of a row; short at the log's end."""
        if self.parts is None:
            return [(one, 0) for one in range(row, min(row + self.height, self.count))]
        found: list[Place] = []
        while len(found) < self.height and row < self.count:
            found += [(row, one) for one in range(part, self.parts(row))]
            row, part = row + 1, 0
        return found[: self.height]

    def top_for(self, last: int) -> Place:
        """Return what to begin with so that a row ends at the bottom."""
        if self.parts is None:
            return max(0, last + 1 - self.height), 0
        room = self.height
        for row in range(last, -1, -1):
            parts = self.parts(row)
            if parts >= room:
                return row, parts - room
            room -= parts
        return 0, 0
