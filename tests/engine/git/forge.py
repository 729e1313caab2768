"""A forge on this machine: repositories over HTTP behind a token, by git's own http-backend, and commit statuses."""

import base64
import json
import os
import ssl
import subprocess
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PATIENCE_S = 60.0


class GitForge:
    """Serves the repositories below `root`, such as team/site.git, to whoever shows `token`, which may change."""

    def __init__(self, root: Path, token: str) -> None:
        self.root = root
        self.token = token
        self.statuses: list[tuple[str, dict[str, Any]]] = []  # sha, what was said
        self._news = threading.Condition()
        handler = type("Handler", (_Handler,), {"forge": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def secure(self, certificate: Path, key: Path) -> None:
        """Speak TLS from now on."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # who does not trust us hangs up
        self.url = self.url.replace("http://127.0.0.1", "https://localhost")

    def tell(self, sha: str, said: dict[str, Any]) -> None:
        with self._news:
            self.statuses.append((sha, said))
            self._news.notify_all()

    def until(self, enough: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """Wait until the statuses told are `enough`; return them."""
        with self._news:
            told = self._news.wait_for(lambda: enough([said for _, said in self.statuses]), PATIENCE_S)
            assert told, f"heard only {self.statuses}"
            return [said for _, said in self.statuses]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    forge: GitForge
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._git(b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) or self._chunks()
        if not self.path.startswith("/api/"):
            self._git(body)
        elif self.headers.get("Authorization") != f"token {self.forge.token}":
            self._answer(401, b"{}")
        else:
            self.forge.tell(self.path.rpartition("/")[2], json.loads(body))
            self._answer(201, b"{}")

    def _git(self, body: bytes) -> None:
        said = self.headers.get("Authorization", "")
        if base64.b64decode(said.removeprefix("Basic ")).decode().partition(":")[2] != self.forge.token:
            self._answer(401, b"", {"WWW-Authenticate": 'Basic realm="forge"'})
            return
        path, _, query = self.path.partition("?")
        env = {
            **os.environ, "GIT_PROJECT_ROOT": str(self.forge.root), "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path,
            "QUERY_STRING": query, "REQUEST_METHOD": self.command, "GIT_CONFIG_GLOBAL": "/dev/null",
            "CONTENT_TYPE": self.headers.get("Content-Type", ""), "REMOTE_USER": "ada",
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_CONFIG_COUNT": "2", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*",
            "GIT_CONFIG_KEY_1": "http.receivepack", "GIT_CONFIG_VALUE_1": "false",
        }  # fmt: skip
        done = subprocess.run(["git", "http-backend"], env=env, input=body, capture_output=True, check=True)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self._answer(int(headers.pop("Status", "200").split()[0]), content, headers)

    def _answer(self, code: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(code)
        for name, value in {**(headers or {}), "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def _chunks(self) -> bytes:
        body = b""
        while self.headers.get("Transfer-Encoding") == "chunked" and (size := int(self.rfile.readline(), 16)):
            body += self.rfile.read(size)
            self.rfile.readline()
        return body

    def log_message(self, format: str, *args: object) -> None:
        pass
