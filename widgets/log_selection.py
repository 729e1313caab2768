"""What of a log is selected, by lines and characters of its text rather than of the screen. Pure."""

from collections.abc import Callable, Iterable

from textual.geometry import Offset
from textual.selection import Selection

from widgets.log_painter import NO_END

AT_HAND = 1000
"""How many lines of what is selected are looked at for its text, until somebody has gathered all of it."""


def whole_lines(first: int, last: int) -> Selection:
    """Return the selection of these lines and all between."""
    return Selection(Offset(0, first), Offset(NO_END, last))


class LogSelection:
    """`chosen` is what is selected, both its ends known; None: nothing is."""

    def __init__(self) -> None:
        self.chosen: Selection | None = None
        self._gathered: tuple[Selection, str] | None = None

    def clear(self) -> None:
        self.chosen = None

    def choose(self, selection: Selection, first: int, last: int) -> None:
        """Select; where it begins or ends outside of the log, it does so with the lines `first` and `last` in view."""
        start, end = selection.start or Offset(0, first), selection.end or Offset(NO_END, last)
        self.chosen = Selection(Offset(max(0, start.x), start.y), end)  # before the text is -1

    def gathered(self, selection: Selection, text: str) -> None:
        """Keep the whole text of a selection."""
        self._gathered = selection, text

    def text(
        self, shown: Callable[[int, int], Iterable[tuple[int, int]]], text_of: Callable[[int], str | None]
    ) -> str | None:
        """Return the text that is selected, else as much as is at hand; None where that is nothing.

        `shown(first, last)` gives the ranges of lines in between that are shown, without their ends; `text_of` a line's
        text, None while it is missing.
        """
        chosen = self.chosen
        if chosen is None or chosen.start is None or chosen.end is None:
            return None
        if self._gathered is not None and self._gathered[0] == chosen:
            return self._gathered[1]
        found: list[str] = []
        for begin, end in shown(chosen.start.y, min(chosen.end.y, chosen.start.y + AT_HAND)):
            for line in range(begin, end):
                text, span = text_of(line), self.span(line)
                if text is not None and span is not None:
                    found.append(text[slice(*span)])
        return "\n".join(found) if found else None

    def span(self, line: int) -> tuple[int, int] | None:
        """Return which characters of a line are selected, from and up to; None: none."""
        span = None if self.chosen is None else self.chosen.get_span(line)
        return None if span is None else (span[0], NO_END if span[1] < 0 else span[1])
