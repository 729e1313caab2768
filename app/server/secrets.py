"""The secrets of workflows over HTTP: kept, named and forgotten, never read back. A value comes in a body alone."""

import logging
from typing import Any

from aiohttp import web

from app.server.answers import answer
from app.server.desk import Call
from app.server.route import ADMIN, API, Field, Param, Route
from app.views.repos import repo_id_of
from app.views.secrets import forget_secret, keep_secret, secrets_view
from engine.store.vault import ALL

log = logging.getLogger(__name__)


async def list_secrets(call: Call) -> web.StreamResponse:
    """Their names, of all repositories or of one."""
    desk, repo = call.desk, call.query.get("repo")
    return answer({"secrets": await desk.ask(lambda: secrets_view(desk.store, _id(call, repo) if repo else None))})


async def set_secret(call: Call) -> web.StreamResponse:
    """Keep a secret, in place of one of the same name. Runs that are planned from now on see it."""
    desk, fields = call.desk, call.fields

    def act() -> dict[str, Any]:
        repo_id = _id(call, fields.get("repo"))
        now, environment = desk.clock.now(), fields.get("environment")
        return keep_secret(desk.store, repo_id, fields["name"], fields["value"], environment, now)

    told = await desk.ask(act)
    log.info("%s set the secret %s of %s", call.actor, told["name"], told["repo"] or "all repositories")
    return answer(told, 201)


async def remove_secret(call: Call) -> web.StreamResponse:
    """Forget a secret. Runs that were planned before still have it."""
    desk, name, environment = call.desk, call.request.match_info["name"], call.query.get("environment")
    repo = call.query.get("repo")
    told = await desk.ask(lambda: forget_secret(desk.store, _id(call, repo), name, environment))
    log.info("%s removed the secret %s of %s", call.actor, told["name"], told["repo"] or "all repositories")
    return answer(told)


def _id(call: Call, repo: str | None) -> int:
    return ALL if repo is None else repo_id_of(call.desk.store, call.desk.settings, repo)


ROUTES = (
    Route(
        "GET", f"{API}/secrets", list_secrets, "the names of secrets", ADMIN,
        query=(Param("repo", "string", "only of this repository"),),
    ),
    Route(
        "POST", f"{API}/secrets", set_secret, "keep a secret; nobody reads it back", ADMIN,
        fields=(
            Field("name", str, "as in `secrets.NAME`", needed=True),
            Field("value", str, "what nobody may see, at most 64 KiB", needed=True),
            Field("repo", str, "of this repository alone (of all)"),
            Field("environment", str, "for jobs in this environment alone"),
        ),
        answers={201: "it is kept", 409: "no such name or value can be"},
    ),
    Route(
        "DELETE", f"{API}/secrets/{{name}}", remove_secret, "forget a secret", ADMIN,
        query=(
            Param("repo", "string", "that of this repository (that of all)"),
            Param("environment", "string", "that of this environment"),
        ),
        answers={200: "it is forgotten", 404: "there is none"},
    ),
)  # fmt: skip
