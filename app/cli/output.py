"""How the commands print: tables, JSON, colours, durations. Results go to stdout, talk to stderr."""

import json
import os
import shutil
import sys
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Any

from app.sgr import SGR
from widgets.glyphs import look
from widgets.safe_text import plain

NARROWEST = 20  # columns that the flexible one of a table keeps while others can go


def colour_wanted(stream: IO[Any]) -> bool:
    """Tell whether `stream` gets colours: a terminal that can, unless NO_COLOR; FORCE_COLOR insists."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM", "") != "dumb"


def paint(text: str, colour: str, on: bool) -> str:
    return f"\x1b[{SGR[colour]}m{text}\x1b[0m" if on and text else text


def status_text(status: str, on: bool) -> str:
    """Return glyph and word of a status, coloured if `on`."""
    shown = look(status)
    return paint(f"{shown.glyph} {shown.word}", shown.colour, on)


def print_json(value: Any) -> None:
    """Print a JSON value: laid out for a person at a terminal, on one line for a program, also one that reads lines."""
    print(json.dumps(value, indent=2 if sys.stdout.isatty() else None))


def print_markdown(text: str) -> None:
    """Print Markdown of anybody's, laid out for a terminal."""
    from rich.console import Console

    from widgets.markdown import document

    Console(no_color=not colour_wanted(sys.stdout)).print(document(text))


def talk(text: str) -> None:
    """Say something to the person that is no result. One whose terminal is gone misses it; what is done goes on."""
    with suppress(OSError):
        print(text, file=sys.stderr)


def width_of(text: str) -> int:
    """Return the columns that plain text takes: two for wide characters, none for combining ones."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def clip(text: str, width: int) -> str:
    """Return `text` in at most `width` columns, an ellipsis where it was cut."""
    if width_of(text) <= width:
        return text
    used, kept = 0, []
    for char in text:
        used += width_of(char)
        if used > width - 1:
            break
        kept.append(char)
    return "".join(kept) + "…" if width > 0 else ""


def terminal_width() -> int | None:
    """Return the columns of the terminal on stdout; None when it is none, for then nothing is cut."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    flexible: int,
    width: int | None,
    colours: bool,
    spare: Sequence[str] = (),
) -> list[str]:
    """Return the lines of a table. When `width` is too small the `flexible` column gives way, then go the `spare` ones.

    A cell that is a status word is shown with its glyph and colour; every cell is made safe to print.
    """
    cells = [[plain(cell) for cell in row] for row in rows]
    shown = [
        [f"{look(c).glyph} {look(c).word}" if header[i] == "STATUS" else c for i, c in enumerate(r)] for r in cells
    ]
    columns = [max([width_of(header[i]), *(width_of(row[i]) for row in shown)]) for i in range(len(header))]
    if width is not None:
        left = width - sum(columns) + columns[flexible] - 2 * (len(columns) - 1)
        if spare and left < min(columns[flexible], NARROWEST):
            gone = header.index(spare[0])
            rows = [[*row[:gone], *row[gone + 1 :]] for row in rows]
            header = [*header[:gone], *header[gone + 1 :]]
            return table(header, rows, flexible - (gone < flexible), width, colours, spare[1:])
        columns[flexible] = max(5, min(columns[flexible], left))
    lines = [paint("  ".join(_pad(name, columns[i]) for i, name in enumerate(header)).rstrip(), "bold", colours)]
    for row, raw in zip(shown, cells, strict=True):
        parts = [_pad(text, columns[i]) for i, text in enumerate(row)]
        parts = [paint(p, look(raw[i]).colour, colours) if header[i] == "STATUS" else p for i, p in enumerate(parts)]
        lines.append("  ".join(parts).rstrip())
    return lines


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]], flexible: str, spare: Sequence[str] = ()) -> None:
    """Print a table, as wide as the terminal is; `flexible` names the column that gives way first."""
    at = header.index(flexible)
    print(*table(header, rows, at, terminal_width(), colour_wanted(sys.stdout), spare), sep="\n")


def _pad(text: str, width: int) -> str:
    text = clip(text, width)
    return text + " " * (width - width_of(text))
