"""How a status looks: one glyph, one colour and always the word, for every face of the product."""

from typing import NamedTuple


class Look(NamedTuple):
    """`colour` is a name that SGR and rich know; `word` is how people read the status; `ascii` a glyph for any font."""

    glyph: str
    colour: str
    word: str
    ascii: str = "."

    def sign(self, ascii: bool = False) -> str:
        """Return the glyph, of one cell, that a terminal can show."""
        return self.ascii if ascii else self.glyph


LOOKS: dict[str, Look] = {
    "pending": Look("○", "bright_black", "pending", "."),
    "blocked": Look("◇", "magenta", "blocked", "="),
    "queued": Look("◌", "cyan", "queued", "o"),
    "running": Look("●", "blue", "running", "*"),
    "retrying": Look("↻", "yellow", "retrying", "r"),
    "success": Look("✓", "green", "success", "v"),
    "failed": Look("✗", "red", "failed", "x"),
    "timed_out": Look("⧖", "red", "timed out", "!"),
    "cancelled": Look("⊘", "yellow", "cancelled", "c"),
    "skipped": Look("–", "bright_black", "skipped", "-"),
    "lost": Look("?", "yellow", "lost", "?"),
}


def look(status: str) -> Look:
    """Return the look of `status`; an unknown one keeps its word and gets a plain dot."""
    return LOOKS.get(status) or Look("·", "white", status, ".")
