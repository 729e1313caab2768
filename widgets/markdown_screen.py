"""Markdown over the screen, laid out to its width: the summaries that steps wrote."""

import asyncio
from typing import TYPE_CHECKING

from widgets.markdown import rows
from widgets.text_body import TextBody, Words
from widgets.text_screen import TextScreen

if TYPE_CHECKING:
    from rich.style import Style


class MarkdownScreen(TextScreen):
    """Scrolled, searched and copied as any text. `parts` are texts, each under a heading of its own."""

    def __init__(self, title: str, parts: tuple[tuple[str, str], ...], *, twin: str = "", ascii: bool = False) -> None:
        super().__init__(title, "\n\n".join(f"{head}\n\n{text}" for head, text in parts), twin=twin, ascii=ascii)
        self._parts = parts
        self._width = 0

    def on_mount(self) -> None:
        self.call_after_refresh(self._lay_out)

    def on_resize(self) -> None:
        self.call_after_refresh(self._lay_out)

    async def _lay_out(self) -> None:
        body = self.query_one(TextBody)
        width = body.scrollable_content_region.width
        if width and width != self._width:
            self._width = width
            body.show(await asyncio.to_thread(lines_of, self._parts, width))


def lines_of(parts: tuple[tuple[str, str], ...], width: int) -> list[list[Words]]:
    """Return texts laid out to a width, each under its heading."""
    lines: list[list[Words]] = []
    for head, text in parts:
        lines += [[Words("")]] if lines else []
        lines.append([Words(head, "title")])
        for row in rows(text, width, _style):
            lines.append([Words(piece, style) for piece, style in row] or [Words("")])
    return lines


def _style(style: "Style | None") -> str:
    """Return which of the theme's styles stands for one of Rich's."""
    if style is None:
        return ""
    if style.color is not None or style.bgcolor is not None:
        return "key"
    return "title" if style.bold else "dim" if style.dim or style.italic else ""
