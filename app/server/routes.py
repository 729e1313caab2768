"""Everything that can be asked over HTTP, collected: each subject declares its routes beside its handlers."""

from aiohttp import web

from app.server import (
    artifacts,
    badge,
    bisects,
    caches,
    diff,
    explain,
    flaky,
    health,
    holds,
    inbox,
    log_lines,
    logs,
    metrics,
    pages,
    prune,
    queue,
    repos,
    retries,
    runs,
    search,
    secrets,
    slo,
    snapshots,
    stream,
    tokens,
    webhooks,
    wishes,
)
from app.server.answers import answer
from app.server.desk import Call, Desk
from app.server.feed import Feed
from app.server.limits import HELD_BYTES, Bodies
from app.server.openapi import document
from app.server.route import API, Route, guarded, tell_errors

SUBJECTS = (
    webhooks, runs, wishes, retries, explain, logs, log_lines, diff, holds, bisects, stream, inbox, queue, repos,
    secrets, caches, tokens, artifacts, search, prune, snapshots, flaky, slo, metrics, health, badge, pages,
)  # fmt: skip


async def openapi(_: Call) -> web.StreamResponse:
    """This description."""
    return answer(document(ROUTES))


ROUTES: tuple[Route, ...] = (
    *(route for subject in SUBJECTS for route in subject.ROUTES),
    Route("GET", f"{API}/openapi.json", openapi, "this description"),
)


def application(desk: Desk, feed: Feed) -> web.Application:
    """Return the whole server as an aiohttp application."""
    app = web.Application(middlewares=[tell_errors])
    app[stream.FEED] = feed
    app[webhooks.BODIES] = bodies = Bodies(HELD_BYTES)
    for route in ROUTES:
        handler = guarded(route, desk, bodies)
        app.router.add_route(route.method, route.path, handler)
        if route.method == "GET":
            app.router.add_route("HEAD", route.path, handler)
    return app
