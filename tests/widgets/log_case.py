"""A log in memory, and an app that shows it."""

import asyncio
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from textual.app import App, ComposeResult
from textual.message import Message

from tests.widgets.screen import text_of
from widgets.log_pane import LogPane
from widgets.log_source import BLOCK, LogPart, LogStep, Mark, Unavailable

NOON = datetime(2025, 1, 1, 12, tzinfo=UTC)


class MemoryLog:
    """A LogSource whose log is written by the test. `reads` and `parts` tell what was asked."""

    def __init__(self, data: bytes = b"", *, ended: bool = True) -> None:
        self.title = "memory"
        self.data = data
        self.ended = ended
        self.away = ""
        self.places: list[tuple[str, int, int]] = []
        self.reads: list[tuple[int, int]] = []
        self.parts: list[int] = []
        self.hold = False
        self._news = threading.Condition()

    def release(self) -> None:
        """Give what was held back: the whole of a large log."""
        with self._news:
            self.hold = False
            self._news.notify_all()

    def write(self, data: bytes, *, ended: bool = False) -> None:
        with self._news:
            self.data += data
            self.ended = ended
            self._news.notify_all()

    def mark(self, kind: str, step: int = -1, offset: int | None = None) -> None:
        self.places.append((kind, step, len(self.data) if offset is None else offset))

    def step(self, index: int, data: bytes, *, open: bool = False) -> None:
        """Write a whole step; the marks of its lines are found."""
        self.mark("step_begin", index)
        at = len(self.data)
        for line in data.splitlines(keepends=True):
            for command, kind in (("group", "group_begin"), ("endgroup", "group_end"), ("error", "error")):
                if line.startswith(f"##[{command}]".encode()):
                    self.mark(kind, index, at)
            at += len(line)
        self.data += data
        if not open:
            self.mark("step_end", index)

    def part(self, after: int, wait_s: float) -> LogPart:
        self._there()
        with self._news:
            self.parts.append(after)
            if after == 0:
                self._news.wait_for(lambda: not self.hold, 10)
            if wait_s:
                self._news.wait_for(lambda: len(self.data) != after or self.ended or bool(self.away), 0.2)
            size = len(self.data)
            start = min(after, size) // BLOCK * BLOCK
            lines = tuple(self.data.count(b"\n", at, min(at + BLOCK, size)) for at in range(start, size, BLOCK))
            marks = []
            for kind, step, offset in self.places:
                if start <= offset <= size:
                    mid = offset > 0 and self.data[offset - 1 : offset] != b"\n" and kind.startswith("step")
                    marks.append(Mark(kind, step, self.data.count(b"\n", start, offset) + mid, offset))
            return LogPart(start, size, lines, tuple(marks), self.ended)

    def read(self, start: int, end: int) -> bytes:
        self._there()
        self.reads.append((start, end))
        return self.data[start:end]

    def times(self, start: int, end: int) -> tuple[tuple[int, datetime], ...]:
        return tuple((at, NOON + timedelta(seconds=at / 100)) for at in range(start // 100 * 100, end, 100))

    def _there(self) -> None:
        if self.away:
            raise Unavailable(self.away)


class LogApp(App[None]):
    """Shows one log; `heard` are the messages of its pane."""

    ENABLE_COMMAND_PALETTE = False

    def __init__(self, source: MemoryLog | None, steps: tuple[LogStep, ...] = (), *, ascii: bool = False) -> None:
        super().__init__()
        self.pane = LogPane(ascii=ascii)
        self.source, self.steps = source, steps
        self.heard: list[Message] = []

    def compose(self) -> ComposeResult:
        yield self.pane

    def on_mount(self) -> None:
        self.pane.show(self.source, self.steps)
        self.pane.focus()

    def on_log_pane_copied(self, message: LogPane.Copied) -> None:
        self.heard.append(message)

    on_log_pane_save_asked = on_log_pane_pager_asked = on_log_pane_copied

    async def until(self, law: Callable[[], bool]) -> None:
        """Wait for something that a thread brings about."""
        async with asyncio.timeout(10):
            while not law():
                await asyncio.sleep(0.005)

    async def sees(self, *texts: str) -> list[str]:
        """Wait until all texts are on the screen; return its lines."""
        try:
            await self.until(lambda: all(text in "\n".join(text_of(self)) for text in texts))
        except TimeoutError:
            raise AssertionError(f"no {texts} in\n" + "\n".join(text_of(self))) from None
        return text_of(self)
