"""The addresses of the API: what each takes, answers and needs, as the routes themselves say it."""

import re

from app.server.route import ADMIN, BADGE, DONE, PUBLIC, WRITE, Route
from app.server.routes import ROUTES

SECTIONS = {
    "runs": "Runs", "jobs": "Jobs", "holds": "Held boxes", "bisects": "Bisect", "events": "Live events",
    "inbox": "Events that came in",
    "queue": "Queue", "repos": "Repositories", "secrets": "Secrets", "tokens": "Tokens", "artifacts": "Artifacts",
    "caches": "Caches", "snapshots": "Snapshots", "prune": "Old things", "search": "Search", "flaky": "Flaky failures",
    "slo": "Promises", "openapi.json": "This description",
}  # fmt: skip
USUAL = {(200, "as asked"), *DONE.items()}
REST = "Outside of the API"


def routes() -> str:
    """Return every address, by what it is about."""
    told: dict[str, list[str]] = {}
    for route in ROUTES:
        found = re.match(r"/api/v1/([\w.]+)", route.path)
        told.setdefault(SECTIONS[found[1]] if found else REST, []).append(_told(route))
    parts = []
    for title in (*SECTIONS.values(), REST):
        parts += [f"### {title}", "\n".join(told.pop(title))]
    assert not told, f"routes that stand in no section: {told}"
    return "\n\n".join(parts)


def _told(route: Route) -> str:
    path = re.sub(r"\{(\w+):[^{}]*(\{[^{}]*\})?[^{}]*\}", r"{\1}", route.path)
    needs = {PUBLIC: "nobody", BADGE: "read, or nobody with `public_badges: true`", WRITE: "write", ADMIN: "admin"}
    gives = "" if route.gives == "application/json" else f" Gives {route.gives}."
    lines = [f"- **`{route.method} {path}`** {route.says.rstrip('.?')}. *{needs.get(route.scope, 'read')}*{gives}"]
    lines += [f"  - `?{one.name}=` ({_kind(one.kind, one.words)}) {one.says}" for one in route.query]
    lines += [
        f"  - `{one.name}` in the body ({_kind(one.kind.__name__, one.words)}{', needed' * one.needed}) {one.says}"
        for one in route.fields or ()
    ]
    answers = [f"{status}: {says}" for status, says in sorted(route.answers.items()) if (status, says) not in USUAL]
    if answers:
        lines.append("  - " + "; ".join(answers))
    return "\n".join(lines)


def _kind(kind: str, words: tuple[str, ...]) -> str:
    if words:
        return ", ".join(f"`{word}`" for word in words)
    return {"integer": "a number", "int": "a number", "string": "text", "str": "text", "flag": "1 or 0",
            "bool": "true or false", "dict": "an object"}[kind]  # fmt: skip
