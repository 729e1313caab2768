"""Markdown of anybody's as lines to show: headings, lists, tables and code; links as their words and address.

HTML in it is shown by its text alone. Nothing in it can be clicked, fetched, or draw outside of its lines.
"""

import re
from collections.abc import Callable
from io import StringIO
from typing import TYPE_CHECKING

from widgets.safe_text import uncoloured

if TYPE_CHECKING:
    from rich.markdown import Markdown
    from rich.segment import Segment
    from rich.style import Style

LIMIT = 32 * 1024
"""How many characters are laid out at once: more than that nobody reads on a screen."""

_CODE = re.compile(r"(^(?P<fence>`{3,}|~{3,}).*?^(?P=fence)[^\n]*$|`[^`\n]+`)", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_TAG = re.compile(r"</?([A-Za-z][A-Za-z0-9-]*)(?:\s[^<>]*)?/?>")
_BREAKS = {"br", "p", "div", "tr", "table", "li", "ul", "ol", "details", "summary", "pre", "hr", "h1", "h2", "h3", "h4"}
_CELLS = {"td", "th"}
_MARKS = {"b": "**", "strong": "**", "i": "*", "em": "*", "code": "`", "kbd": "`"}


def harmless(text: str) -> str:
    """Return Markdown without control characters, and without HTML but for its text."""
    pieces = _CODE.split(uncoloured(text))
    texts, codes = pieces[::3], [*pieces[1::3], ""]  # between them the fence of each code
    return "".join(_without_tags(text) + (code or "") for text, code in zip(texts, codes, strict=True))


def document(text: str) -> "Markdown":
    """Return harmless Markdown that Rich can print, cut where it is very long."""
    from rich.markdown import Markdown

    if len(text) > LIMIT:
        text = f"{text[:LIMIT]}\n\n*(the rest is left out here)*"
    return Markdown(harmless(text), hyperlinks=False)


def rows(text: str, width: int, styled: "Callable[[Style | None], str]") -> list[list[tuple[str, str]]]:
    """Return Markdown laid out to a width: rows of texts with what `styled` calls their style."""
    from rich.console import Console

    console = Console(width=max(width, 10), color_system=None, legacy_windows=False, file=StringIO())
    lines: list[list[Segment]] = console.render_lines(document(text), pad=False)
    return [[(segment.text, styled(segment.style)) for segment in line if segment.text] for line in lines]


def _without_tags(text: str) -> str:
    def replacement(tag: re.Match[str]) -> str:
        name = tag[1].lower()
        if name in _CELLS:
            return "  "
        if name == "img":
            alt = re.search(r"\balt=[\"']?([^\"'>]*)", tag[0])
            return alt[1] if alt else ""
        return "\n" if name in _BREAKS else _MARKS.get(name, "")

    return _TAG.sub(replacement, _COMMENT.sub("", text)) if "<" in text else text
