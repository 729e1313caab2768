"""An artifact as files: laid down below the folder that Treadle was started in."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.fetching import fetch, file_name, wanted_file
from app.tui.log_files import free_name
from app.unpacking import folder_name, unpack
from app.wording import size
from engine.core.errors import EngineError

if TYPE_CHECKING:
    from app.tui.tui import TreadleApp

SILENCE_S = 60.0


async def save(app: "TreadleApp", artifacts: Sequence[Mapping[str, Any]]) -> None:
    """Save one artifact after the other, and tell of each."""
    for artifact in artifacts:
        await _save(app, artifact)


async def _save(app: "TreadleApp", artifact: Mapping[str, Any]) -> None:
    """Lay an artifact's files down in a folder of their own; never over other files, never outside of it."""
    run, name = artifact["run"], artifact["name"]
    into = free_name(Path.cwd(), folder_name(run, name), "")
    line = shlex.join(["treadle", "artifact", "get", f"r{run}", name, "--output", into.name])
    try:
        await app.ask(_fetch, app, artifact, into)
    except EngineError as error:
        app.tell(f"{name} could not be saved: {error}\n$ {line}", bad=True)
    else:
        app.tell(f"Saved {artifact['files']} files, {size(artifact['size_bytes'])}, in {into}.\n$ {line}")


def _fetch(app: "TreadleApp", artifact: Mapping[str, Any], into: Path) -> None:
    chunks = app.session.client.stream(f"/artifacts/{artifact['id']}", timeout_s=SILENCE_S)
    unpack(chunks, into, artifact["files"], artifact["size_bytes"])


async def save_files(app: "TreadleApp", artifact: Mapping[str, Any], files: Sequence[Mapping[str, Any]]) -> None:
    """Save single files of an artifact, each under its own name; tell of each."""
    for file in files:
        name = file_name(file["path"])
        stem, dot, ending = name.rpartition(".") if "." in name[1:] else (name, "", "")
        target = free_name(Path.cwd(), stem, f"{dot}{ending}")
        what = (f"r{artifact['run']}", artifact["name"], file["path"])
        line = shlex.join(["treadle", "artifact", "get", *what, "--output", target.name])
        try:
            got = await app.ask(_fetch_file, app, artifact, file["path"], target)
        except EngineError as error:
            app.tell(f"{name} could not be saved: {error}\n$ {line}", bad=True)
        else:
            app.tell(f"Saved {size(got)} in {target}.\n$ {line}")


def _fetch_file(app: "TreadleApp", artifact: Mapping[str, Any], path: str, target: Path) -> int:
    """Fetch one file; return its bytes. What a cut line leaves is taken up the next time."""
    client = app.session.client
    contents = client.get(f"/artifacts/{artifact['id']}/files")

    def chunks(found: str, start: int) -> Iterator[bytes]:
        return client.stream(f"/artifacts/{artifact['id']}/files/{found}", timeout_s=SILENCE_S, start=start)

    wanted = wanted_file(contents, path, chunks)
    fetch(wanted, target, lambda _: None)
    return wanted.size_bytes
