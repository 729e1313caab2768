"""What is said when something was done or refused, with the command that does the same."""

from textual.widget import Widget


def say_done(widget: Widget, sentence: str, twin: str = "") -> None:
    """Say in passing what was done, and how to do it without the terminal UI."""
    widget.notify(f"{sentence}\n$ {twin}" if twin else sentence, markup=False)


def say_refused(widget: Widget, reason: str) -> None:
    """Say why something was not done, for long enough to be read."""
    widget.notify(reason, title="Not done", severity="error", timeout=10, markup=False)
