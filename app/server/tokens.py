"""The API's tokens over HTTP: made, listed without themselves, revoked."""

import logging

from aiohttp import web

from app.server.answers import Refusal, answer
from app.server.desk import Call
from app.server.route import ADMIN, API, ID, Field, Route
from app.shapes import made_token_shape, token_shape
from engine.store.tokens import SCOPES

log = logging.getLogger(__name__)


async def list_tokens(call: Call) -> web.StreamResponse:
    """Every token, without itself."""
    return answer({"tokens": [token_shape(token) for token in await call.desk.ask(call.desk.store.tokens.list)]})


async def create_token(call: Call) -> web.StreamResponse:
    """Make a token. `token` is its text, which is told this once and never again."""
    desk, name, scope = call.desk, call.fields.get("name", ""), call.fields["scope"]
    token, text = await desk.ask(desk.store.tokens.create, name, scope, desk.clock.now())
    log.info("%s made token %d (%s)", call.actor, token.id, token.scope)
    return answer(made_token_shape(token, text), 201)


async def revoke_token(call: Call) -> web.StreamResponse:
    """Make a token worthless at once."""
    if not await call.desk.ask(call.desk.store.tokens.revoke, call.ident):
        raise Refusal(404, f"There is no token {call.ident}.")
    log.info("%s revoked token %d", call.actor, call.ident)
    return answer({"id": call.ident, "revoked": True})


ROUTES = (
    Route("GET", f"{API}/tokens", list_tokens, "the tokens, without themselves", ADMIN),
    Route(
        "POST", f"{API}/tokens", create_token, "make a token, told this once", ADMIN,
        fields=(
            Field("scope", str, "what it allows; each includes those before it", needed=True, words=SCOPES),
            Field("name", str, "whom it is for"),
        ),
        answers={201: "the token"},
    ),
    Route(
        "DELETE", f"{API}/tokens/{ID}", revoke_token, "make a token worthless", ADMIN,
        answers={200: "it is", 404: "there is none"},
    ),
)  # fmt: skip
