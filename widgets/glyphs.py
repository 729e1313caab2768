"""How a status looks: one glyph, one colour and always the word, for every face of the product."""

from typing import NamedTuple


class Look(NamedTuple):
    """`colour` is a name that both SGR and rich know; `word` is the status as people read it."""

    glyph: str
    colour: str
    word: str


LOOKS: dict[str, Look] = {
    "pending": Look("○", "bright_black", "pending"),
    "blocked": Look("◇", "magenta", "blocked"),
    "queued": Look("◌", "cyan", "queued"),
    "running": Look("●", "blue", "running"),
    "retrying": Look("↻", "yellow", "retrying"),
    "success": Look("✓", "green", "success"),
    "failed": Look("✗", "red", "failed"),
    "timed_out": Look("⧖", "red", "timed out"),
    "cancelled": Look("⊘", "yellow", "cancelled"),
    "skipped": Look("–", "bright_black", "skipped"),
    "lost": Look("?", "yellow", "lost"),
}


def look(status: str) -> Look:
    """Return the look of `status`; an unknown one keeps its word and gets a plain dot."""
    return LOOKS.get(status) or Look("·", "white", status)
