"""Artifacts: all there are, one as a tar or zip, its files by name, or a single file of it."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

from aiohttp import web

from app.server.answers import SAFE, Refusal, begin, cut, send, tell
from app.server.desk import Call
from app.server.ranges import byte_range
from app.server.route import API, ID, Param, Route
from app.server.runs import find_run
from app.views.artifacts import contents_view
from engine.core.errors import EngineError
from engine.store.contents.archives import Form, archive_bytes
from engine.store.contents.manifest import Artifact


async def list_all(call: Call) -> web.StreamResponse:
    """The artifacts of all runs or of one, the newest run's first; whole runs, until `limit` is reached."""
    rules, wanted = call.desk.settings.retention, dict(call.query)
    run_id = wanted.pop("run", None)

    def look() -> dict[str, Any]:
        if run_id is None:
            return call.desk.artifact_list.view(rules, **wanted)
        return {"artifacts": call.desk.artifact_list.of_run(find_run(call.desk, run_id), rules), "before": None}

    return await tell(call, look)


async def download(call: Call) -> web.StreamResponse:
    """Give an artifact as an uncompressed tar or zip, made as it is sent."""
    artifact = await call.desk.ask(_find, call)
    form = Form(call.query.get("format", Form.TAR))
    size = await call.desk.ask(archive_bytes, artifact, form)
    kind, name = f"application/{'x-tar' if form is Form.TAR else 'zip'}", f"{artifact.name}.{form}"
    tag = f"{artifact.id:x}-{artifact.digest}-{form}"
    return await _give(call, kind, name, tag, size, lambda start, _: call.desk.artifacts.archive(artifact, form, start))


async def list_files(call: Call) -> web.StreamResponse:
    """An artifact and the files in it."""
    return await tell(call, lambda: contents_view(_find(call)))


async def download_file(call: Call) -> web.StreamResponse:
    """Give one file of an artifact; a link gives what it leads to."""
    artifact = await call.desk.ask(_find, call)
    path = call.request.match_info["path"]
    file = artifact.file(path)
    if file is None:
        raise Refusal(404, "The artifact has no such file.")
    read = call.desk.artifacts.read
    name = path.rpartition("/")[2]
    return await _give(
        call, "application/octet-stream", name, file.digest, file.size_bytes, lambda start, end: read(file, start, end)
    )


async def _give(
    call: Call, kind: str, name: str, tag: str, size: int, chunks: Callable[[int, int], Iterator[bytes]]
) -> web.StreamResponse:
    """Send something of a known size, or the range of it that is asked for; `tag` names exactly these bytes."""
    asked = byte_range(call.request.headers.get("Range"), size)
    if asked and call.request.headers.get("If-Range", f'"{tag}"') != f'"{tag}"':
        asked = None  # what the reader has is the beginning of something else
    start, end = asked or (0, size)
    headers = {
        **SAFE,
        "Content-Type": kind,
        "Content-Disposition": _attachment(name),
        "Content-Length": str(end - start),
        "Accept-Ranges": "bytes",
        "ETag": f'"{tag}"',
    }
    if asked:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    response = web.StreamResponse(status=206 if asked else 200, headers=headers)
    return await _send(call, response, chunks(start, end), end - start)


async def _send(call: Call, response: web.StreamResponse, chunks: Iterator[bytes], left: int) -> web.StreamResponse:
    """Send so many bytes of the chunks. A fault on the way ends the connection, not the file."""
    if not await begin(call.request, response):
        return response
    try:
        while left and (chunk := await call.desk.ask(next, chunks, None)) is not None:
            part = chunk[:left]
            left -= len(part)
            if part:
                await send(response, part)
        if left:
            raise EngineError("It is shorter than it was said to be.")
        await response.write_eof()
    except (EngineError, TimeoutError):
        cut(call.request)
    except ConnectionError:
        pass  # the reader has left
    return response


def _find(call: Call) -> Artifact:
    artifact = call.desk.artifact_list.find(call.ident)
    if artifact is None:
        raise Refusal(404, f"There is no artifact {call.ident}.")
    return artifact


def _attachment(name: str) -> str:
    return f"attachment; filename*=UTF-8''{quote(name, safe='')}"


ROUTES = (
    Route(
        "GET", f"{API}/artifacts", list_all, "artifacts, the newest run's first",
        query=(
            Param("repo", "string", "only of this repository"),
            Param("run", "integer", "only of this run, all of them"),
            Param("before", "integer", "the run to page on from: only of older ones"),
            Param("limit", "integer", "after how many to end, with a whole run", least=1),
        ),
    ),
    Route(
        "GET", f"{API}/artifacts/{ID}", download, "an artifact, as a tar or zip; takes Range",
        query=(Param("format", "string", "which (tar)", words=tuple(map(str, Form))),), gives="application/x-tar",
    ),
    Route("GET", f"{API}/artifacts/{ID}/files", list_files, "the files of an artifact"),
    Route(
        "GET", f"{API}/artifacts/{ID}/files/{{path:.+}}", download_file,
        "one file of an artifact, links followed; takes Range", gives="application/octet-stream",
    ),
)  # fmt: skip
