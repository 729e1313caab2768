"""Copying from a log: the text of many lines, gathered in a thread, as it is shown and without colours."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual.message import Message
from textual.selection import Selection

from widgets.log_search import Read, whole_lines
from widgets.log_source import LogSource, Unavailable
from widgets.log_text import readable

MOST_LINES = 100_000
MOST_CHARS = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Copy:
    """Which lines: ranges in order, without their ends. Of the first one what is from a column on, of the last up to.

    To be read from `start`, a block's beginning before which there are `line` newlines, up to `end`.
    """

    ranges: Sequence[tuple[int, int]]
    start: int
    line: int
    end: int
    from_column: int = 0
    to_column: int | None = None
    selection: Selection | None = None


class CopyDone(Message, bubble=False):
    """The text is there. `cut`: there would be more of it. `trouble`: there is none, and why."""

    def __init__(self, copy: Copy, text: str, lines: int, cut: bool, trouble: str = "") -> None:
        super().__init__()
        self.copy, self.text, self.lines, self.cut, self.trouble = copy, text, lines, cut, trouble


def gather(source: LogSource, copy: Copy, post: Callable[[Message], object]) -> None:
    """Gather in the background; `post` gets a CopyDone."""

    def work() -> None:
        try:
            post(CopyDone(copy, *copied(source.read, copy)))
        except Unavailable as error:
            post(CopyDone(copy, "", 0, False, str(error)))

    threading.Thread(target=work, name="log-copy", daemon=True).start()


def copied(read: Read, copy: Copy) -> tuple[str, int, bool]:
    """Return the text, how many lines it has, and whether it was cut at the limit."""
    found: list[str] = []
    chars = number = 0
    for part in whole_lines(read, copy.start, copy.end, copy.line, skip=copy.start > 0):
        texts = readable(part.data).split("\n")
        while number < len(copy.ranges) and copy.ranges[number][0] < part.line + len(texts):
            first, end = copy.ranges[number]
            some = texts[max(0, first - part.line) : max(0, end - part.line)]
            found += some
            chars += sum(map(len, some))
            if end > part.line + len(texts):
                break
            number += 1
        if number == len(copy.ranges) or len(found) > MOST_LINES or chars > MOST_CHARS:
            break
    cut = len(found) > MOST_LINES or chars > MOST_CHARS
    del found[MOST_LINES:]
    if found and copy.to_column is not None and not cut:
        found[-1] = found[-1][: copy.to_column]
    if found:
        found[0] = found[0][copy.from_column :]
    return "\n".join(found)[:MOST_CHARS], len(found), cut
