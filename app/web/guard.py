"""Who may use the UI in a browser: whoever opened the address with the token in it, from this server's own page.

The token of the address is exchanged for a cookie that no script can read and no other site can have sent. A web page
of another origin gets nowhere: a browser names its origin when it opens a WebSocket, and only ours is let through.
"""

import hmac
import secrets

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from app.server.limits import HOST

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
HTTP_PORT = 80
OPEN_AGAIN = (
    "This needs the address that `treadle web` printed when it started.\n"
    "If you came by a link of another page, go to this page's address once more by hand.\n"
)


class Guard:
    """Middleware for all of the server's answers.

    It listens on `host` and `port`. `public_url` (scheme, host and maybe a port) is where a proxy lets browsers in;
    without it only loopback names count, lest a name that an attacker points here makes his page ours.
    """

    def __init__(self, host: str, port: int, public_url: str | None = None) -> None:
        here = "" if port == HTTP_PORT else f":{port}"
        own = [f"http://{name}{here}" for name in (f"[{host}]" if ":" in host else host, *LOOPBACK)]
        self.port = port
        self.base = (public_url or own[0]).lower()
        self._origins = frozenset([*([] if public_url else own), self.base])
        self._hosts = frozenset(origin.partition("://")[2] for origin in self._origins)
        self._token, self._ticket = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        self._cookie = f"treadle-{port}"  # cookies know no ports: two servers must not take each other's

    @property
    def url(self) -> str:
        """The address that lets a browser in."""
        return f"{self.base}/?token={self._token}"

    @property
    def middleware(self) -> Middleware:
        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            self._check_origin(request)
            if request.path == "/" and "token" in request.query:
                return self._let_in(request.query["token"])
            if not _same(request.cookies.get(self._cookie), self._ticket):
                raise web.HTTPUnauthorized(text=OPEN_AGAIN)
            return await handler(request)

        return guard

    async def add_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        """Keep the page to itself: nothing is fetched from elsewhere, no other page may frame or read it."""
        socket = self.base.replace("http", "ws", 1)
        response.headers.update(
            {
                "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
                f"font-src 'self'; img-src 'self' data:; connect-src 'self' {socket}; "
                "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
                "X-Frame-Options": "DENY",
                "X-Content-Type-Options": "nosniff",
                "Referrer-Policy": "no-referrer",
                "Cross-Origin-Opener-Policy": "same-origin",
                "Cross-Origin-Resource-Policy": "same-origin",
            }
        )
        response.headers.setdefault("Cache-Control", "no-store")

    def _check_origin(self, request: web.Request) -> None:
        hosts = request.headers.getall("Host", [])
        if len(hosts) != 1 or not HOST.fullmatch(hosts[0]):
            raise web.HTTPBadRequest(text="A request names one host.\n")
        if hosts[0].lower() not in self._hosts:
            raise web.HTTPMisdirectedRequest(text=f"This server is {self.base}; ask it by that name.\n")
        origins = request.headers.getall("Origin", [])
        if any(origin.lower() not in self._origins for origin in origins):
            raise web.HTTPForbidden(text="A web page of another origin may not ask this.\n")
        if request.path == "/ws" and len(origins) != 1:
            raise web.HTTPForbidden(text="A WebSocket is opened by the page of this server.\n")

    def _let_in(self, token: str) -> web.Response:
        if not _same(token, self._token):
            raise web.HTTPUnauthorized(text=OPEN_AGAIN)
        response = web.Response(status=303, headers={"Location": "/"})
        secure = self.base.startswith("https://")
        response.set_cookie(self._cookie, self._ticket, httponly=True, samesite="Strict", secure=secure, path="/")
        return response


def _same(given: str | None, ours: str) -> bool:
    return given is not None and hmac.compare_digest(given.encode("utf-8", "replace"), ours.encode())
