"""Which files of a home belong to a snapshot of it, beside the database, and the list that a snapshot keeps of them."""

import json
import os
import re
import sqlite3
from collections.abc import Iterable, Iterator, Set
from contextlib import closing
from dataclasses import astuple
from enum import StrEnum
from pathlib import Path

from engine.core.errors import EngineError
from pipelines.records import dataclass

CONFIG, KEY, DATABASE = "treadle.yml", "secret.key", "treadle.db"
Log = tuple[int, int, int]  # run, job, attempt
_DIGEST = re.compile(r"[0-9a-f]{64}")
_LOG = re.compile(r"(\d+)-(\d+)\.(?:log|log\.zst|idx)")


class Kind(StrEnum):
    """What a file is. An artifact's is its manifest, which refers to contents in the blob store."""

    LOG = "log"
    ARTIFACT = "artifact"
    CONFIG = "config"
    KEY = "key"


@dataclass(frozen=True, slots=True)
class Found:
    """A file of the home, by its path from there."""

    name: str
    kind: Kind
    path: Path


@dataclass(frozen=True, slots=True)
class Kept:
    """A file in a snapshot. `changed_ns` is when it was last changed; `content_bytes` what a manifest stands for."""

    name: str
    kind: Kind
    size_bytes: int
    changed_ns: int
    digest: str
    content_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Counted:
    """What a database holds."""

    schema: int
    runs: int
    jobs: int


def found_files(home: Path, finished: Set[Log], config: Path | None) -> Iterator[Found]:
    """Yield the files that belong to a snapshot, in an order that stays: logs by number of run, what is new at the end.

    Of logs, those that are `finished` alone: an attempt that runs still writes. `config` is the configuration in use.
    """
    for name, kind, path in ((CONFIG, Kind.CONFIG, config or home / CONFIG), (KEY, Kind.KEY, home / KEY)):
        if path.is_file():
            yield Found(name, kind, path)
    for run in _folders(home / "logs"):
        for path in _files(run):
            named = _LOG.fullmatch(path.name)
            if named and run.name.isdecimal() and (int(run.name), int(named[1]), int(named[2])) in finished:
                yield Found(f"logs/{run.name}/{path.name}", Kind.LOG, path)
    yield from found_manifests(home)


def found_manifests(home: Path) -> Iterator[Found]:
    """Yield every manifest over the blob store: `artifacts/runs/RUN/NAME.json`."""
    for run in _folders(home / "artifacts" / "runs"):
        for path in _files(run):
            if path.suffix == ".json":
                yield Found(path.relative_to(home).as_posix(), Kind.ARTIFACT, path)


def referred(manifest: bytes, name: str) -> dict[str, int]:
    """Return the contents that a manifest refers to: digest to size. Raises EngineError for one that is none."""
    try:
        files = json.loads(manifest)["files"]
        contents = {str(file["digest"]): int(file["size_bytes"]) for file in files if file["digest"]}
        if not all(map(_DIGEST.fullmatch, contents)):
            raise ValueError("digests")
        return contents
    except (ValueError, KeyError, TypeError) as error:
        raise EngineError(f"{name} is no manifest ({error!r}).", "See `treadle doctor`.") from None


def finished_logs(database: Path) -> set[Log]:
    """Return whose logs are complete, by a copy of the database."""
    with closing(_reading(database)) as db:
        return set(
            db.execute(
                "SELECT job.run_id, attempt.job_id, attempt.number FROM attempt JOIN job ON job.id = attempt.job_id"
                " WHERE attempt.finished_at IS NOT NULL"
            )
        )


def counted(database: Path) -> Counted:
    with closing(_reading(database)) as db:
        [[schema]], [[runs]], [[jobs]] = (
            db.execute(query).fetchall()
            for query in ("PRAGMA user_version", "SELECT count(*) FROM run", "SELECT count(*) FROM job")
        )
    return Counted(schema, runs, jobs)


def write_listing(files: Iterable[Kept]) -> Iterator[bytes]:
    """Yield a line for each file: what a snapshot keeps as its list."""
    for file in files:
        yield json.dumps(astuple(file), separators=(",", ":"), ensure_ascii=True).encode() + b"\n"


def read_listing(blocks: Iterable[bytes]) -> Iterator[Kept]:
    """Yield what `write_listing` was given."""
    rest = b""
    for block in blocks:
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            name, kind, *numbers = json.loads(line)
            yield Kept(name, Kind(kind), *numbers)


def _folders(folder: Path) -> list[Path]:
    """Return the folders in a folder: those that are numbers by number, then the others by name."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    names.sort(key=lambda name: (0, int(name), "") if name.isdecimal() else (1, 0, name))
    return [folder / name for name in names]


def _files(folder: Path) -> list[Path]:
    """Return the files of a folder by name; nothing of one that was removed just now, with the run that it is of."""
    try:
        return sorted(path for path in folder.iterdir() if not path.is_dir())
    except FileNotFoundError:
        return []


def _reading(database: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
