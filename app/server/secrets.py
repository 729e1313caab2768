"""The secrets of workflows over HTTP: kept, named and forgotten, never read back. A value comes in a body alone."""

import logging
from typing import Any

from aiohttp import web

from app.server.answers import Refusal, answer
from app.server.desk import Call
from app.server.route import ADMIN, API, Field, Param, Route
from app.views.repos import repo_id_of
from app.views.secrets import secrets_view
from engine.core.errors import EngineError
from engine.store.vault import ALL

log = logging.getLogger(__name__)


async def list_secrets(call: Call) -> web.StreamResponse:
    """Their names, of all repositories or of one."""
    desk, repo = call.desk, call.query.get("repo")
    return answer({"secrets": await desk.ask(lambda: secrets_view(desk.store, _id(call, repo) if repo else None))})


async def set_secret(call: Call) -> web.StreamResponse:
    """Keep a secret, in place of one of the same name. Runs that are planned from now on see it."""
    desk, name, repo = call.desk, call.fields["name"], call.fields.get("repo")
    environment = call.fields.get("environment") or ""

    def act() -> dict[str, Any]:
        try:
            desk.store.vault.set(_id(call, repo), name, call.fields["value"], desk.clock.now(), environment)
        except ValueError as error:
            raise EngineError(f"{str(error)[:1].upper()}{str(error)[1:]}.") from None
        return {"name": name.upper(), "repo": repo, "environment": environment or None}

    told = await desk.ask(act)
    log.info("%s set the secret %s of %s", call.actor, told["name"], repo or "all repositories")
    return answer(told, 201)


async def remove_secret(call: Call) -> web.StreamResponse:
    """Forget a secret. Runs that were planned before still have it."""
    desk, name, repo = call.desk, call.request.match_info["name"].upper(), call.query.get("repo")
    environment = call.query.get("environment") or ""
    if not await desk.ask(lambda: desk.store.vault.remove(_id(call, repo), name, environment)):
        raise Refusal(404, f"There is no secret {name[:200]}{f' of {repo[:200]}' if repo else ''}.")
    log.info("%s removed the secret %s of %s", call.actor, name, repo or "all repositories")
    return answer({"name": name, "repo": repo, "environment": environment or None, "removed": True})


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
