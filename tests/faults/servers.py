"""Servers that behave as badly as the network lets them: on this machine, on a port of their own."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

ANSWERS = {
    "500": b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\nConnection: close\r\n\r\noops",
    "cut": b"HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\n"
    b"Content-Length: 100000\r\n\r\n001e# service=git-upload-pack\n",
    "silent": b"",
}


class BadServer:
    """Takes every line. `answer`: what it says to a request, then it hangs up; `silent` says nothing and holds on."""

    def __init__(self, how: str) -> None:
        self.asked = threading.Semaphore(0)
        self._how = how
        self._door = socket.create_server(("127.0.0.1", 0))
        self._lines: list[socket.socket] = []
        self.address = f"127.0.0.1:{self._door.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):  # the door is closed
            while True:
                line, _ = self._door.accept()
                self.asked.release()
                if self._how == "silent":
                    self._lines.append(line)
                    continue
                with line, suppress(OSError):
                    line.recv(1 << 16)
                    line.sendall(ANSWERS[self._how])

    def close(self) -> None:
        self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        for line in self._lines:
            line.close()
        self._thread.join(5)


@contextmanager
def bad_server(how: str) -> Iterator[BadServer]:
    server = BadServer(how)
    try:
        yield server
    finally:
        server.close()
