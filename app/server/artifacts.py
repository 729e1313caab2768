"""Artifacts: all there are, one as a tar, its files by name, or a single file of it."""

import asyncio
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from aiohttp import web

from app.server.answers import SAFE, Refusal, answer
from app.server.desk import Call
from app.server.ranges import byte_range
from app.server.runs import find_run
from app.shapes import artifact_shape
from engine.core.errors import EngineError
from engine.store.artifacts import Artifact, ArtifactFile

SLOW_S = 60.0


async def list_all(call: Call) -> web.StreamResponse:
    """The artifacts of all runs or of one, the newest run's first; whole runs, until `limit` is reached."""
    rules, wanted = call.desk.settings.retention, dict(call.query)
    run_id = wanted.pop("run", None)

    def look() -> dict[str, Any]:
        if run_id is None:
            return call.desk.artifact_list.view(rules, **wanted)
        return {"artifacts": call.desk.artifact_list.of_run(find_run(call.desk, run_id), rules), "before": None}

    return answer(await call.desk.ask(look))


async def download(call: Call) -> web.StreamResponse:
    """Give an artifact as an uncompressed tar, made as it is sent."""
    artifact = await call.desk.ask(_find, call)
    headers = SAFE | {"Content-Type": "application/x-tar", "Content-Disposition": _attachment(f"{artifact.name}.tar")}
    response = web.StreamResponse(headers=headers)
    return await _send(call, response, call.desk.artifacts.tar(artifact), 0, None)


async def list_files(call: Call) -> web.StreamResponse:
    """An artifact and the files in it."""
    artifact = await call.desk.ask(_find, call)
    files = [
        {"path": file.path, "size_bytes": file.size_bytes, "mode": file.mode, "digest": file.digest, "link": file.link}
        for file in artifact.files
    ]
    return answer(artifact_shape(artifact) | {"files": files})


async def download_file(call: Call) -> web.StreamResponse:
    """Give one file of an artifact."""
    artifact = await call.desk.ask(_find, call)
    path = call.request.match_info["path"]
    file = next((one for one in artifact.files if one.path == path and one.link is None), None)
    if file is None:
        raise Refusal(404, "The artifact has no such file.")
    asked = byte_range(call.request.headers.get("Range"), file.size_bytes)
    start, end = asked or (0, file.size_bytes)
    headers = {
        **SAFE,
        "Content-Type": "application/octet-stream",
        "Content-Disposition": _attachment(path.rpartition("/")[2]),
        "Content-Length": str(end - start),
        "Accept-Ranges": "bytes",
    }
    if asked:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{file.size_bytes}"
    response = web.StreamResponse(status=206 if asked else 200, headers=headers)
    return await _send(call, response, _content(call, file), start, end)


def _content(call: Call, file: ArtifactFile) -> Iterator[bytes]:
    return call.desk.artifacts.read(file)


async def _send(
    call: Call, response: web.StreamResponse, chunks: Iterator[bytes], start: int, end: int | None
) -> web.StreamResponse:
    """Send what the chunks hold from `start` up to `end`. A fault on the way ends the connection, not the file."""
    await response.prepare(call.request)
    at = 0
    try:
        while (end is None or at < end) and (chunk := await call.desk.ask(next, chunks, None)) is not None:
            part = chunk[max(0, start - at) : None if end is None else end - at]
            at += len(chunk)
            if part:
                async with asyncio.timeout(SLOW_S):
                    await response.write(part)
        await response.write_eof()
    except (EngineError, TimeoutError):
        if call.request.transport is not None:
            call.request.transport.abort()  # a cut connection: the reader must not take this for the whole
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
