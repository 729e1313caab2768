"""Wake-ups inside one process. Carries no facts: a wake-up only says "look again", the truth is in the store."""

import threading


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
    """Topics and who listens to them. Topics in use: schedule, queue, wishes, news, log."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[str, set[Listener]] = {}

    def listen(self, *topics: str) -> Listener:
        listener = Listener()
        with self._lock:
            for topic in topics:
                self._listeners.setdefault(topic, set()).add(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        with self._lock:
            for listeners in self._listeners.values():
                listeners.discard(listener)

    def wake(self, *topics: str) -> None:
        with self._lock:
            woken = {listener for topic in topics for listener in self._listeners.get(topic, ())}
        for listener in woken:
            listener.wake()
