"""What is answered: JSON, and refusals as `{"error": sentence}`, whatever went wrong and wherever."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec

from aiohttp import web

from app.server.desk import Call
from engine.control.inbox.acceptor import BacklogFull, Draining
from engine.core.errors import DiskFull, EngineError, NotThere, SettingsError, StoreBusy
from engine.forges.errors import DeliveryError
from pipelines.errors import WorkflowError

P = ParamSpec("P")
AGAIN_S = 5
SLOW_S = 60.0  # a reader that takes nothing for so long is let go
SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox",
    "Cache-Control": "no-store",
}


class Refusal(Exception):
    """A request that is not carried out; `sentence` tells the caller why. `close`: and its connection ends."""

    def __init__(
        self, status: int, sentence: str, headers: Mapping[str, str] | None = None, *, close: bool = False
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.headers = headers or {}
        self.close = close


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return a small JSON answer."""
    return _answer(_json(value), status, headers)


async def tell(call: Call, look: Callable[P, Any], *args: P.args, **kwargs: P.kwargs) -> web.Response:
    """Answer with what a call of the store returns. It becomes JSON on the store's thread, too: a run of thousands of
    jobs holds up nobody else's answer."""
    return _answer(await call.desk.ask(lambda: _json(look(*args, **kwargs))))


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"


def _answer(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Keys are ours, texts may be anybody's: the type says JSON, and nobody may guess."""
    return web.Response(
        body=body, status=status, content_type="application/json", charset="utf-8", headers={**SAFE, **(headers or {})}
    )


async def begin(request: web.Request, response: web.StreamResponse) -> bool:
    """Send the head of an answer that is written piece by piece; return whether its body is to follow.

    It is not for HEAD, which ends there.
    """
    await response.prepare(request)
    if request.method != "HEAD":
        return True
    await response.write_eof()
    return False


async def send(response: web.StreamResponse, data: bytes, patience_s: float = SLOW_S) -> None:
    """Send a piece of an answer. Raises TimeoutError when its reader takes nothing for so long."""
    async with asyncio.timeout(patience_s):
        await response.write(data)


def cut(request: web.Request) -> None:
    """Cut a connection off: whoever reads must not take what there is for the whole."""
    if request.transport is not None:
        request.transport.abort()


def refusal_of(error: Exception) -> Refusal | None:
    """Return what an error means to the caller; None when it is a fault of ours."""
    again = {"Retry-After": str(AGAIN_S)}
    match error:
        case Refusal():
            return error
        case DeliveryError(status=status, message=message):
            return Refusal(status, _sentence(message))
        case BacklogFull():
            return Refusal(429, str(error), again)
        case DiskFull():
            return Refusal(507, str(error), again)
        case Draining() | StoreBusy():
            return Refusal(503, str(error), again)
        case NotThere():
            return Refusal(404, str(error))
        case SettingsError() | WorkflowError():
            return Refusal(422, str(error))
        case EngineError():
            return Refusal(409, str(error))
        case web.HTTPNotFound():
            return Refusal(404, "There is nothing at this address.")
        case web.HTTPMethodNotAllowed(method=method, allowed_methods=allowed):
            names = ", ".join(sorted(allowed))
            return Refusal(405, f"{method} is not possible here, only {names}.", {"Allow": names})
        case web.HTTPException(status=status, reason=reason):
            return Refusal(status, _sentence(reason))
    return None


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith(".") else ".")
