"""The colours of statuses as component classes, so that every theme, and none, can paint them."""

from typing import ClassVar

from rich.style import Style
from textual.widget import Widget

TOKENS = {
    "pending": "$text-muted",
    "blocked": "$text-secondary",
    "queued": "$text-accent",
    "running": "$text-primary",
    "retrying": "$text-warning",
    "success": "$text-success",
    "failed": "$text-error",
    "timed_out": "$text-error",
    "cancelled": "$text-warning",
    "skipped": "$text-muted",
    "lost": "$text-warning",
}


class StatusStyles(Widget):
    """A widget that paints statuses. Subclasses add their own component classes; Textual gathers both."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"status--{status}" for status in TOKENS} | {"dim", "title", "cursor"}
    DEFAULT_CSS = (
        "\n".join(f"StatusStyles > .status--{status} {{ color: {token}; }}" for status, token in TOKENS.items())
        + """
        StatusStyles > .dim { color: $text-muted; }
        StatusStyles > .title { text-style: bold; }
        StatusStyles > .cursor { text-style: reverse; }
        """
    )

    def status_style(self, status: str) -> Style:
        """Return how text about `status` is painted, background included; an unknown status is dim."""
        return self.get_component_rich_style(f"status--{status}" if status in TOKENS else "dim")
