"""The event loop of the server, on a thread of its own: it listens, answers, and ends when told so."""

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import Sequence
from concurrent.futures import Future

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from app.server.access_log import access_log
from app.server.desk import Desk
from app.server.feed import Feed
from app.server.limits import HEADER_LINE_BYTES, HEADERS, IDLE_S, LINGER_S, door
from app.server.routes import application

log = logging.getLogger(__name__)
protocol_log = logging.getLogger("app.server.protocol")
SETTLE_S = 0.02  # asyncio loses, open for ever, a connection that it took and had not made yet when a server is closed
LEAVE_S = 2.0  # for answers that are under way when the server stops


def _is_news(record: logging.LogRecord) -> bool:
    """What is not even HTTP has its line in the access log; anybody can send it, and it deserves no traceback."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


protocol_log.addFilter(_is_news)


class WebThread:
    """Answers what comes over the sockets, which are listening already and become its own."""

    def __init__(self, desk: Desk, listening: Sequence[socket.socket]) -> None:
        self._desk = desk
        self._sockets = listening
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)
        self._started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    def start(self) -> None:
        """Return once connections are answered."""
        self._thread.start()
        self._started.result()

    def stop(self) -> None:
        """End streams, let other answers finish for a moment, close every connection."""
        loop, leave = self._started.result()
        loop.call_soon_threadsafe(leave.set)
        self._thread.join()
        self._desk.askers.stop()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            if self._started.done():
                raise
            self._started.set_exception(error)

    async def _serve(self) -> None:
        loop, leave = asyncio.get_running_loop(), asyncio.Event()
        feed = Feed(self._desk)
        await feed.begin()
        runner = web.AppRunner(
            application(self._desk, feed),
            access_log_class=access_log(self._desk.counters),
            access_log=log,
            logger=protocol_log,
            keepalive_timeout=IDLE_S,
            max_line_size=HEADER_LINE_BYTES,
            max_field_size=HEADER_LINE_BYTES,
            max_headers=HEADERS,
            lingering_time=LINGER_S,
            auto_decompress=False,  # signatures are over what was sent, and nothing may blow up here
            handler_cancellation=True,
            shutdown_timeout=LEAVE_S,
        )
        await runner.setup()
        assert runner.server is not None
        servers = [await loop.create_server(door(runner.server), sock=sock) for sock in self._sockets]
        reading = asyncio.create_task(feed.run())
        self._started.set_result((loop, leave))
        await leave.wait()
        for sock in self._sockets:
            loop.remove_reader(sock)
        await asyncio.sleep(SETTLE_S)
        for server in servers:
            server.close()
        feed.close()
        await runner.cleanup()
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reading
