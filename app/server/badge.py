"""A picture of how a workflow stands: small, self-contained SVG, safe whatever the names in it are."""

from html import escape

from aiohttp import web

from app.server.answers import SAFE, Refusal
from app.server.desk import Call
from app.server.route import BADGE, Param, Route
from engine.core.states import RUN_FINAL, RunStatus
from engine.store import greens

COLOURS = {
    RunStatus.SUCCESS: "#2da44e",
    RunStatus.FAILED: "#cf222e",
    RunStatus.CANCELLED: "#6e7781",
    RunStatus.SKIPPED: "#6e7781",
}
NONE = "#9f9f9f"
LOOK_BACK = 50
LONGEST = 60
DIGIT_PX, PADDING_PX = 7, 10


async def badge(call: Call) -> web.StreamResponse:
    """Show what the latest finished run of a workflow says of its commit, on a branch or on any."""
    repo, workflow = call.request.match_info["repo"], call.request.match_info["workflow"]
    if call.desk.repo(repo) is None:
        raise Refusal(404, "There is no such repository here.")
    runs = await call.desk.ask(
        call.desk.store.queries.runs, repo, call.query.get("branch"), workflow=workflow, limit=LOOK_BACK
    )
    said = await call.desk.ask(greens.standings, [run.id for run in runs if run.status in RUN_FINAL])
    status = said[max(said)] if said else None
    label = runs[0].workflow_name if runs else workflow
    word, colour = ("no runs", NONE) if status is None else (str(status), COLOURS.get(status, NONE))
    headers = SAFE | {"Cache-Control": "no-cache, max-age=30"}
    return web.Response(text=picture(label, word, colour), content_type="image/svg+xml", headers=headers)


def picture(label: str, word: str, colour: str) -> str:
    """Return the SVG. Widths are reckoned from the count of characters and given to the text, which then fits."""
    label = "".join(char if char.isprintable() else "�" for char in label[:LONGEST])
    left, right = (len(text) * DIGIT_PX + PADDING_PX for text in (label, word))
    name = escape(f"{label}: {word}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" aria-label="{name}">'
        f"<title>{name}</title>"
        f'<clipPath id="r"><rect width="{left + right}" height="20" rx="3"/></clipPath>'
        f'<g clip-path="url(#r)"><rect width="{left}" height="20" fill="#24292f"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{colour}"/></g>'
        '<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
        f"{_text(label, left / 2, left - PADDING_PX)}{_text(word, left + right / 2, right - PADDING_PX)}</g></svg>\n"
    )


def _text(text: str, middle: float, width: int) -> str:
    return f'<text x="{middle:g}" y="14" textLength="{width}" lengthAdjust="spacingAndGlyphs">{escape(text)}</text>'


ROUTES = (
    Route(
        "GET", "/badge/{repo:.+}/{workflow}.svg", badge, "how a workflow stands, as a picture", BADGE,
        query=(Param("branch", "string", "on this branch (any)"),), gives="image/svg+xml",
    ),
)  # fmt: skip
