"""What changes, on its way to the screen: read on a thread of its own, taken in one gulp per frame."""

import threading
from collections import deque

from app.client import Change, Client
from engine.core.errors import EngineError


class Feed:
    """Collects every change of the engine's stream from `begin` on, each once and in order, over any restart.

    `dropped`: the line stood and does not now; `back`: it stands again, which whoever reads this sets to False.
    `problem` is why the engine refuses the stream for good, "" while it does not.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._stop = threading.Event()
        self._changes: deque[Change] = deque()
        self._thread: threading.Thread | None = None
        self.dropped = self.back = False
        self.problem = ""

    def begin(self, after: int) -> None:
        """Start to read behind a sequence number. Only once."""
        self._thread = threading.Thread(target=self._read, args=(after,), name="feed", daemon=True)
        self._thread.start()

    @property
    def begun(self) -> bool:
        return self._thread is not None

    def drain(self) -> list[Change]:
        """Return what came since the last call."""
        return [self._changes.popleft() for _ in range(len(self._changes))]

    def stop(self) -> None:
        """Take nothing more. The thread ends with its line, and never holds the process up."""
        self._stop.set()

    def _read(self, after: int) -> None:
        try:
            for change in self._client.changes(after, stop=self._stop, line=self._line):
                self._changes.append(change)
        except EngineError as error:
            self.problem = str(error)

    def _line(self, up: bool) -> None:
        self.back |= self.dropped and up
        self.dropped = not up
