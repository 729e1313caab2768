"""One tab: the UI's process, its screen to the browser, the browser's keys to it, and an end in bounded time."""

import asyncio
import logging
import os
import signal
from asyncio.subprocess import PIPE, Process

from aiohttp import web
from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager

from app.web.child import NOWHERE, Child
from widgets.safe_text import plain

log = logging.getLogger(__name__)
READY = b"__GANGLION__\n"  # what Textual's driver says before its first packet
GREETING_LINES = 10
QUIT_S, TERM_S, KILL_S = 2.0, 2.0, 1.0
"""How long the UI may take to leave when asked, when told, and the system to clear it away. 5 s in all."""


class Session(AppService):
    """A child and the WebSocket it speaks to. `stop` may be called at any time, also twice."""

    def __init__(self, child: Child, socket: web.WebSocketResponse, downloads: DownloadManager) -> None:
        super().__init__(
            "treadle",
            write_bytes=socket.send_bytes,
            write_str=socket.send_str,
            close=self._close,
            download_manager=downloads,
        )
        self._child = child
        self._socket = socket
        self._stopping = asyncio.Lock()

    async def _open_app_process(self, width: int = 80, height: int = 24) -> Process:
        self._process = process = await asyncio.create_subprocess_exec(
            *self._child.command(os.getpid()),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            cwd=NOWHERE,
            env=self._child.environment_for(width, height),
            start_new_session=True,
        )
        self._stdin = process.stdin
        return process

    async def run(self) -> None:
        """Carry packets from the child to the browser until the child ends; then the socket is closed."""
        process = self._process
        assert process is not None and process.stdout is not None and process.stderr is not None
        words = asyncio.create_task(_last_words(process.stderr))
        try:
            if await _greeted(process.stdout):
                await self._carry(process.stdout)
            else:
                await self._tell(await words)
        except asyncio.IncompleteReadError:
            pass  # it ended
        finally:
            words.cancel()
            await self._close()

    async def stop(self) -> None:
        """End the child and everything it started: asked first, then told, then made to."""
        async with self._stopping:
            process, self._process = self._process, None
            if process is None or self._task is None:
                return
            await self._download_manager.cancel_app_downloads(app_service_id=self.app_service_id)
            for number, patience_s in ((None, QUIT_S), (signal.SIGTERM, TERM_S), (signal.SIGKILL, KILL_S)):
                try:
                    async with asyncio.timeout(patience_s):
                        await self._end(process, number)
                        break
                except TimeoutError:
                    log.warning("The UI of a tab does not leave by %s.", number.name if number else "itself")
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def on_data(self, payload: bytes) -> None:
        """Show what the UI drew; after the browser has gone it is read all the same, lest the UI blocks in a write."""
        try:
            await self.remote_write_bytes(payload)
        except (ConnectionError, RuntimeError):
            pass

    async def _carry(self, stdout: asyncio.StreamReader) -> None:
        take = {b"D": self.on_data, b"M": self.on_meta, b"P": self.on_packed}
        while True:
            kind = await stdout.readexactly(1)
            payload = await stdout.readexactly(int.from_bytes(await stdout.readexactly(4), "big"))
            if kind in take:
                await take[kind](payload)

    async def _end(self, process: Process, number: signal.Signals | None) -> None:
        if number is None:
            await self.send_meta({"type": "quit"})
        else:
            _signal(process, number)
        await process.wait()

    async def _tell(self, words: str) -> None:
        log.warning("The UI did not start: %s", words)
        await self.on_data(f"The terminal UI did not start.\r\n{words}\r\n".encode())

    async def _close(self) -> None:
        if self._socket.prepared and not self._socket.closed:
            await self._socket.close()


async def _greeted(stdout: asyncio.StreamReader) -> bool:
    """Did the child say that packets follow, within its first lines?"""
    for _ in range(GREETING_LINES):
        line = await stdout.readline()
        if line == READY:
            return True
        if not line:
            return False
    return False


async def _last_words(stderr: asyncio.StreamReader) -> str:
    """Return the last line that is written to `stderr` before its end, safe to show; nothing of it is kept else."""
    last, rest = b"", b""
    while chunk := await stderr.read(1 << 14):
        *lines, rest = (rest + chunk).split(b"\n")
        last = next((line for line in reversed(lines) if line.strip()), last)
        rest = rest[-1000:]
    return plain((rest.strip() or last)[-500:].decode("utf-8", "replace"))


def _signal(process: Process, number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass  # it ended by itself
