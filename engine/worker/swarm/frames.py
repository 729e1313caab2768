"""What goes over the line of a task: numbered frames up, and down lines with bytes that somebody takes."""

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import field
from pathlib import Path
from typing import Protocol

from engine.core.errors import EngineError
from pipelines.records import dataclass

INLINE_BYTES = 1 << 16  # a file up to this size is sent as it was when it was handed over


class LineBroken(Exception):
    """What came from the box makes no sense, or comes too late: its line is to be closed."""


class Sink(Protocol):
    """Takes the bytes of one frame from the box."""

    left: int

    def write(self, data: memoryview) -> None: ...


@dataclass(slots=True)
class Frame:
    """One thing that the box is to do: a line, and bytes that are `data` or in the file at `path`."""

    seq: int
    words: str
    path: Path | None = None
    data: bytes = b""
    temporary: bool = False

    def blocks(self) -> Iterator[bytes]:
        """Return it as it goes into the line. A file that is not there any more is not wanted any more."""
        if self.path is None:
            yield f"{self.seq} {self.words} {len(self.data)}\n".encode() + self.data
            return
        try:
            fd = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            yield f"{self.seq} del {self.words.split()[1]}\n".encode()
            return
        with os.fdopen(fd, "rb") as file:
            left = os.fstat(fd).st_size
            yield f"{self.seq} {self.words} {left}\n".encode()
            while left and (block := file.read(min(left, INLINE_BYTES))):
                left -= len(block)
                yield block
        if left:
            raise LineBroken("a file became shorter while it was sent")


@dataclass(slots=True)
class Answer:
    """What a script beside the steps came to: `code` is None while it runs, and for ever when the line broke."""

    done: threading.Event = field(default_factory=threading.Event)
    code: int | None = None
    data: bytearray = field(default_factory=bytearray)
    left: int = 0

    def write(self, data: memoryview) -> None:
        self.left -= len(data)
        self.data += data
        if not self.left:
            self.done.set()


def awaited(answer: Answer, look: Callable[[], None], what: str) -> tuple[int, bytes]:
    """Wait for an answer, with `look` called again and again. Raises EngineError when there will be none."""
    while not answer.done.wait(0.05):
        look()
    if answer.code is None:
        raise EngineError(f"{what}: the line to its task broke.")
    return answer.code, bytes(answer.data)
