"""An artifact as files: laid down below the folder that Treadle was started in."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
