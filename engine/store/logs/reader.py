"""Reading one attempt's log, in whichever form it has by now: by bytes and by steps. Writes nothing."""

import errno
import os
import stat
from pathlib import Path

from engine.core.errors import EngineError
from engine.store.logs.frames import Frames
from engine.store.logs.index import SIZE, Entry, Mark, unpacked
from engine.store.logs.paths import index_path, packed_path


class LogReader:
    """Reads one attempt's log, while it is written or after, plain or compressed. Not for several threads at a time.

    A reader goes on when the log is compressed meanwhile. Raises FileNotFoundError where there never was a log.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd, self._frames = _open(path)
        self._entries: list[Entry] = []

    def __enter__(self) -> "LogReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        os.close(self._fd)

    @property
    def size(self) -> int:
        """How many plain bytes there are by now."""
        return self._frames.size if self._frames else os.fstat(self._fd).st_size

    def read(self, start: int, end: int) -> bytes:
        """Return the bytes from `start` up to `end`, fewer where the log is not that long."""
        if self._frames:
            return self._frames.read(start, end)
        return os.pread(self._fd, max(0, end - start), start)

    def entries(self) -> list[Entry]:
        """Return the index as it is by now, empty where it is gone."""
        try:
            file = index_path(self.path).open("rb")
        except OSError:
            return []
        with file:
            if os.fstat(file.fileno()).st_size < len(self._entries) * SIZE:
                self._entries = []  # a new writer took back what its killed predecessor left half done
            file.seek(len(self._entries) * SIZE)
            self._entries += unpacked(file.read())
        return self._entries

    def steps(self) -> list[int]:
        """Return the steps that have begun, in that order."""
        return [entry.step for entry in self.entries() if entry.mark is Mark.STEP_BEGIN]

    def step_range(self, step: int) -> tuple[int, int]:
        """Return where the step's part of the log starts and ends; it ends at the log's end while the step runs."""
        start = end = None
        for entry in self.entries():
            if entry.step == step and entry.mark is Mark.STEP_BEGIN:
                start = entry.start
            elif entry.step == step and entry.mark is Mark.STEP_END:
                end = entry.start
        if start is None and self.size and not self.entries():
            raise EngineError(
                f"The index {index_path(self.path)} is gone or damaged: nobody knows where a step begins.",
                "Without --step the whole log is shown.",
            )
        if start is None:
            raise EngineError(f"The log has no step {step}.")
        return start, self.size if end is None else end


def _open(path: Path) -> tuple[int, Frames | None]:
    """Open whichever form is there; the plain one may become the compressed one at any moment."""
    try:
        return _open_file(path), None
    except FileNotFoundError:
        fd = _open_file(packed_path(path))
    try:
        return fd, Frames(fd, packed_path(path))
    except EngineError:
        os.close(fd)
        raise


def _open_file(path: Path) -> int:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except NotADirectoryError as error:  # what was its folder is none: it is gone
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path)) from error
    if not stat.S_ISDIR(os.fstat(fd).st_mode):
        return fd
    os.close(fd)
    raise EngineError(f"The log {path} is damaged: a folder is in its place.", "Look for it in a snapshot.")
