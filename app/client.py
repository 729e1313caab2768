"""The one door to an engine: HTTP over the home's socket, or over TCP with a token. Synchronous, quick to import.

Any thread may use a client. Whatever the engine refuses comes as ApiError; nobody at the other end is NoEngine.
"""

import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, urlencode, urlsplit

from app.server.sockets import NAME, short_path
from engine.core.errors import EngineError, NoEngine
from pipelines.records import dataclass

API = "/api/v1"
TIMEOUT_S = 30.0
THERE_S = 5.0
SILENCE_S = 40.0  # a stream shows life every 15 s
BACK_S = 1.0
BLOCK_BYTES = 64 * 1024
Query = Mapping[str, str | int | list[int] | list[str] | None]


class Connect(Protocol):
    """Makes a connection, not connected yet, with a timeout in seconds."""

    def __call__(self, timeout_s: float | None) -> http.client.HTTPConnection: ...


class ApiError(EngineError):
    """The engine said no. `status` is HTTP's."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True, slots=True)
class Change:
    """One event of the stream: a transition, and its place in the order of all."""

    sequence: int
    data: Mapping[str, Any]


class Client:
    """Speaks to one engine. `where` is what to call it in messages."""

    def __init__(self, where: str, connect: Connect, token: str | None = None) -> None:
        self.where = where
        self._connect = connect
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    @classmethod
    def of_home(cls, home: Path) -> "Client":
        """Return a client of the engine that runs on a home, over its socket. Nothing is tried yet."""
        return cls.of_socket(str(home), lambda: home / NAME)

    @classmethod
    def of_socket(cls, where: str, path: Callable[[], Path]) -> "Client":
        """Return a client of whoever listens on a socket; its path is asked for anew for every question."""
        return cls(where, lambda timeout_s: _HomeConnection(path(), timeout_s))

    @classmethod
    def of_url(cls, url: str, token: str | None) -> "Client":
        """Return a client of the engine at `http(s)://HOST[:PORT]`. Raises EngineError for what is no such address."""
        parts = urlsplit(url if "://" in url else f"http://{url}")
        try:
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if parts.scheme not in ("http", "https") or not host or parts.path.strip("/"):
            raise EngineError(f"{url!r} is no address of an engine.", "It looks like http://HOST:8484.")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        name = host
        return cls(url, lambda timeout_s: kind(name, port, timeout=timeout_s), token)

    def get(self, path: str, query: Query | None = None) -> Any:
        """Return the JSON answer of `/api/v1` + path."""
        with self._answer("GET", path, query) as response:
            return json.loads(response.read())

    def post(self, path: str, body: Mapping[str, Any] | None = None, query: Query | None = None) -> Any:
        """Ask for something to be done; return the JSON answer. Never asked twice: a lost answer is an error."""
        with self._answer("POST", path, query, body or {}) as response:
            return json.loads(response.read())

    def delete(self, path: str, query: Query | None = None) -> Any:
        """Have something taken away; return the JSON answer. Never asked twice, like `post`."""
        with self._answer("DELETE", path, query) as response:
            return json.loads(response.read())

    def is_there(self) -> bool:
        """Does somebody listen there now? What is asked next may find nobody all the same."""
        connection = self._connect(THERE_S)
        try:
            connection.connect()
        except OSError:
            return False
        finally:
            connection.close()
        return True

    def read(self, path: str, query: Query | None = None, start: int | None = None, end: int | None = None) -> bytes:
        """Return bytes, of a log or a file, from `start` up to `end` (None: its end)."""
        wanted = {} if start is None else {"Range": f"bytes={start}-{'' if end is None else end - 1}"}
        with self._answer("GET", path, query, headers=wanted) as response:
            return response.read()

    def stream(
        self, path: str, query: Query | None = None, timeout_s: float | None = None, start: int = 0
    ) -> Iterator[bytes]:
        """Yield bytes as they come, from byte `start`: a log that is followed, an artifact. Raises NoEngine when the
        line drops."""
        wanted = {"Range": f"bytes={start}-"} if start else {}
        with self._answer("GET", path, query, headers=wanted, timeout_s=timeout_s) as response:
            if start and response.status != 206:
                raise NoEngine(f"What answers at {self.where} gives no part of {path}.")
            while block := response.read1(BLOCK_BYTES):
                yield block

    def changes(
        self,
        after: int | None = None,
        query: Query | None = None,
        stop: threading.Event | None = None,
        line: Callable[[bool], None] = lambda _: None,
    ) -> Iterator[Change]:
        """Yield every change after a sequence number (None: from now on), each once, until `stop` is set.

        A line that drops, also over a restart of the engine, is taken up again where it was; how long that may take is
        the caller's to judge: `line` is told when it is up (True) and that it dropped (False). Raises ApiError when the
        engine refuses.
        """
        stop = stop or threading.Event()
        while not stop.is_set():
            try:
                headers = {} if after is None else {"Last-Event-ID": str(after)}
                with self._answer("GET", "/events", query, headers=headers, timeout_s=SILENCE_S) as response:
                    line(True)
                    for sequence, data in _sse(response):
                        if stop.is_set():
                            return
                        after = sequence
                        if data is not None:
                            yield Change(sequence, json.loads(data))
            except NoEngine:
                pass
            except ApiError as error:
                if error.status != 503:  # it is being stopped, or has too many readers
                    raise
            line(False)
            stop.wait(BACK_S)

    @contextmanager
    def _answer(
        self,
        method: str,
        path: str,
        query: Query | None = None,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = TIMEOUT_S,
    ) -> Iterator[http.client.HTTPResponse]:
        target = quote(_raw(API + path), safe="/") + _query(query or {})
        told = {**self._headers, **(headers or {}), "Connection": "close"}
        text = None
        if body is not None:
            text = json.dumps(body).encode()
            told["Content-Type"] = "application/json"
        connection = self._connect(timeout_s)
        try:
            connection.request(method, target, text, told)
            response = connection.getresponse()
            if response.status >= 400:
                raise ApiError(response.status, _sentence(response))
            yield response
        except (OSError, http.client.HTTPException) as error:
            raise NoEngine(f"No engine answers at {self.where} ({str(error) or type(error).__name__}).") from error
        finally:
            connection.close()


class _HomeConnection(http.client.HTTPConnection):
    """HTTP over the home's socket."""

    def __init__(self, path: Path, timeout_s: float | None) -> None:
        super().__init__("treadle", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        with short_path(self._path) as address:
            self.sock.connect(address)


def _sse(response: http.client.HTTPResponse) -> Iterator[tuple[int, str | None]]:
    """Yield place and data of each event; a bare id only says where the stream stands, and a gap tells no change."""
    place: int | None = None
    data: str | None = None
    gap = False
    for raw in response:
        line = raw.decode().rstrip("\n")
        if line.startswith("id: "):
            place = int(line[4:])
        elif line.startswith("data: "):
            data = line[6:]
        elif line.startswith("event: "):
            gap = line == "event: gap"
        elif not line and place is not None:
            yield place, None if gap else data
            data, gap = None, False


def _raw(text: str) -> bytes:
    """Return a text as bytes: what stands for a byte that is no UTF-8, in a file's name, as that byte."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def _query(query: Query) -> str:
    given = {
        name: _raw(value) if isinstance(value, str) else value for name, value in query.items() if value is not None
    }
    return f"?{urlencode(given, doseq=True)}" if given else ""


def _sentence(response: http.client.HTTPResponse) -> str:
    try:
        return str(json.loads(response.read())["error"])
    except (ValueError, KeyError, TypeError):
        return f"The engine answered {response.status} {response.reason}."
