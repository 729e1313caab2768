"""A forge, or whoever hears a webhook: a real HTTP server on this machine that answers as a test tells it to."""

import json
import threading
from collections import deque
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PATIENCE_S = 20.0


@dataclass(frozen=True)
class Heard:
    path: str
    headers: dict[str, str]
    body: Any


class FakeForge:
    """Answers 201 unless `answers` holds others: (code, headers), or None to say nothing until `close`."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.answers: deque[tuple[int, dict[str, str]] | None] = deque()
        self._news = threading.Condition()
        self._closing = threading.Event()
        forge = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with forge._news:
                    forge.heard.append(Heard(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                    answer = forge.answers.popleft() if forge.answers else (201, {})
                    forge._news.notify_all()
                if answer is None:
                    forge._closing.wait(PATIENCE_S)
                    self.close_connection = True
                    return
                code, headers = answer
                said = json.dumps({"message": f"said {self.headers.get('Authorization', '')}"}).encode()
                self.send_response(code)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def until(self, count: int) -> list[Heard]:
        """Wait until so much has been heard; return it all."""
        with self._news:
            assert self._news.wait_for(lambda: len(self.heard) >= count, PATIENCE_S), f"heard {len(self.heard)}"
            return list(self.heard)

    def states(self, sha: str = "") -> list[str]:
        """The states heard, of one commit if it is named, in order; a state told twice in a row counts once."""
        told = [one.body["state"] for one in self.heard if one.path.endswith(sha)]
        return [state for state, before in zip(told, [None, *told], strict=False) if state != before]

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
