"""What a person sees who clicks a commit's status: a run with its jobs, and their logs as text. Reads only, no scripts.

A browser shows its token once, in the address, and goes on with a cookie: good for these pages alone, and for nothing
that changes anything.
"""

import base64
import hashlib
from collections.abc import AsyncIterator
from datetime import datetime
from html import escape
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from app.log_text import shown
from app.server.answers import SAFE, Refusal, begin, send
from app.server.auth import caller_by, check_address, over_socket
from app.server.desk import Call, Desk
from app.server.route import PUBLIC, READ, Param, Route
from app.server.runs import find_job, find_run
from app.wording import place_of
from engine.core.records import Attempt, Job, Run
from engine.core.spans import span
from engine.core.states import JOB_FINAL, RUN_FINAL
from engine.store import remarks
from engine.store.logs.reader import LogReader
from widgets.glyphs import look
from widgets.safe_text import plain, uncoloured

COOKIE = "treadle_token"
COOKIE_S = 30 * 86_400
AGAIN_S = 5  # how often a page of a run that goes on loads itself again
BLOCK_BYTES = 256 * 1024
SHOWN, LONGEST = 100, 64 * 1024  # annotations and summaries, and characters of one
LEVELS = {"error": "red", "warning": "yellow", "notice": "cyan"}
STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.3rem; margin: 0; }
h2 { font-size: 1rem; margin: 1.5rem 0 .3rem; }
ul { padding-left: 1.2rem; } pre { white-space: pre-wrap; overflow-wrap: anywhere; }
p { margin: .3rem 0; }
table { border-collapse: collapse; width: 100%; margin-top: 1.5rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .8rem .35rem 0; border-bottom: 1px solid #8884; }
th, small { font-weight: normal; opacity: .7; }
code { font-family: ui-monospace, monospace; }
.green { color: #1a7f37; } .red { color: #cf222e; } .yellow { color: #9a6700; } .blue { color: #0969da; }
.cyan { color: #1b7c83; } .magenta { color: #8250df; }
@media (prefers-color-scheme: dark) {
  .green { color: #3fb950; } .red { color: #f85149; } .yellow { color: #d29922; } .blue { color: #58a6ff; }
  .cyan { color: #39c5cf; } .magenta { color: #bc8cff; }
}
"""
_DIGEST = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HTML = SAFE | {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_DIGEST}'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",  # the address may hold a token for a moment
}


async def run_page(call: Call) -> web.StreamResponse:
    """Show a run: how it stands, and its jobs in the order of the workflow file."""
    if (other := await _at_the_door(call)) is not None:
        return other

    def find() -> str:
        run = find_run(call.desk, call.ident)
        jobs = call.desk.store.queries.jobs(run.id)
        attempts: dict[int, list[Attempt]] = {job.id: [] for job in jobs}
        for attempt in call.desk.store.queries.run_attempts(run.id):
            attempts.setdefault(attempt.job_id, []).append(attempt)
        said = _annotations(remarks.run_annotations(run.id, SHOWN)) + _summaries(remarks.run_summaries(run.id, SHOWN))
        return _run(run, jobs, attempts, call.desk.clock.now(), said)

    return web.Response(text=await call.desk.ask(find), content_type="text/html", headers=HTML)


async def log_page(call: Call) -> web.StreamResponse:
    """Show the log of a job's attempt as text that a browser can show: without colours, harmless, up to now."""
    if (other := await _at_the_door(call)) is not None:
        return other
    job = await call.desk.ask(find_job, call.desk, call.ident)
    if job.run_id != int(call.request.match_info["run"]):
        raise Refusal(404, f"Run {call.request.match_info['run']} has no job {job.id}.")
    number: int = call.query.get("attempt", job.attempts)
    try:
        reader = LogReader(call.desk.store.log_path(job.run_id, job.id, number))
    except FileNotFoundError:
        raise Refusal(404, f"Job {job.id} has no log of attempt {number}.") from None
    with reader:
        response = web.StreamResponse(headers=SAFE | {"Content-Type": "text/plain; charset=utf-8"})
        if not await begin(call.request, response):
            return response
        async for lines in _lines(call.desk, reader):
            await send(response, shown(lines, colours=False).encode("utf-8", "replace"))
        await response.write_eof()
    return response


TOKEN = Param("token", "string", "a token with the scope read; it becomes a cookie")
ROUTES = (
    Route(
        "GET", "/runs/{id:[0-9]{1,15}}", run_page, "a run as a page for people", PUBLIC, (TOKEN,), gives="text/html",
        answers={200: "the page", 303: "the token is taken; go on without it", 401: "a page that asks for a token"},
    ),
    Route(
        "GET", "/runs/{run:[0-9]{1,15}}/jobs/{id:[0-9]{1,15}}/log", log_page, "a job's log, as text for people", PUBLIC,
        (TOKEN, Param("attempt", "integer", "which attempt (the latest)", least=1)), gives="text/plain",
        answers={200: "the log", 401: "a page that asks for a token", 404: "there is none"},
    ),
)  # fmt: skip
"""Their scope is PUBLIC because they let people in by themselves: by cookie, and with a page that asks."""


async def _at_the_door(call: Call) -> web.StreamResponse | None:
    """Return what to answer whoever may not read (yet), None to those who may."""
    request, desk = call.request, call.desk
    if over_socket(request):
        return None
    check_address(
        request, desk.settings.listen.host, any_host=False, no_origin=False, public_url=desk.settings.public_url
    )
    asked = "text/html" in request.headers.get("Accept", "") and "Authorization" not in request.headers
    given: str | None = call.query.get("token")
    try:
        await caller_by(desk, request, READ, given or request.cookies.get(COOKIE))
    except Refusal as refusal:
        if not asked:
            raise
        sentence = refusal.sentence if given else "This page is for people with a token."
        headers = HTML | dict(refusal.headers)
        text = _door(sentence, call.query.get("attempt"))
        return web.Response(text=text, status=refusal.status, content_type="text/html", headers=headers)
    return _with_cookie(call, given) if given else None


def _with_cookie(call: Call, token: str) -> web.Response:
    """Send the browser to the same page without the token in its address.

    Lax, not strict: people come from the forge's page, and a strict cookie would stay at home then.
    """
    public = urlsplit(call.desk.settings.public_url or "")
    rest = call.request.rel_url.without_query_params("token").raw_query_string
    here = call.request.rel_url.raw_path.rpartition("/")[2]
    response = web.Response(status=303, headers=HTML | {"Location": f"{here}?{rest}" if rest else here})
    response.set_cookie(
        COOKIE,
        token,
        max_age=COOKIE_S,
        path=f"{public.path}/runs",
        httponly=True,
        samesite="Lax",
        secure=public.scheme == "https",
    )
    return response


async def _lines(desk: Desk, reader: LogReader) -> AsyncIterator[bytes]:
    """Yield a log as it is now, cut between lines where it has any."""
    at, rest, size = 0, b"", reader.size
    while at < size:
        block = await desk.ask(reader.read, at, min(at + BLOCK_BYTES, size))
        if not block:
            break
        at += len(block)
        whole, end, rest = (rest + block).rpartition(b"\n")
        if len(rest) > BLOCK_BYTES:
            whole, end, rest = rest, b"", b""
        if whole or end:
            yield whole + end
    if rest:
        yield rest


def _run(run: Run, jobs: list[Job], attempts: dict[int, list[Attempt]], now: datetime, said: str) -> str:
    where = run.ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
    facts = [
        _status(str(run.status)),
        _took(run.started_at, run.finished_at, now),
        f"<bdi>{_text(where)}</bdi> <code>{_text(run.sha[:10])}</code>",
        _text(run.event) + (f" by <bdi>{_text(run.actor)}</bdi>" if run.actor else ""),
        f"{run.created_at:%Y-%m-%d %H:%M} UTC",
    ]
    rows = "".join(_row(run, job, attempts[job.id], now) for job in jobs)
    why = f"<p>{_text(run.reason)}</p>" if run.reason else ""
    body = (
        f"<h1><bdi>{_text(run.repo)}</bdi>: <bdi>{_text(run.workflow_name)}</bdi> #{run.number}</h1>"
        f"<p><bdi>{_text(run.title)}</bdi></p><p>{' · '.join(fact for fact in facts if fact)}</p>{why}"
        f"<table><tr><th>Status<th>Job<th>Took<th>Log</tr>{rows}</table>{said}"
    )
    over = run.status in RUN_FINAL
    title = f"{look(str(run.status)).glyph} {run.workflow_name} #{run.number}, {run.repo}"
    return _page(title, body, "" if over else f'<meta http-equiv="refresh" content="{AGAIN_S}">')


def _annotations(found: list[dict[str, Any]]) -> str:
    """Return a list of what steps found."""
    rows = ""
    for one in found:
        place = f" <code>{_text(place_of(one))}</code>" if place_of(one) else ""
        title = f"<b><bdi>{_text(one['title'])}</bdi></b> " if one.get("title") else ""
        code = f" <code>{_text(one['code'])}</code>" if one.get("code") else ""
        rows += (
            f'<li><span class="{LEVELS.get(one["level"], "")}">{_text(one["level"])}</span>{place} {title}'
            f"<bdi>{_text(one['message'])}</bdi>{code}<br><small><bdi>{_text(one['name'])}</bdi></small>"
        )
    return f"<h2>Annotations</h2><ul>{rows}</ul>" if rows else ""


def _summaries(found: list[dict[str, Any]]) -> str:
    """Return what steps sum up, as the text that they wrote: none of it is read as Markdown or HTML."""
    return "".join(
        f"<h2><bdi>{_text(one['name'])}, {_text(one['step_name'])}</bdi></h2>"
        f"<pre>{escape(uncoloured(one['text'][:LONGEST]))}</pre>"
        for one in found
    )


def _row(run: Run, job: Job, attempts: list[Attempt], now: datetime) -> str:
    logs = " ".join(
        f'<a href="{run.id}/jobs/{job.id}/log?attempt={one.number}">'
        f"{'log' if len(attempts) == 1 else f'attempt {one.number}'}</a>"
        for one in attempts
    )
    needs = f"<br><small>after {', '.join(map(_text, job.needs))}</small>" if job.needs else ""
    until = job.finished_at if job.status in JOB_FINAL else None
    return (
        f"<tr><td>{_status(str(job.status), job.reason)}<td><bdi>{_text(job.name)}</bdi>{needs}"
        f"<td>{_took(job.started_at, until, now)}<td>{logs}</tr>"
    )


def _status(status: str, reason: str = "") -> str:
    shape = look(status)
    why = f"<br><small>{_text(reason)}</small>" if reason else ""
    return f'<span class="{shape.colour}">{shape.glyph} {escape(shape.word)}</span>{why}'


def _took(begun: datetime | None, ended: datetime | None, now: datetime) -> str:
    return "" if begun is None else escape(span(((ended or now) - begun).total_seconds()))


def _door(sentence: str, attempt: int | None) -> str:
    kept = "" if attempt is None else f'<input type="hidden" name="attempt" value="{attempt}">'
    body = (
        f"<h1>Treadle</h1><p>{_text(sentence)}</p>"
        f'<form method="get">{kept}<p><label>Token <input name="token" type="password" autofocus required '
        'autocomplete="current-password"></label> <button>Show the page</button></p></form>'
        "<p><small>Where treadle runs: <code>treadle token create --name ME --scope read</code></small></p>"
    )
    return _page("Treadle", body)


def _page(title: str, body: str, head: str = "") -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">{head}'
        f'<meta name="viewport" content="width=device-width"><title>{_text(title)}</title>'
        f"<style>{STYLE}</style></head><body>{body}</body></html>\n"
    )


def _text(text: Any) -> str:
    """Return a text of anybody's as HTML that shows it, on one line."""
    return escape(plain(str(text)))
