"""Who may do what: the host and origin of a request, and its token. The home's own socket needs none."""

import ipaddress
import socket
from contextlib import suppress
from datetime import timedelta
from urllib.parse import urlsplit

from aiohttp import web

from app.server.answers import Refusal
from app.server.desk import Call, Caller, Desk
from app.server.limits import HOST
from engine.core.errors import StoreBusy
from engine.store.tokens import SCOPES

PERSON = Caller("a person", SCOPES[-1])
USED_AGAIN = timedelta(minutes=1)  # how often a token's last use is written down
LOOK_S = 10.0  # how long a revoked token may go on with a stream


def over_socket(request: web.Request) -> bool:
    """Did the request come over the home's socket, which only its owner can open?"""
    connection = request.get_extra_info("socket")
    return connection is not None and connection.family == socket.AF_UNIX


def check_address(
    request: web.Request, listen_host: str, *, any_host: bool, no_origin: bool, public_url: str | None = None
) -> None:
    """Refuse what a foreign web page has a browser send. Raises Refusal.

    One Host, no Origin but our own. On a loopback address only loopback names count, and the one in `public_url`, lest
    a name that an attacker points here makes his page ours (DNS rebinding). A delivery may come by any name, it proves
    itself by its signature; but no forge has an origin.
    """
    hosts = request.headers.getall("Host", [])
    if len(hosts) != 1 or not HOST.fullmatch(hosts[0]):
        raise Refusal(400, "A request names one host.")
    origin = request.headers.get("Origin")
    if origin is not None and (no_origin or origin.partition("://")[2].lower() != hosts[0].lower()):
        raise Refusal(403, "A web page of another origin may not ask this.")
    ours = public_url is not None and hosts[0].lower() == urlsplit(public_url).netloc.lower()
    if not any_host and not ours and _is_loopback(listen_host) and not _is_address(hosts[0], listen_host):
        raise Refusal(421, f"This server listens on {listen_host}; ask it by that name.")


async def caller_of(desk: Desk, request: web.Request, scope: str) -> Caller:
    """Return who asks, if their token reaches as far as `scope`. Raises Refusal."""
    return PERSON if over_socket(request) else await caller_by(desk, request, scope)


async def caller_by(desk: Desk, request: web.Request, scope: str, elsewhere: str | None = None) -> Caller:
    """Return whom the token in the headers belongs to, or without one there the token `elsewhere`. Raises Refusal."""
    kind, _, text = request.headers.get("Authorization", f"Bearer {elsewhere or ''}").partition(" ")
    challenge = {"WWW-Authenticate": 'Bearer realm="treadle"'}
    if kind.lower() != "bearer" or not text.strip():
        raise Refusal(401, "This needs a token: `Authorization: Bearer TOKEN` (`treadle token create`).", challenge)
    token = await desk.ask(desk.store.tokens.find, text.strip())
    if token is None:
        raise Refusal(401, "There is no such token (any more).", challenge)
    if not token.allows(scope):
        raise Refusal(403, f"This needs a token with the scope {scope}; this one has {token.scope}.")
    now = desk.clock.now()
    if token.used_at is None or now - token.used_at > USED_AGAIN:
        with suppress(StoreBusy):  # a full disk, say: no reason to turn anybody away
            await desk.ask(desk.store.tokens.used, token.id, now)
    return Caller(token.name or f"token {token.id}", token.scope, token.id)


class Allowance:
    """Whether who asked for a stream may still have it: a token that is revoked ends what was begun with it."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._looked_s = call.desk.clock.monotonic_s()
        self.ended = False

    async def holds(self) -> bool:
        """Return whether it does, as of the last LOOK_S seconds."""
        caller, desk = self._call.caller, self._call.desk
        now_s = desk.clock.monotonic_s()
        if caller is not None and caller.token_id is not None and now_s - self._looked_s >= LOOK_S:
            self._looked_s = now_s
            self.ended = not await desk.ask(desk.store.tokens.is_there, caller.token_id)
        return not self.ended


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_address(host: str, listen_host: str) -> bool:
    """Is this a name that no attacker can give out? A literal address, or one of ours."""
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    if name.lower().rstrip(".") in ("localhost", listen_host.lower()):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
