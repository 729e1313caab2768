"""Which lines of a picture belong to the kin of one node: what it waits for, and what waits for it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from widgets.dag_graph import above, bits
from widgets.dag_job import DagJob
from widgets.dag_picture import Picture, Stroke


@dataclass(frozen=True, slots=True)
class Kin:
    """The nodes above and below one node, itself included, and the cells of the lines between them, by row."""

    nodes: frozenset[int] = frozenset()
    cells: dict[int, frozenset[int]] = field(default_factory=dict)


class Kinship:
    """Who is whose kin in one picture. Kinship is that of the jobs, not of what is drawn: no edge is left out."""

    def __init__(self, picture: Picture, jobs: Sequence[DagJob]) -> None:
        self._picture = picture
        where = {job.id: place for place, job in enumerate(jobs)}
        self._above = above([[where[need] for need in job.needs if need in where] for job in jobs])
        self._members = [sum(1 << where[id] for id in node.members) for node in picture.nodes]

    def of(self, number: int) -> Kin:
        """Return the kin of the node with this number."""
        own = self._members[number]
        up = down = 0
        for place in bits(own):
            up |= self._above[place]
        for place, mask in enumerate(self._above):
            if mask & own:
                down |= 1 << place
        ups = downs = 1 << number
        for other, inside in enumerate(self._members):
            ups |= bool(inside & up) << other
            downs |= bool(inside & down) << other
        cells: dict[int, set[int]] = {}
        for stroke in self._picture.strokes:
            if any((a & ups and b & ups) or (a & downs and b & downs) for a, b in stroke.flows):
                for x, y in _cells(stroke, self._picture.bridges):
                    cells.setdefault(y, set()).add(x)
        return Kin(frozenset(bits(ups | downs)), {y: frozenset(xs) for y, xs in cells.items()})


def line_runs(picture: Picture, row: int, start: int, end: int, kin: Kin) -> Iterator[tuple[str, bool]]:
    """Yield the row's line characters from `start` to `end` in runs that are lit or not; short rows are padded."""
    text = picture.lines[row][start:end].ljust(max(end - start, 0))
    lit = kin.cells.get(row)
    if not lit:
        if text:
            yield text, False
        return
    begin = 0
    for at in range(1, len(text) + 1):
        if at == len(text) or (start + at in lit) != (start + begin in lit):
            yield text[begin:at], start + begin in lit
            begin = at


def _cells(stroke: Stroke, bridges: frozenset[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    if stroke.x == stroke.x_end:
        yield from ((stroke.x, y) for y in range(stroke.y, stroke.y_end + 1))
    else:
        yield from ((x, stroke.y) for x in range(stroke.x, stroke.x_end + 1) if (x, stroke.y) not in bridges)
