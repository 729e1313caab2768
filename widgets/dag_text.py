"""What a node's text says: glyph, name, word and note of a job; word, counts and a small bar of a fold."""

from collections.abc import Mapping
from typing import TypeAlias

from rich.cells import cell_len, set_cell_size

from widgets.dag_fold import Node, shares, status_of
from widgets.dag_job import BROKEN, DONE, DagJob
from widgets.dag_picture import Box
from widgets.glyphs import LOOKS, look
from widgets.names import cut_middle
from widgets.safe_text import plain

Span: TypeAlias = tuple[str, str]
"""Text and its role: a status, or `name`, `critical`, `note`, `late`."""

WORD = max(len(each.word) for each in LOOKS.values())
_BAR = {"success": "█", "failed": "▓", "running": "▒", "pending": "░"}
_ASCII_BAR = {"success": "#", "failed": "x", "running": "=", "pending": "."}


def spans(node: Node, jobs: Mapping[int, DagJob], box: Box, ascii: bool) -> tuple[Span, ...]:
    """Return the node's text, at most `box.width` cells. What does not fit is left out from the end."""
    members = [jobs[id] for id in node.members]
    status = status_of(job.status for job in members)
    seen = look(status)
    name = title(node, box.name, ascii, box.folds)
    role = "critical" if any(job.critical for job in members) else "name"
    pieces = [(f"{seen.sign(ascii)} ", status), (set_cell_size(name, box.name) if box.pad else name, role)]
    room = box.width - sum(cell_len(text) for text, _ in pieces)
    if node.is_fold:
        tail = _fold_tail(members, seen.word, status, box.bar, ascii)
    else:
        tail = _job_tail(members[0], status, room)
    for part in [*tail, ((f"+ {box.more}", "note"),) if box.more else ()]:
        size = sum(cell_len(text) for text, _ in part) + 1
        if part and size <= room:
            pieces += [(" ", "note"), *part]
            room -= size
    return tuple(pieces)


def title(node: Node, cells: int, ascii: bool, marked: bool = False) -> str:
    """Return the node's name, cut in its middle to `cells`; that of a fold can be marked as opened or not."""
    mark = (("v " if ascii else "▾ ") if node.opened else ("> " if ascii else "▸ ")) if marked else ""
    return mark + cut_middle(node.label, max(cells - len(mark), 1), ascii)


def width_of(text: str) -> int:
    """Return the cells that `text` takes in a terminal."""
    return cell_len(text)


def job_width(name: int, note: int) -> int:
    """Return the cells of a job's box whose status may become any: the name, the longest word, a note."""
    return 2 + name + 1 + WORD + (1 + note if note else 0)


def fold_width(name: int, members: int, bar: int) -> int:
    """Return the cells of a fold's box, likewise."""
    return 2 + name + 1 + WORD + 1 + 2 * len(str(members)) + 1 + (bar + 3 if bar else 0)


def bar_text(members: list[DagJob], cells: int, ascii: bool) -> tuple[Span, ...]:
    """Return a bar of `cells` cells and its two ends."""
    chars = _ASCII_BAR if ascii else _BAR
    inside = [(chars[kind] * count, kind) for kind, count in shares((job.status for job in members), cells)]
    return (("[" if ascii else "▕", "note"), *inside, ("]" if ascii else "▏", "note"))


def _job_tail(job: DagJob, status: str, room: int) -> list[tuple[Span, ...]]:
    """Return word and note; the brief note where there is no room for the other, or no other."""
    word = plain(look(status).word)
    note = plain(job.note)
    if not note or cell_len(word) + cell_len(note) + 2 > room:
        note = plain(job.brief)
    return [((word, status),), ((note, "late" if job.late else "note"),) if note else ()]


def _fold_tail(members: list[DagJob], word: str, status: str, bar: int, ascii: bool) -> list[tuple[Span, ...]]:
    total = len(members)
    done = sum(job.status in DONE for job in members)
    broken = sum(job.status in BROKEN for job in members)
    return [
        ((word, status),),
        ((f"{done:>{len(str(total))}}/{total}", "note"),),
        bar_text(members, bar, ascii) if bar else (),
        ((f"{broken}{look('failed').sign(ascii)}", "failed"),) if broken else (),
    ]
