"""POSTs to a server out there, in bounded time and memory. No redirect is followed: a token goes where it was meant."""

import http.client
import socket
import ssl
from base64 import b64encode
from collections.abc import Mapping
from typing import Self
from urllib.parse import unquote, urlsplit, urlunsplit

from engine.core.errors import EngineError
from engine.forges.statuses import Request
from pipelines.records import dataclass

TIMEOUT_S = 10.0  # for each of: connecting, sending, the next bytes of an answer
LONGEST_ANSWER = 16_384


class Unreachable(EngineError):
    """Nobody answered, or not in the words of HTTP. Whether the request was heard is not known."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: `headers` by lower-case name, the beginning of the body as text."""

    code: int
    headers: Mapping[str, str]
    text: str


class Client:
    """Speaks to one receiver (`scheme://host:port`) and keeps the connection. One thread at a time."""

    def __init__(self, receiver: str, timeout_s: float = TIMEOUT_S) -> None:
        self._hung_up = False
        parts = urlsplit(receiver)
        host = parts.hostname or ""
        if parts.scheme == "https":
            context = ssl.create_default_context()
            self._connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                host, parts.port, timeout=timeout_s, context=context
            )
        else:
            self._connection = http.client.HTTPConnection(host, parts.port, timeout=timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def hang_up(self) -> None:
        """Break off whatever another thread is waiting for here: it gets Unreachable."""
        self._hung_up = True
        if (sock := self._connection.sock) is not None:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it is closed already

    def post(self, request: Request) -> Answer:
        """Send a request to this client's receiver. Raises Unreachable, with a sentence that names no key.

        A kept connection that the server had closed meanwhile is opened anew, once.
        """
        kept = self._connection.sock is not None
        try:
            return self._post(request)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError) as error:
            self.close()
            if not kept or self._hung_up:
                raise Unreachable(_sentence(error)) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            raise Unreachable(_sentence(error)) from None
        try:
            return self._post(request)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            raise Unreachable(_sentence(error)) from None

    def _post(self, request: Request) -> Answer:
        parts = urlsplit(request.url)
        headers = {"Content-Type": "application/json", "User-Agent": "treadle", **request.headers}
        headers |= request.secret_headers
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
            headers["Authorization"] = f"Basic {b64encode(pair).decode()}"
        target = urlunsplit(("", "", parts.path or "/", parts.query, ""))
        self._connection.request("POST", target, request.body, headers)
        response = self._connection.getresponse()
        text = response.read(LONGEST_ANSWER).decode(errors="replace")
        if not response.isclosed():
            self._connection.close()  # the rest of a long answer is not worth waiting for
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, text)


def _sentence(error: Exception) -> str:
    """Say what went wrong without repeating what was sent."""
    if isinstance(error, TimeoutError):
        return f"no answer within {TIMEOUT_S:.0f} s"
    if isinstance(error, ssl.SSLError):
        return f"no trust in its certificate or TLS: {error.reason or 'refused'}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"no answer in HTTP ({type(error).__name__})"
