"""A picture as plain lines of text; and a whole graph so, by names alone: for reading a workflow before it runs."""

from collections.abc import Sequence

from widgets.dag_fold import Node, fold
from widgets.dag_job import DagJob
from widgets.dag_layout import Room, drawn
from widgets.dag_outline import outline
from widgets.dag_picture import Box, Picture
from widgets.dag_text import width_of


def drawing(jobs: Sequence[DagJob], width: int = 80, ascii: bool = False) -> list[str]:
    """Return the jobs' graph, each job or matrix once, no name cut; an outline where `width` is too narrow for it.

    In the outline a job hangs under one of its needs; further needs that this one does not imply stand behind it.
    """

    def size(node: Node, _: Room) -> Box:
        name = width_of(node.label)
        return Box(0, 0, name, name)

    picture = drawn(fold(jobs, pull=False), size, width, ascii) or outline(jobs, width=width, ascii=ascii)
    texts = []
    for node, box in zip(picture.nodes, picture.boxes, strict=True):
        texts.append(f"{node.label} (+ {box.more})" if box.more else node.label)
    return filled(picture, texts)


def filled(picture: Picture, texts: Sequence[str]) -> list[str]:
    """Return the picture's rows with each node's text in its box."""
    on_row: dict[int, list[tuple[int, str]]] = {}
    for box, text in zip(picture.boxes, texts, strict=True):
        on_row.setdefault(box.y, []).append((box.x, text))
    rows = []
    for y, line in enumerate(picture.lines):
        row, end = "", 0
        for x, text in sorted(on_row.get(y, ())):
            row += f"{line[end:x]:<{x - end}}{text} "
            end = x + width_of(text) + 1
        rows.append((row + line[end:]).rstrip())
    return rows
