"""How the outside reaches into a running attempt: flags that its worker looks at between two looks at the box."""

import threading


class Detached(Exception):
    """The engine stops; the box goes on alone and the next engine takes it up again."""


class Halt:
    """What somebody wants of one running attempt. Setting is safe from any thread, and for good."""

    def __init__(self) -> None:
        self.cancel = threading.Event()  # end it; its always() steps still run
        self.kill = threading.Event()  # end it now
        self.detach = threading.Event()  # leave it to the next engine
        self.lost = threading.Event()  # the lease is gone: stop the box, write nothing
        self.reason = ""

    def ask_cancel(self, reason: str, at_once: bool = False) -> None:
        """Ask to cancel, gently or `at_once`; the reason of the first asker counts."""
        if not self.cancel.is_set():
            self.reason = reason
            self.cancel.set()
        if at_once:
            self.kill.set()
