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

    @classmethod
    def of(cls, picture: Picture, number: int, jobs: Sequence[DagJob]) -> "Kin":
        """Return the kin of the node with this number. Kinship is that of the jobs, not of what is drawn."""
        where = {job.id: place for place, job in enumerate(jobs)}
        masks = above([[where[need] for need in job.needs if need in where] for job in jobs])
        own = sum(1 << where[id] for id in picture.nodes[number].members)
        up = down = 0
        for place in bits(own):
            up |= masks[place]
        for place, mask in enumerate(masks):
            if mask & own:
                down |= 1 << place
        ups = downs = 1 << number
        for other, node in enumerate(picture.nodes):
            inside = sum(1 << where[id] for id in node.members)
            ups |= bool(inside & up) << other
            downs |= bool(inside & down) << other
        cells: dict[int, set[int]] = {}
        for stroke in picture.strokes:
            if any((a & ups and b & ups) or (a & downs and b & downs) for a, b in stroke.flows):
                for x, y in _cells(stroke, picture.bridges):
                    cells.setdefault(y, set()).add(x)
        return cls(frozenset(bits(ups | downs)), {y: frozenset(xs) for y, xs in cells.items()})


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
