"""A route as data, and what is done for each of them alike: address, token, query and body are checked, errors told."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import field
from typing import Any

from aiohttp import web

from app.server.answers import AGAIN_S, SAFE, Refusal, answer, refusal_of
from app.server.auth import caller_of, check_address, over_socket
from app.server.desk import Call, Caller, Desk
from app.server.limits import JSON_BYTES, Bodies
from engine.core.errors import EngineError
from pipelines.records import dataclass

log = logging.getLogger(__name__)
Handler = Callable[[Call], Awaitable[web.StreamResponse]]
PUBLIC, BADGE, READ, WRITE, ADMIN = "", "badge", "read", "write", "admin"
LARGEST = 10**15  # ids and sequence numbers stay whole numbers for every JSON reader
API = "/api/v1"
ID = "{id:[0-9]{1,15}}"
DONE = {202: "written down; the engine acts on it", 404: "there is no such thing", 409: "it makes no sense now"}


@dataclass(frozen=True, slots=True)
class Param:
    """A query parameter: an `integer` (from `least`), a `string` (one of `words`, if any), or a `flag` (1, 0).

    Without one that is `needed` nothing is asked for.
    """

    name: str
    kind: str
    says: str
    many: bool = False
    words: tuple[str, ...] = ()
    least: int = 0
    needed: bool = False

    def read(self, texts: Iterable[str]) -> Any:
        values = [self._value(part) for text in texts for part in (text.split(",") if self.many else [text])]
        if self.many:
            return tuple(values)
        if len(values) > 1:
            raise Refusal(400, f"The parameter {self.name} stands more than once.")
        return values[0]

    def _value(self, text: str) -> Any:
        if self.kind == "integer":
            if not (text.isascii() and text.isdecimal() and self.least <= int(text[:20]) < LARGEST):
                raise Refusal(400, f"The parameter {self.name} is a whole number from {self.least}.")
            return int(text)
        if self.kind == "flag":
            if text not in ("0", "1", "false", "true"):
                raise Refusal(400, f"The parameter {self.name} is 1 or 0.")
            return text in ("1", "true")
        if self.words and text not in self.words:
            raise Refusal(400, f"The parameter {self.name} is one of {', '.join(self.words)}.")
        return text


PAGING = (
    Param("before", "integer", "the id to page on from: only older ones"),
    Param("limit", "integer", "how many at most", least=1),
)


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a JSON body; a text may be one of `words` alone."""

    name: str
    kind: type
    says: str
    needed: bool = False
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """One address. `scope` is PUBLIC, BADGE (public if the settings say so), READ, WRITE or ADMIN.

    `fields` None: no JSON body is read. `gives` is the media type of a good answer, `answers` what statuses mean.
    """

    method: str
    path: str
    handler: Handler
    says: str
    scope: str = READ
    query: tuple[Param, ...] = ()
    fields: tuple[Field, ...] | None = None
    gives: str = "application/json"
    answers: Mapping[int, str] = field(default_factory=lambda: {200: "as asked"})

    @property
    def is_hook(self) -> bool:
        return self.path.startswith("/hooks/")

    def needs_token(self, desk: Desk) -> bool:
        return self.scope != PUBLIC and not (self.scope == BADGE and desk.settings.public_badges)


def guarded(route: Route, desk: Desk, bodies: Bodies) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Return the route's handler behind all checks."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if not over_socket(request):
            public = route.scope == PUBLIC  # deliveries and probes come by whatever name leads here
            host, name = desk.settings.listen.host, desk.settings.public_url
            check_address(request, host, any_host=public, no_origin=route.is_hook, public_url=name)
        caller: Caller | None = None
        if route.needs_token(desk):
            caller = await caller_of(desk, request, READ if route.scope == BADGE else route.scope)
        if desk.draining and request.method not in ("GET", "HEAD"):
            raise Refusal(503, "The engine is being stopped.", {"Retry-After": str(AGAIN_S)})
        query = {} if route.is_hook else read_query(route, request)
        fields = {} if route.fields is None else await read_fields(route.fields, request, bodies)
        return await route.handler(Call(desk, request, caller, query, fields))

    return handle


def read_query(route: Route, request: web.Request) -> dict[str, Any]:
    """Return the declared parameters that were given. Raises Refusal for others and for wrong values."""
    known = {param.name: param for param in route.query}
    found: dict[str, Any] = {}
    for name in dict.fromkeys(request.query):
        if name not in known:
            names = ", ".join(known) or "none"
            raise Refusal(400, f"There is no parameter {name[:50]!r} here; known are: {names}.")
        found[name] = known[name].read(request.query.getall(name))
    for param in route.query:
        if param.needed and not str(found.get(param.name, "")).strip():
            raise Refusal(400, f"The parameter {param.name} is missing: {param.says}.")
    return found


async def read_fields(fields: tuple[Field, ...], request: web.Request, bodies: Bodies) -> dict[str, Any]:
    """Return the fields of a JSON body; no body is an empty object. Raises Refusal."""
    body = await bodies.read(request, JSON_BYTES)
    try:
        data = json.loads(body) if body.strip() else {}
    except (ValueError, RecursionError):
        raise Refusal(400, "The body is not JSON.") from None
    finally:
        bodies.give_back(body)
    if body.strip() and request.content_type != "application/json":
        raise Refusal(415, "The body has to be application/json.")
    if not isinstance(data, dict):
        raise Refusal(400, "The body is JSON, but not an object.")
    if not _is_text(data):
        raise Refusal(400, "The body holds half of a surrogate pair, which is no text.")
    known = {one.name: one for one in fields}
    for name, value in data.items():
        if name not in known:
            raise Refusal(400, f"There is no field {name[:50]!r}; known are: {', '.join(known) or 'none'}.")
        if value is not None and not _is(value, known[name].kind):
            raise Refusal(400, f"The field {name} is not {_kind(known[name].kind)}.")
        if value is not None and known[name].words and value not in known[name].words:
            raise Refusal(400, f"The field {name} is one of {', '.join(known[name].words)}.")
    for one in fields:
        if one.needed and data.get(one.name) in (None, "", {}):
            raise Refusal(400, f"The field {one.name} is missing.")
    return {name: value for name, value in data.items() if value is not None}


def _is(value: Any, kind: type) -> bool:
    if kind is int and isinstance(value, int) and abs(value) >= LARGEST:
        return False
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def _is_text(data: Any) -> bool:
    """Can all texts in JSON be kept? Escapes may spell what no encoding has."""
    try:
        json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _kind(kind: type) -> str:
    return {str: "a text", bool: "true or false", dict: "an object", int: "a whole number of up to 15 digits"}[kind]


@web.middleware
async def tell_errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Turn every error into an answer: the only place where that is done."""
    try:
        return await handler(request)
    except asyncio.CancelledError:
        raise
    except Exception as error:
        refusal = refusal_of(error)
        if refusal is None or (isinstance(error, EngineError) and refusal.status >= 500):
            log.warning("%s %s failed", request.method, request.rel_url.raw_path, exc_info=refusal is None)
        if refusal is None:
            refusal = Refusal(500, "Something went wrong inside treadle; its log says what.")
        response = answer({"error": refusal.sentence}, refusal.status, {**SAFE, **refusal.headers})
        if refusal.close:
            response.force_close()
        return response
