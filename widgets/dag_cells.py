"""The cells between two columns of boxes: which of them lines run through, and to which sides."""

from collections.abc import Sequence

from widgets.dag_routes import Gap

UP, DOWN, LEFT, RIGHT = 1, 2, 4, 8

# By the sum of the sides that a cell's line leads to.
STROKES = " │││─╯╮┤─╰╭├─┴┬┼"
ASCII_STROKES = " |||-+++-+++-+++"


class Cells:
    """By column and row: column 0 leaves the source, 1 and on are the tracks, the `last` enters the target.

    `bits` tell where each cell's line leads, `bridges` where a vertical leads over a horizontal. `columns` are the
    offsets of the columns of cells, `width` is that of the gap.
    """

    def __init__(self, gap: Gap, row: Sequence[int]) -> None:
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
        """Return where each column of cells begins: apart where a row would show two verticals that meet or touch."""
        if self.last == 1:
            return [0, 0]
        wide = {x for x, y in vertical if (x + 1, y) in vertical and self._touching(x, y)}
        found = [0]
        for x in range(self.last):
            found.append(found[-1] + 1 + (x in wide))
        return found

    def _touching(self, x: int, y: int) -> bool:
        """Does a line lead from this cell to the next on its right, or do lines end here and begin there?"""
        here, there = self.bits[x, y], self.bits[x + 1, y]
        return bool(here & RIGHT or (here & LEFT and there & RIGHT)) or (x, y) in self.bridges
