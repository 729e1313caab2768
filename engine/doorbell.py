"""How another process tells the engine of a home to look at the store again. Carries no facts, like the bus."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.made_again import make_way

NAME = "treadle.bell"
LONGEST = 100  # bytes of a socket's path; Linux takes 107


def ring(home: Path) -> bool:
    """Wake the engine of this home; return whether one heard it. Without an engine the store keeps the wish."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bell, _address(home) as address:
            bell.setblocking(False)
            bell.sendto(b"!", address)
    except BlockingIOError:
        return True  # rings enough lie there unheard; one more says nothing new
    except OSError:
        return False
    return True


class Doorbell:
    """Listens on `<home>/treadle.bell` (0600) and calls `heard` from its own thread."""

    def __init__(self, home: Path, heard: Callable[[], None]) -> None:
        self._path = home / NAME
        self._heard = heard
        self._stopped = threading.Event()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        make_way(self._path)
        with _address(home) as address:
            self._socket.bind(address)
        self._path.chmod(0o600)
        self._thread = threading.Thread(target=self._run, name="doorbell", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread, also when the socket's file is gone
        self._thread.join()
        self._socket.close()
        self._path.unlink(missing_ok=True)

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._socket.recv(16)
            if not self._stopped.is_set():
                self._heard()


@contextmanager
def _address(home: Path) -> Iterator[str]:
    """Yield a path to the socket that is short enough for the kernel, however deep the home lies."""
    plain = str(home / NAME)
    if len(os.fsencode(plain)) <= LONGEST:
        yield plain
        return
    folder = os.open(home, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{NAME}"
    finally:
        os.close(folder)
