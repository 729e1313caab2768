"""An artifact fetched: as files in a folder, as one archive, or one file of it. Never over anything that is there."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.cli.output import talk
from app.cli.source import Source
from app.fetching import Wanted, fetch, wanted_file
from app.unpacking import folder_name, unpack
from app.wording import count_of, size
from engine.core.errors import EngineError, SettingsError

STDOUT = "-"
Told = Mapping[str, Any]


def get(source: Source, artifact: Told, path: str | None, form: str | None, output: str | None) -> Path | None:
    """Fetch what a line asks for; say so, and return where it is now (None: on stdout).

    Raises UnpackError when something is in the way, SettingsError for a line that means nothing.
    """
    if path is not None and form is not None:
        raise SettingsError("A PATH is one file of the artifact; --tar and --zip give all of it.")
    if path is None and form is None:
        if output == STDOUT:
            raise SettingsError("A folder is nothing for stdout.", "Name one file of it, or say --tar or --zip.")
        into = Path(output or folder_name(artifact["run"], artifact["name"]))
        unpack(source.artifact_archive(artifact, "tar"), into, artifact["files"], artifact["size_bytes"])
        talk(f"{count_of(artifact['files'], 'file')}, {size(artifact['size_bytes'])}, in {into}.")
        return into
    contents = source.artifact_contents(artifact)
    wanted = (
        _archive(source, contents, form)
        if form is not None
        else wanted_file(contents, path or "", lambda found, start: source.artifact_file(contents, found, start))
    )
    if output == STDOUT:
        _pour(wanted)
        return None
    target = _target(output, wanted.name)
    fetch(wanted, target, talk)
    talk(f"{size(wanted.size_bytes)} in {target}.")
    return target


def _archive(source: Source, contents: Told, form: str) -> Wanted:
    return Wanted(
        name=f"{folder_name(contents['run'], contents['name'])}.{form}",
        key=f"{contents['id']:x}-{form}",
        size_bytes=contents["archives"][form],
        chunks=lambda start: source.artifact_archive(contents, form, start),
    )


def _target(output: str | None, name: str) -> Path:
    if output is None:
        return Path(name)
    given = Path(output)
    return given / name if given.is_dir() or output.endswith("/") else given


def _pour(wanted: Wanted) -> None:
    if sys.stdout.isatty() and not wanted.digest:
        raise EngineError("An archive is nothing for a terminal.", "Send it to a file or a pipe.")
    out, left = sys.stdout.buffer, wanted.size_bytes
    for chunk in wanted.chunks(0):
        out.write(chunk)
        left -= len(chunk)
    out.flush()
    if left:
        raise EngineError(f"{size(left)} of {size(wanted.size_bytes)} are missing.", "Try again.")
