"""How a line breaks into rows of a width, counted in cells. Pure."""

from rich.cells import cell_len, chop_cells


def wrap(text: str, width: int) -> list[str]:
    """Return the rows of a line, none wider than `width` cells: broken at blanks where there are any.

    Blanks at a break are left out, those at the beginning of the line stay. An empty line is one empty row.
    """
    rows: list[str] = []
    width = max(1, width)
    while cell_len(text) > width:
        end = _fitting(text, width)
        if text[end] != " ":
            blank = text.rfind(" ", 0, end)
            end = blank if text[: max(0, blank)].strip() else end
        rows.append(text[:end].rstrip())
        text = text[end:].lstrip(" ")
    return [*rows, text] if text or not rows else rows


def _fitting(text: str, width: int) -> int:
    """Return how many characters of `text`, which is too wide, fit; at least one."""
    head = text[: width + 1]
    return width if head.isascii() else max(1, len(chop_cells(head, width)[0]))
