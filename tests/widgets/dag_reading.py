"""Reading a drawn graph the way a person does: follow the line from a box to the right, never back to the left."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from hypothesis import strategies as st

from widgets.dag_drawing import filled
from widgets.dag_job import DagJob
from widgets.dag_picture import Picture
from widgets.dag_text import spans

STATUSES = ("pending", "queued", "running", "retrying", "success", "failed", "timed_out", "cancelled", "skipped")

UP, DOWN, LEFT, RIGHT = (0, -1), (0, 1), (-1, 0), (1, 0)
OPENINGS = {
    "─": {LEFT, RIGHT}, "│": {UP, DOWN}, "╰": {UP, RIGHT}, "╯": {UP, LEFT}, "╭": {DOWN, RIGHT}, "╮": {DOWN, LEFT},
    "├": {UP, DOWN, RIGHT}, "┤": {UP, DOWN, LEFT}, "┬": {LEFT, RIGHT, DOWN}, "┴": {LEFT, RIGHT, UP},
    "┼": {UP, DOWN, LEFT, RIGHT}, "►": {LEFT},
}  # fmt: skip


@st.composite
def graphs(draw, most=14, groups=True):
    """Jobs whose needs are among those before them, some of them cells of matrices."""
    size = draw(st.integers(1, most))
    jobs = []
    for id in range(size):
        needs = draw(st.sets(st.integers(0, id - 1), max_size=4)) if id else set()
        group = draw(st.sampled_from([None, None, "a", "b"])) if groups else None
        status = draw(st.sampled_from(STATUSES))
        jobs.append(DagJob(id, group or f"j{id}", f"job-{id}", status, "12s", tuple(sorted(needs)), group))
    return tuple(jobs)


def painted(picture: Picture, jobs: Iterable[DagJob], ascii: bool = False) -> list[str]:
    """The picture's rows with all that its nodes say."""
    by_id = {job.id: job for job in jobs}
    texts = []
    for node, box in zip(picture.nodes, picture.boxes, strict=True):
        texts.append("".join(text for text, _ in spans(node, by_id, box, ascii)))
    return filled(picture, texts)


def reached(picture: Picture, number: int) -> set[int]:
    """The nodes that the lines leaving a box on its right lead to.

    One follows the box's own line to the right, turns up or down where it branches, turns right onto any line but one
    that comes from another box, and follows that to its arrow, or to a lane, which is then one's own line.
    """
    starts = {(box.x - 2, box.y): other for other, box in enumerate(picture.boxes)}
    columns = sorted({box.x for box in picture.boxes})
    waiting: list[tuple[int, int, tuple[int, int], str]] = [
        (picture.boxes[number].x, picture.boxes[number].y, RIGHT, "own")
    ]
    seen, found = set(), set()
    while waiting:
        here = waiting.pop()
        x, y, way, line = here
        char = _char(picture, x, y)
        if here in seen or char == " ":
            continue
        seen.add(here)
        if char == "►":
            found.add(starts[x, y])
            continue
        if x in columns:
            line = "own"
        if (x, y) in picture.bridges:
            ways = {way}
        else:
            assert (-way[0], -way[1]) in OPENINGS[char], f"a line ends at {x}, {y}"
            ways = OPENINGS[char] - {LEFT, (-way[0], -way[1])}
        if line == "target":
            ways &= {RIGHT}
        elif line == "bus" and _comes_from_a_box(picture, x, y, columns) and not _leads_across(picture, x, y, columns):
            ways -= {RIGHT}
        for dx, dy in ways:
            turned = "own" if line == "own" and dy == 0 else "bus" if dy else "target"
            waiting.append((x + dx, y + dy, (dx, dy), turned))
    return found


def _char(picture: Picture, x: int, y: int) -> str:
    line = picture.lines[y]
    return line[x] if x < len(line) else " "


def _comes_from_a_box(picture: Picture, x: int, y: int, columns: Sequence[int]) -> bool:
    while x not in columns:
        if (x, y) not in picture.bridges and LEFT not in OPENINGS.get(_char(picture, x, y), ()):
            return False
        x -= 1
    return True


def _leads_across(picture: Picture, x: int, y: int, columns: Sequence[int]) -> bool:
    while x not in columns and (char := _char(picture, x, y)) != "►":
        if (x, y) not in picture.bridges and RIGHT not in OPENINGS.get(char, ()):
            return False
        x += 1
    return True


def edges(picture: Picture) -> set[tuple[int, int]]:
    return {(need, node) for node, needs in enumerate(picture.needs) for need in needs}


def overlaps(spans: Sequence[tuple[int, int, int]]) -> bool:
    """Do any two of (row, start, end) share a cell?"""
    ordered = sorted(spans)
    return any(a[0] == b[0] and a[2] > b[1] for a, b in pairwise(ordered))
