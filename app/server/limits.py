"""How much of everything a caller may send, hold and delay. Nobody is believed before a token or a signature."""

import asyncio
import re
from collections.abc import Callable

from aiohttp import ClientError, web
from aiohttp.http_exceptions import HttpProcessingError

from app.server.answers import AGAIN_S, Refusal

CONNECTIONS = 1000
HEADER_LINE_BYTES = 8190
HEADERS = 100
IDLE_S = 75.0  # from a connection's begin, or its last answer, to a whole request head
BODY_S = 30.0
LINGER_S = 5.0
JSON_BYTES = 1 << 20
HELD_BYTES = 128 << 20  # bodies in memory, all callers together
HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9_.-]{1,253})(?::[0-9]{1,5})?")


class Bodies:
    """Bodies that are being read and worked on; together they stay within `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.held = 0

    async def read(self, request: web.Request, limit: int) -> bytes:
        """Return a request's body, as it came. The caller gives it back with `give_back`. Raises Refusal."""
        if (request.content_length or 0) > limit:
            raise Refusal(413, f"The body is larger than the limit of {limit} bytes.", close=True)
        chunks: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(BODY_S):
                async for chunk in request.content.iter_any():
                    size += len(chunk)
                    self.held += len(chunk)
                    chunks.append(chunk)
                    if size > limit:
                        raise Refusal(413, f"The body is larger than the limit of {limit} bytes.", close=True)
                    if self.held > max(self._limit, 2 * limit):
                        busy = "Too much is being received at the moment."
                        raise Refusal(503, busy, {"Retry-After": str(AGAIN_S)}, close=True)
        except BaseException as error:
            self.held -= size
            if isinstance(error, TimeoutError):
                raise Refusal(408, f"The body did not come within {BODY_S:.0f} s.", close=True) from None
            if isinstance(error, web.RequestPayloadError | HttpProcessingError | ClientError):
                raise Refusal(400, "The body is not what its head says, or breaks off.", close=True) from None
            raise
        return b"".join(chunks)

    def give_back(self, body: bytes) -> None:
        self.held -= len(body)


class Crowded(asyncio.Protocol):
    """What a connection too many gets: one line, and its end."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        head = f"HTTP/1.1 503 Service Unavailable\r\nRetry-After: {AGAIN_S}\r\nConnection: close\r\n"
        transport.write(f"{head}Content-Length: 0\r\n\r\n".encode())
        transport.close()


def door(server: web.Server, limit: int = CONNECTIONS) -> Callable[[], asyncio.Protocol]:
    """Return what makes the protocol of each new connection."""
    return lambda: server() if len(server.connections) < limit else Crowded()
