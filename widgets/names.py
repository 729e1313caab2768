"""Names in fewer cells than they take, each cut where it says least: in its middle, or where all say the same. Pure."""

import re
from collections.abc import Iterable, Sequence
from itertools import takewhile

from rich.cells import cell_len, set_cell_size

BETWEEN = " ([,/-_"
"""After which a name may be cut off."""
WORD = re.compile("[" + re.escape(BETWEEN) + "]")
LEAST = 3  # cells for what names differ in


def cut_middle(text: str, cells: int, ascii: bool = False) -> str:
    """Return `text`, with its middle replaced by an ellipsis where it is wider than `cells` (at least one)."""
    if cell_len(text) <= cells:
        return text
    front = set_cell_size(text, cells // 2)
    room = cells - 1 - cells // 2
    start = len(text)
    while cell_len(text[start - 1 :]) <= room:
        start -= 1
    back = text[start:]
    return front + ("~" if ascii else "…") + " " * (room - cell_len(back)) + back


def told_apart(names: Iterable[str], cells: int, ascii: bool = False) -> dict[str, str]:
    """Return what each name becomes in at most `cells` cells.

    Where long ones of one first word would become the same, as the jobs of a matrix do, what they share at both ends is
    left out in place of what they differ in.
    """
    found: dict[str, str] = {}
    alike: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        found[name] = cut_middle(name, cells, ascii)
        if cell_len(name) > cells:
            alike.setdefault(WORD.split(name, maxsplit=1)[0], []).append(name)
    for group in alike.values():
        if len({found[name] for name in group}) < len(group):
            found |= _without_shared(group, cells, ascii)
    return found


def _without_shared(group: Sequence[str], cells: int, ascii: bool) -> dict[str, str]:
    mark = "~" if ascii else "…"
    head, tail = _shared(group)
    room = cells - bool(head) - bool(tail)
    if room < LEAST:
        return {}
    return {
        name: mark * bool(head) + cut_middle(name[head : len(name) - tail], room, ascii) + mark * bool(tail)
        for name in group
    }


def _shared(names: Sequence[str]) -> tuple[int, int]:
    """Return how many characters all begin with, and end with, whole words of them."""
    head = _same(names)
    first = names[0]
    while head and first[head - 1] not in BETWEEN:
        head -= 1
    tail = _same([name[head:][::-1] for name in names])
    while tail and first[len(first) - tail] not in f"{BETWEEN})]":
        tail -= 1
    return head, tail


def _same(names: Sequence[str]) -> int:
    return sum(1 for _ in takewhile(lambda chars: len(set(chars)) == 1, zip(*names, strict=False)))
