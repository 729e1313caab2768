"""A home in one tar: written as a stream while the home works, read back with distrust.

It holds what a restored home needs, under the names it has there: the database, key and configuration, the logs of what
has ended, the manifests with their contents, the mirrors. `backup.json` comes first, `digests.json` last, so that a tar
that was cut short is known for one. The key is in it: who has the file can read the secrets.
"""

import hashlib
import io
import json
import os
import re
import tarfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import zstandard

from engine.core.clock import rfc3339
from engine.core.errors import EngineError
from engine.store.contents.blobs import Blobs
from engine.store.contents.tars import Member
from engine.store.copies.files import (
    DATABASE,
    Kind,
    counted,
    finished_logs,
    found_files,
    referred,
)
from engine.store.copies.restore import Restored, RestoreError, broken_manifests, new_home, waken
from engine.store.copies.snapshots import SnapshotError
from engine.store.database import copy_database, damage_of

FORM = 1
ABOUT, DIGESTS = "backup.json", "digests.json"
BLOCK = 1 << 20
SMALL_BYTES = 1 << 20  # what is smaller is read whole before its header is written: it may be replaced meanwhile
DIGESTS_LIMIT_BYTES = 1 << 30
_MIRRORS = ("refs", "packed-refs", "HEAD", "config", "")  # in this order: what a ref names is there when it is read
_NAMES = re.compile(
    r"""backup\.json|digests\.json|treadle\.db|secret\.key|treadle\.yml
    |logs/[0-9]{1,15}/[0-9]{1,15}-[0-9]{1,9}\.(?:log|log\.zst|idx)
    |artifacts/blobs/[0-9a-f]{2}/[0-9a-f]{64}\.(?:zst|list)
    |artifacts/runs/[0-9]{1,15}/[^/\0]+\.json
    |repos/(?:[^/\0]+/)+[^/\0]+""",
    re.VERBOSE,
)


def write_backup(home: Path, out: IO[bytes], now: datetime, config: Path | None = None) -> dict[str, Any]:
    """Write a backup of `home` to `out`, which need not be seekable; return what `backup.json` says, with counts and
    the manifests that were left out because the home lacks their contents.

    Beside an engine that works: the database is as it is now, and everything it calls finished is in.
    """
    blobs = Blobs(home / "artifacts")
    with blobs.batch() as batch:
        folder = batch.draft()
        folder.mkdir(mode=0o700)
        copy = folder / DATABASE
        copy_database(home / DATABASE, copy)
        if word := damage_of(copy):
            raise SnapshotError(
                f"The database is damaged, so there is no backup of it: {word}.", "See `treadle doctor`."
            )
        facts = counted(copy)
        about = {
            "form": FORM,
            "created_at": rfc3339(now),
            "schema": facts.schema,
            "runs": facts.runs,
            "jobs": facts.jobs,
        }
        tar = _Writer(out, int(now.timestamp()))
        tar.add_bytes(ABOUT, json.dumps(about).encode())
        tar.add_file(DATABASE, copy)
        wanted: set[str] = set()
        incomplete: list[str] = []
        for found in found_files(home, finished_logs(copy), config):
            if found.kind is not Kind.ARTIFACT:
                tar.add_file(found.name, found.path)
            elif (data := _read(found.path)) is not None:
                try:
                    contents = referred(data, found.name)
                except EngineError:  # it is damaged, and shown so
                    incomplete.append(found.name)
                    continue
                if all(map(batch.want, contents)):  # none of them goes meanwhile
                    wanted |= blobs.reach(contents)
                    tar.add_bytes(found.name, data)
                elif found.path.exists():  # else it was removed just now, and its contents with it
                    incomplete.append(found.name)
        for digest in sorted(wanted):
            for path in (blobs.list_path(digest), blobs.path(digest)):
                tar.add_file(path.relative_to(home).as_posix(), path)
        for path in _mirror_files(home / "repos"):
            tar.add_file(path.relative_to(home).as_posix(), path)
        tar.add_bytes(DIGESTS, json.dumps(tar.digests).encode())
        tar.close()
        return about | {"files": len(tar.digests), "size_bytes": tar.size_bytes, "incomplete": incomplete}


def restore_backup(path: Path, to: Path, now: datetime) -> Restored:
    """Make a home of a backup. Raises RestoreError, with nothing at `to`, for any tar that is not one, whole."""
    try:
        with new_home(to, path.stat().st_size) as home:
            digests, promised = _unpack(path, home)
            for name in digests.keys() ^ promised.keys():
                raise RestoreError(f"{path} is not whole: {name!r} is missing, or too much.")
            for name, digest in digests.items():
                if promised[name] != digest:
                    raise RestoreError(f"{path} is damaged: {name!r} is not what was written.")
            _check_contents(home)
            contents = sum(name.startswith("artifacts/blobs/") for name in digests)
            return waken(home, to, now, len(digests) - contents, contents)
    except FileNotFoundError as error:
        raise RestoreError(f"There is no {error.filename}.") from None
    except (tarfile.TarError, EOFError, OverflowError, UnicodeError) as error:
        raise RestoreError(f"{path} is no backup: {error}.") from None


class _Writer:
    """A tar as it is written, with the SHA-256 of all that is in it."""

    def __init__(self, out: IO[bytes], at_s: int) -> None:
        self._out = out
        self._at_s = at_s
        self.digests: dict[str, str] = {}
        self.size_bytes = 0

    def add_bytes(self, name: str, data: bytes) -> None:
        self._add(name, io.BytesIO(data), len(data))

    def add_file(self, name: str, path: Path) -> None:
        """Add a file as it is now; one that is gone is left out."""
        try:
            with path.open("rb") as content:
                size = os.fstat(content.fileno()).st_size
                if size > SMALL_BYTES:
                    self._add(name, content, size)
                else:
                    self.add_bytes(name, content.read())
        except FileNotFoundError:
            return

    def _add(self, name: str, content: IO[bytes], size_bytes: int) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode, member.mtime = size_bytes, 0o600, self._at_s
        self._write(member.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape"))
        digest, left = hashlib.sha256(), size_bytes
        while left:
            block = content.read(min(BLOCK, left))
            if not block:
                raise SnapshotError(f"{name} became shorter while it was read.", "Try again.")
            digest.update(block)
            self._write(block)
            left -= len(block)
        self._write(bytes(-size_bytes % tarfile.BLOCKSIZE))
        self.digests[name] = digest.hexdigest()

    def close(self) -> None:
        end = 2 * tarfile.BLOCKSIZE
        self._write(bytes(end + -(self.size_bytes + end) % tarfile.RECORDSIZE))

    def _write(self, data: bytes) -> None:
        self._out.write(data)
        self.size_bytes += len(data)


def _unpack(path: Path, home: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Write what is in the tar below `home`; return the digests of what was found, and those that were promised."""
    digests: dict[str, str] = {}
    promised: dict[str, str] | None = None
    with tarfile.open(path, "r:", tarinfo=Member) as tar:
        for member in tar:
            name = member.name
            if promised is not None:
                raise RestoreError(f"{path} goes on after its end.")
            if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
                raise RestoreError(f"{path} holds {name!r}, which is no plain file.")
            if not _NAMES.fullmatch(name) or ".." in name.split("/") or "." in name.split("/") or name in digests:
                raise RestoreError(f"{path} holds {name!r}, which is not of a backup, or twice.")
            content = tar.extractfile(member)
            assert content is not None
            if name == DIGESTS:
                promised = _digests(content.read(DIGESTS_LIMIT_BYTES))
            elif not digests:
                about = content.read(SMALL_BYTES)
                _check_about(path, name, about)
                digests[name] = hashlib.sha256(about).hexdigest()
            else:
                digests[name] = _write(content, member.size, home, name)
            tar.members = []  # type: ignore[attr-defined]  # it would keep the header of every file
    if promised is None:
        raise RestoreError(f"{path} is not whole: its end is missing.")
    return digests, promised


def _write(content: IO[bytes], size_bytes: int, home: Path, name: str) -> str:
    target = home / name
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    digest, left = hashlib.sha256(), size_bytes
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as out:
        while left:
            block = content.read(min(BLOCK, left))
            if not block:
                raise EOFError("it ends in the middle of a file")
            digest.update(block)
            out.write(block)
            left -= len(block)
    return digest.hexdigest()


def _check_about(path: Path, name: str, data: bytes) -> None:
    try:
        form = json.loads(data)["form"] if name == ABOUT else None
    except (ValueError, KeyError, TypeError):
        form = None
    if form != FORM:
        raise RestoreError(f"{path} is no backup of this form.", "`treadle backup FILE.tar` writes one.")


def _check_contents(home: Path) -> None:
    """Read every content once, in blocks: neither its name nor how large it says it is are believed."""
    blobs = Blobs(home / "artifacts")
    for blob in blobs.list():
        if blob.path.suffix == ".list":
            blobs.pieces(blob.digest)
            continue
        digest = hashlib.sha256()
        try:
            with blob.path.open("rb") as raw, zstandard.ZstdDecompressor().stream_reader(raw) as content:
                while block := content.read(BLOCK):
                    digest.update(block)
        except zstandard.ZstdError as error:
            raise RestoreError(f"The content {blob.digest[:12]} cannot be read: {error}.") from None
        if digest.hexdigest() != blob.digest:
            raise RestoreError(f"The content {blob.digest[:12]} is not what its name says.")
    if wrong := next(broken_manifests(home), None):
        raise RestoreError(f"{wrong} is no manifest of a whole artifact or cache.")


def _digests(data: bytes) -> dict[str, str]:
    try:
        return {str(name): str(digest) for name, digest in json.loads(data).items()}
    except (ValueError, AttributeError, RecursionError):
        raise RestoreError("The list of digests cannot be read.") from None


def _mirror_files(folder: Path) -> Iterator[Path]:
    """Yield the files of the mirrors, each mirror's refs before its objects. What is being written is left out."""
    for mirror in sorted(path for path in folder.glob("*") if path.is_dir()):
        seen: set[Path] = set()
        for part in _MIRRORS:
            start = mirror / part if part else mirror
            found = [start] if start.is_file() else sorted(start.rglob("*"))
            for path in found:
                if path.is_file() and not path.is_symlink() and path not in seen and not _is_draft(path.name):
                    seen.add(path)
                    yield path


def _is_draft(name: str) -> bool:
    return name.endswith((".lock", ".tmp", ".keep")) or name.startswith(("tmp_", "incoming-", "pack2_", "."))


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
