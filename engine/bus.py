"""Wake-ups inside one process. Carries no facts: a wake-up only says "look again", the truth is in the store."""

import threading
from typing import Protocol


class Wakeable(Protocol):
    """What can be woken: from any thread, at any time, quickly."""

    def wake(self) -> None: ...


class Listener:
    """What one waiter holds. A wake-up that comes while nobody waits is kept, many of them count as one."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def wake(self) -> None:
        self._event.set()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the next wake-up; return whether one came before the timeout (seconds; None waits for ever)."""
        woken = self._event.wait(timeout_s)
        self._event.clear()
        return woken


class Bus:
    """Topics and who listens to them: inbox, planned, refs, schedule, queue, wishes, news, log, outbox, holds, prune,
    and config (its file may have changed) and settings (they have)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[str, set[Wakeable]] = {}

    def listen(self, *topics: str) -> Listener:
        listener = Listener()
        self.join(listener, *topics)
        return listener

    def join(self, listener: Wakeable, *topics: str) -> None:
        """Have a listener of another kind woken, such as one that waits in an event loop."""
        with self._lock:
            for topic in topics:
                self._listeners.setdefault(topic, set()).add(listener)

    def leave(self, listener: Wakeable) -> None:
        with self._lock:
            for listeners in self._listeners.values():
                listeners.discard(listener)

    def wake(self, *topics: str) -> None:
        with self._lock:
            woken = {listener for topic in topics for listener in self._listeners.get(topic, ())}
        for listener in woken:
            listener.wake()
