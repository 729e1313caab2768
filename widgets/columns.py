"""How columns share a width, and how a text is cut to exactly as many cells as it has. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

GAP = 1
LEAST = 12
"""What a column that shares the rest should keep before others are dropped for it, unless it says more."""


@dataclass(frozen=True, slots=True)
class Column:
    """`width` in cells, None shares the rest. `drop` says who goes first when it is narrow: 1, then 2 …; 0 never.

    One that shares the rest has others dropped for it until it has its `least`. `middle`: its texts differ most at
    their ends, so they are cut in the middle.
    """

    key: str
    title: str
    width: int | None = None
    right: bool = False
    drop: int = 0
    least: int = LEAST
    middle: bool = False


def fit(columns: Sequence[Column], width: int) -> tuple[int, ...]:
    """Return each column's width in cells, 0 for one that is dropped; gaps included they never exceed `width`.

    Columns that share the rest get equal parts of it. Where even those that are never dropped find no room, the
    sharing ones shrink, then the last ones are cut.
    """
    kept = list(range(len(columns)))
    for index in sorted((i for i in kept if columns[i].drop), key=lambda i: (columns[i].drop, -i)):
        if _needed(columns, kept) <= width:
            break
        kept.remove(index)
    room = max(0, width - GAP * (len(kept) - 1))
    sharing = [i for i in kept if columns[i].width is None]
    fixed = {i: wide for i in kept if (wide := columns[i].width) is not None}
    share, over = divmod(max(len(sharing), room - sum(fixed.values())), len(sharing)) if sharing else (0, 0)
    widths = [0] * len(columns)
    for index in kept:
        wanted = fixed[index] if index in fixed else share + (sharing.index(index) < over)
        widths[index] = max(0, min(wanted, room))
        room -= widths[index]
    return tuple(widths)


def _needed(columns: Sequence[Column], kept: Sequence[int]) -> int:
    ones = (columns[i] for i in kept)
    return sum(one.least if one.width is None else one.width for one in ones) + GAP * (len(kept) - 1)


def cut(text: str, width: int, ascii: bool = False) -> str:
    """Return `text`, or as much of its beginning as fits into `width` cells with a mark that there is more."""
    if cell_len(text) <= width:
        return text
    if width <= 0:
        return ""
    return set_cell_size(text, width - 1).rstrip() + ("~" if ascii else "…")


def fill(text: str, width: int, right: bool = False, ascii: bool = False) -> str:
    """Return `text` in exactly `width` cells, cut or padded."""
    text = cut(text, width, ascii)
    space = " " * (width - cell_len(text))
    return space + text if right else text + space
