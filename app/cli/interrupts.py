"""Ctrl-C and its like: raised while nothing has begun yet, then counted, so that what runs is ended in order."""

import signal
import threading
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """While entered, this process's answer to SIGNALS. `news` is set at each one that is counted."""

    def __init__(self) -> None:
        self.count = 0
        self.news = threading.Event()
        self._counting = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> None:
        for number in SIGNALS:
            self._before[number] = signal.signal(number, self._note)

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def hold(self) -> None:
        """From now on count interrupts instead of raising KeyboardInterrupt in the middle of things."""
        self._counting = True

    def _note(self, *_: object) -> None:
        if not self._counting:
            raise KeyboardInterrupt
        self.count += 1
        self.news.set()
