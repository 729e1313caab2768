"""The web server: one page, what the page needs, and a WebSocket that is a session of the UI."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import quote

import textual_serve.server
from aiohttp import WSCloseCode, WSMsgType, web

from app.web.child import Child
from app.web.guard import Guard
from app.web.session import Session
from engine.core.errors import EngineError
from engine.settings.model import Listen

log = logging.getLogger(__name__)
HERE = Path(__file__).parent
THEIRS = Path(textual_serve.server.__file__).parent / "static"
STATIC = {
    "page.css": HERE / "page.css",
    "xterm.css": THEIRS / "css/xterm.css",
    "textual.js": THEIRS / "js/textual.js",
    "mono.ttf": THEIRS / "fonts/RobotoMono-VariableFont_wght.ttf",
}
HEARTBEAT_S = 15.0  # a tab that is gone without a word is noticed within half as much again
MESSAGE_BYTES = 1 << 20
WIDEST, HIGHEST = 500, 300
FONT_SIZES = range(6, 41)
AGAIN_S = 5
LEAVE_S = 1.0


class WebServer(textual_serve.server.Server):
    """Serves one child, as many times at once as `cap` says."""

    def __init__(self, child: Child, guard: Guard, cap: int, title: str) -> None:
        super().__init__("treadle", title=title, public_url=guard.base)
        self.sessions: set[Session] = set()
        self._child, self._guard, self._cap = child, guard, cap
        self._page = Template((HERE / "page.html").read_text(encoding="utf-8"))
        self._open: set[web.WebSocketResponse] = set()

    async def _make_app(self) -> web.Application:
        app = web.Application(middlewares=[self._guard.middleware])
        app.router.add_get("/", self.page)
        app.router.add_get("/ws", self.handle_websocket)
        app.router.add_get("/download/{key}", self.handle_download)
        app.router.add_get("/static/{name}", self.static)
        app.on_response_prepare.append(self._guard.add_headers)
        app.on_shutdown.append(self.on_shutdown)
        return app

    async def page(self, request: web.Request) -> web.Response:
        size = request.query.get("fontsize", "")
        text = self._page.substitute(
            title=escape(self.title),
            socket=escape(self._guard.base.replace("http", "ws", 1) + "/ws"),
            size=size if size.isdecimal() and int(size[:3]) in FONT_SIZES else "16",
            cap=self._cap,
        )
        return web.Response(text=text, content_type="text/html")

    async def static(self, request: web.Request) -> web.FileResponse:
        """Give one of the files that the page names; there is no folder to look into."""
        path = STATIC.get(request.match_info["name"])
        if path is None:
            raise web.HTTPNotFound
        return web.FileResponse(path, headers={"Cache-Control": "max-age=3600"})

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Run a session for as long as the socket is open. 503 when there are as many as may be."""
        if len(self.sessions) >= self._cap:
            raise web.HTTPServiceUnavailable(
                text=f"There are {self._cap} sessions already.\n", headers={"Retry-After": str(AGAIN_S)}
            )
        ws = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=MESSAGE_BYTES)
        session = Session(self._child, ws, self.download_manager)
        self.sessions.add(session)
        self._open.add(ws)
        try:
            await ws.prepare(request)
            await session.start(
                _cells(request.query.get("width", "80"), WIDEST), _cells(request.query.get("height", "24"), HIGHEST)
            )
            await self._process_messages(ws, session)
        finally:
            self._open.discard(ws)
            await session.stop()
            self.sessions.discard(session)
        return ws

    async def _process_messages(self, websocket: web.WebSocketResponse, app_service: Session) -> None:  # type: ignore[override]
        """Hand on what the browser says until it leaves; who does not keep to the protocol is shown out."""
        async for message in websocket:
            if message.type is not WSMsgType.TEXT:
                continue
            try:
                kind, *rest = message.json()
                await self._take(websocket, app_service, kind, *rest)
            except (ValueError, TypeError, KeyError, AttributeError):
                await websocket.close(code=WSCloseCode.PROTOCOL_ERROR)

    async def _take(
        self, websocket: web.WebSocketResponse, session: Session, kind: object, data: object = None
    ) -> None:
        match kind, data:
            case "stdin", str():
                await session.send_bytes(data.encode("utf-8", "replace"))
            case "resize", {"width": int(width), "height": int(height)}:
                await session.set_terminal_size(min(max(width, 1), WIDEST), min(max(height, 1), HIGHEST))
            case "ping", str():
                await websocket.send_json(["pong", data])
            case "blur", _:
                await session.blur()
            case "focus", _:
                await session.focus()
            case _:
                raise ValueError(kind)

    async def handle_download(self, request: web.Request) -> web.StreamResponse:
        """Give a file that the UI hands out: always to be saved, never shown, whatever it says that it is."""
        key = request.match_info["key"]
        try:
            meta = await self.download_manager.get_download_metadata(key)
        except KeyError:
            raise web.HTTPNotFound from None
        response = web.StreamResponse(
            headers={
                "Content-Type": "application/octet-stream",
                "Content-Disposition": f"attachment; filename*=UTF-8''{quote(meta.file_name, safe='')}",
            }
        )
        await response.prepare(request)
        async for chunk in self.download_manager.download(key):
            await response.write(chunk)
        await response.write_eof()
        return response

    async def on_shutdown(self, app: web.Application) -> None:
        """Close all sockets and end all sessions, at the same time."""
        await asyncio.gather(
            *(ws.close(code=WSCloseCode.GOING_AWAY) for ws in self._open),
            *(session.stop() for session in self.sessions),
            return_exceptions=True,
        )


@asynccontextmanager
async def serving(
    child: Child, listen: Listen, cap: int, *, public_url: str | None = None, title: str = "treadle"
) -> AsyncIterator[tuple[WebServer, Guard]]:
    """Serve for as long as the block runs; afterwards no session is left. Raises EngineError when it cannot listen."""
    bound = _bound(listen)
    guard = Guard(listen.host, bound.getsockname()[1], public_url)
    server = WebServer(child, guard, cap, title)
    app = await server._make_app()
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=LEAVE_S)  # a log of requests would keep the token
    try:
        await runner.setup()
        await web.SockSite(runner, bound).start()
        yield server, guard
    finally:
        await runner.cleanup()
        bound.close()


def _bound(listen: Listen) -> socket.socket:
    where = f"{listen.host}:{listen.port}"
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    try:
        return socket.create_server((listen.host, listen.port), family=family)
    except OSError as error:
        raise EngineError(f"Cannot listen on {where}: {error.strerror}.", "Give another --listen.") from None


def _cells(text: str, most: int) -> int:
    return min(max(int(text), 1), most) if text.isascii() and text.isdecimal() and len(text) < 6 else 80
