"""What an engine does beside running jobs: loaded and started a moment after it, for no job waits for any of it."""

import threading
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import Protocol

BEHIND_S = 0.5  # by then the first containers are on their way; a `treadle run` that is over sooner never loads it


class Part(Protocol):
    """A part on a thread of its own."""

    def start(self) -> object: ...

    def stop(self) -> None: ...


class Beside:
    """Starts, on a thread, what `made` yields, one after the other; `made` loads each when it is asked for it."""

    def __init__(self, made: Callable[[], Iterable[Part]]) -> None:
        self._made = made
        self._started = ExitStack()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="beside", daemon=True)

    def start(self) -> None:
        """Return at once."""
        self._thread.start()

    def stop(self) -> None:
        """Start no further part, and stop those that were, the last one first."""
        self._stopped.set()
        self._thread.join()
        self._started.close()

    def _run(self) -> None:
        if self._stopped.wait(BEHIND_S):
            return
        for part in self._made():
            part.start()
            self._started.callback(part.stop)
            if self._stopped.is_set():
                break
