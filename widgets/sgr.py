"""Select Graphic Rendition: which colours the codes in a line of text ask for, as rich styles.

Each line begins plain, for a reader may come to any line first. Blinking and hidden text are shown as they are.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from rich.color import Color
from rich.style import Style

SGR = re.compile(r"\x1b\[([0-9;:]*)m")
TAB = 8
PLAIN = Style.null()
_SWITCHES = {
    1: ("bold", True),
    2: ("dim", True),
    3: ("italic", True),
    4: ("underline", True),
    7: ("reverse", True),
    9: ("strike", True),
    21: ("underline", True),
    23: ("italic", False),
    24: ("underline", False),
    27: ("reverse", False),
    29: ("strike", False),
}


Colour = int | tuple[int, int, int] | None


class Ink(NamedTuple):
    """How text is drawn at one point of a line. A colour is None, an index up to 255, or red-green-blue."""

    fore: Colour = None
    back: Colour = None
    bold: bool = False
    dim: bool = False
    italic: bool = False
    underline: bool = False
    reverse: bool = False
    strike: bool = False


def spans(text: str) -> list[tuple[str, Style]]:
    """Return a line's text in pieces of one style each, without its codes and with tabs expanded."""
    if "\x1b" not in text:
        return [(text.expandtabs(TAB), PLAIN)] if text else []
    ink, column = Ink(), 0
    found: list[tuple[str, Style]] = []
    for number, piece in enumerate(SGR.split(text)):
        if number % 2:
            ink = _after(ink, piece)
        elif piece:
            if "\t" in piece:
                lead = column % TAB
                piece = (" " * lead + piece).expandtabs(TAB)[lead:]
            column += len(piece)
            found.append((piece, _style(ink)))
    return found


@lru_cache(4096)
def _after(ink: Ink, codes: str) -> Ink:
    """Return the ink after a sequence. What is unknown or cut short changes nothing."""
    fields = codes.split(";")
    at = 0
    while at < len(fields):
        field = fields[at]
        at += 1
        if ":" in field:
            ink = _after_colons(ink, field.split(":"))
            continue
        code = int(field) if 0 < len(field) < 4 else 0 if not field else -1
        if code in (38, 48):
            colour, used = _colour(fields[at:])
            at += used
            if colour is not None:
                ink = ink._replace(fore=colour) if code == 38 else ink._replace(back=colour)
        else:
            ink = _after_code(ink, code)
    return ink


def _after_code(ink: Ink, code: int) -> Ink:
    if code == 0:
        return Ink()
    if code == 22:
        return ink._replace(bold=False, dim=False)
    if switch := _SWITCHES.get(code):
        return ink._replace(**{switch[0]: switch[1]})
    if 30 <= code <= 37 or 90 <= code <= 97:
        return ink._replace(fore=code - 30 if code < 90 else code - 82)
    if 40 <= code <= 47 or 100 <= code <= 107:
        return ink._replace(back=code - 40 if code < 100 else code - 92)
    if code == 39:
        return ink._replace(fore=None)
    if code == 49:
        return ink._replace(back=None)
    return ink


def _after_colons(ink: Ink, fields: list[str]) -> Ink:
    """The standard's own way: `4:3` is a kind of underline, `38:5:N` and `38:2:SPACE:R:G:B` are colours."""
    if fields[0] == "4":
        return ink._replace(underline=fields[1] != "0")
    if fields[0] in ("38", "48"):
        rest = fields[1:]
        colour, _ = _colour([rest[0], *rest[-3:]] if rest[0] == "2" and len(rest) > 4 else rest)
        if colour is not None:
            return ink._replace(fore=colour) if fields[0] == "38" else ink._replace(back=colour)
    return ink


def _colour(fields: list[str]) -> tuple[Colour, int]:
    """Return the colour that the fields behind 38 or 48 name, and how many of them it takes."""
    kind = fields[0] if fields else ""
    count = {"5": 1, "2": 3}.get(kind, 0)
    values = [int(field or "0") if len(field) < 4 else 256 for field in fields[1 : 1 + count]]
    if not count or len(values) < count or max(values) > 255:
        return None, 1 + len(values) if count else 0
    return (values[0] if count == 1 else (values[0], values[1], values[2])), 1 + count


@lru_cache(4096)
def _style(ink: Ink) -> Style:
    return Style(
        color=_rich(ink.fore),
        bgcolor=_rich(ink.back),
        bold=ink.bold or None,
        dim=ink.dim or None,
        italic=ink.italic or None,
        underline=ink.underline or None,
        reverse=ink.reverse or None,
        strike=ink.strike or None,
    )


def _rich(colour: Colour) -> Color | None:
    if colour is None:
        return None
    return Color.from_ansi(colour) if isinstance(colour, int) else Color.from_rgb(*colour)
