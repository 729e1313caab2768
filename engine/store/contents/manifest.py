"""What an artifact is, and the manifest that says so: a line of JSON, written once and read whole, or its head alone.

A manifest that the disk or a person has damaged is an artifact still, which says that of itself.
"""

import hashlib
import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from engine.core.clock import rfc3339
from engine.core.errors import EngineError
from pipelines.records import dataclass

LINKS = 40  # followed one after another
HEAD_BYTES, TAIL_BYTES = 4096, 64
_ID = re.compile(rb'\{"id": (\d{1,15}),')
_FILES = b', "files": ['
_TAIL = re.compile(rb'\], "retention_days": (?:null|\d+)\}$')
_FAULTS = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)


class ArtifactError(EngineError):
    """An artifact that cannot be kept or given: its name, its size or its archive is at fault."""


class ArtifactExists(ArtifactError):
    """The run has an artifact of this name, and nobody asked to overwrite it."""


@dataclass(frozen=True, slots=True)
class ArtifactFile:
    """One file: `digest` is the SHA-256 of its content. A symbolic link has `link`, and neither digest nor size."""

    path: str
    mode: int
    size_bytes: int
    digest: str
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Artifact:
    """A finished artifact. `digest` is over the list of files; `id` fits into JSON's integers and is never reused.

    `damage` says what is wrong with one whose manifest cannot be read: it has no files, and nobody is given it.
    """

    id: int
    run_id: int
    job_id: int
    attempt: int
    name: str
    size_bytes: int
    digest: str
    created_at: datetime
    files: tuple[ArtifactFile, ...]
    retention_days: int | None = None
    damage: str = ""

    @property
    def extent(self) -> str:
        """How much it is, in words."""
        return f"{len(self.files)} file{'' if len(self.files) == 1 else 's'}, {self.size_bytes} bytes"

    def file(self, path: str) -> ArtifactFile | None:
        """Return the file at a path, links followed; None where none is."""
        links = {one.path: one.link for one in self.files if one.link is not None}
        found = led_to(path, links)
        return next((one for one in self.files if one.path == found and one.link is None), None)


def led_to(path: str, links: Mapping[str, str]) -> str:
    """Return where a path in an artifact leads over its symbolic links; "" for one that leads nowhere."""
    path = posixpath.normpath(path)
    for _ in range(LINKS):
        link = next((one for one in _and_above(path) if one in links), None)
        if link is None:
            return path
        path = posixpath.normpath(posixpath.join(posixpath.dirname(link), links[link], path[len(link) + 1 :]))
    return ""


def _and_above(path: str) -> Iterator[str]:
    parts = path.split("/")
    return ("/".join(parts[:count]) for count in range(1, len(parts) + 1))


def refuse_damaged(artifact: Artifact) -> None:
    """Raise ArtifactError for an artifact that is damaged."""
    if artifact.damage:
        raise ArtifactError(artifact.damage)


def manifest_text(artifact: Artifact) -> str:
    """Return what `read_manifest` reads; the id comes first, the files last but one."""
    told = asdict(artifact) | {"created_at": rfc3339(artifact.created_at)}
    del told["damage"]
    return json.dumps(told)


def read_manifest(path: Path) -> Artifact | None:
    """Return the artifact of a manifest, None where there is none; a damaged one has no files."""
    try:
        return _artifact(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except _FAULTS as error:
        return _damaged(path, error)


def read_head(path: Path) -> Artifact | None:
    """Return it without its files, from the first bytes and the last; what those do not tell is read whole."""
    try:
        with path.open("rb") as manifest:
            start = manifest.read(HEAD_BYTES)
            manifest.seek(max(0, path.stat().st_size - TAIL_BYTES))
            tail = _TAIL.search(manifest.read())
        at = start.find(_FILES)  # which no name can hold: its quotes would be escaped
        if at >= 0 and tail is not None:
            return _artifact(json.loads(start[:at] + _FILES + tail[0]))
    except _FAULTS:
        pass  # as a whole it may be told better
    whole = read_manifest(path)
    return None if whole is None else replace(whole, files=())


def id_in(path: Path) -> int | None:
    """Return the id that a manifest gives its artifact, one of the file's own where that is damaged; None for none."""
    try:
        with path.open("rb") as manifest:
            found = _ID.match(manifest.read(32))
    except FileNotFoundError:
        return None
    except OSError:
        found = None
    if found is not None:
        return int(found[1])
    place = hashlib.sha256("/".join(path.parts[-2:]).encode("utf-8", "surrogateescape"))
    return int.from_bytes(place.digest()[:6], "big")


def _artifact(data: dict[str, Any]) -> Artifact:
    for name, kind in (("id", int), ("run_id", int), ("job_id", int), ("name", str), ("size_bytes", int)):
        if type(data[name]) is not kind:
            raise TypeError(f"its {name} is a {type(data[name]).__name__}")
    files = tuple(ArtifactFile(**file) for file in data["files"])
    return Artifact(**{**data, "files": files, "created_at": datetime.fromisoformat(data["created_at"])})


def _damaged(path: Path, error: Exception) -> Artifact | None:
    try:
        written_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except FileNotFoundError:
        return None
    run, name = int(path.parent.name) if path.parent.name.isdecimal() else 0, unquote(path.stem)
    damage = (
        f"The artifact {name!r} of run r{run} is damaged: {path} cannot be read ({type(error).__name__}). "
        "Put that file back from a snapshot or a backup, or delete it and run the job again."
    )
    return Artifact(id_in(path) or 0, run, 0, 0, name, 0, "", written_at, (), None, damage)
