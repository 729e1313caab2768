"""A web server on a free port with a small Textual app behind it, and a client as a browser would be one."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from app.web.child import Child
from app.web.guard import Guard
from app.web.server import WebServer, serving
from engine.settings.model import Listen

ROOT = Path(__file__).resolve().parents[3]
STAND_IN = Path(__file__).with_name("stand_in.py")


@dataclass
class Site:
    """The server, its guard, and a browser without a cookie."""

    server: WebServer
    guard: Guard
    client: aiohttp.ClientSession

    @property
    def base(self) -> str:
        return self.guard.base

    async def enter(self) -> None:
        """Open the address with the token, as the person does."""
        async with self.client.get(self.guard.url) as answer:
            assert answer.status == 200

    def socket(self, **more: Any) -> Any:
        headers = {"Origin": self.base, **more.pop("headers", {})}
        return self.client.ws_connect(f"{self.base}/ws?width=60&height=12", headers=headers, **more)


def child(*arguments: str, environment: dict[str, str] | None = None) -> Child:
    return Child((sys.executable, str(STAND_IN), *arguments), {"PATH": os.environ["PATH"], **(environment or {})})


@asynccontextmanager
async def site_of(app: Child, cap: int = 2, public_url: str | None = None) -> AsyncIterator[Site]:
    jar = aiohttp.CookieJar(unsafe=True)  # its "unsafe" means: addresses instead of names
    async with (
        serving(app, Listen("127.0.0.1", 0), cap, public_url=public_url) as (server, guard),
        aiohttp.ClientSession(cookie_jar=jar) as client,
    ):
        yield Site(server, guard, client)


def on_site(deed: Callable[[Site], Awaitable[None]], app: Child | None = None, **more: Any) -> None:
    """Do something with a site, within half a minute."""

    async def go() -> None:
        async with asyncio.timeout(30), site_of(app or child(), **more) as site:
            await deed(site)

    asyncio.run(go())


async def screen_with(socket: aiohttp.ClientWebSocketResponse, text: str) -> str:
    """Return what was drawn, without control sequences, as soon as `text` is in it."""
    drawn = b""
    while True:
        message = await socket.receive()
        assert message.type is aiohttp.WSMsgType.BINARY, f"{message} after {drawn!r}"
        drawn += message.data
        shown = re.sub(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|[()].|[=>78])", b"", drawn).decode("utf-8", "replace")
        if text in shown:
            return shown
