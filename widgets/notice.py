"""What is said when something was done or refused, with the command that does the same."""

from textual.widget import Widget

from widgets.safe_text import plain


def say_done(widget: Widget, sentence: str, twin: str = "") -> None:
    """Say in passing what was done, and how to do it without the terminal UI."""
    widget.notify("\n".join([plain(sentence), *([plain(f"$ {twin}")] if twin else [])]), markup=False)


def say_refused(widget: Widget, reason: str) -> None:
    """Say why something was not done, for long enough to be read."""
    widget.notify(plain(reason), title="Not done", severity="error", timeout=10, markup=False)
