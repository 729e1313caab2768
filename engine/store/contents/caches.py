"""Caches of workflows: what `actions/cache` keeps from one run for the next, per repository, branch and key.

An entry is some tars, in pieces in a blob store of the caches' own, and a manifest `entries/REPO/….json` that appears
once all of it is on disk, and never replaces another: a kill or two jobs at once leave whole entries, and the first one
stays. When all entries together take more than the limit, those that nobody used for the longest time go. So does one
that the disk or a person has damaged: whatever a cache holds can be made again.
"""

import hashlib
import json
import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from engine import made_again
from engine.core.clock import Clock, SystemClock, rfc3339
from engine.core.errors import EngineError
from engine.store.contents.blobs import BlobError, Blobs
from engine.store.contents.gc import Collector
from engine.store.flush import flush, write_new
from pipelines.records import dataclass

log = logging.getLogger(__name__)
_DIGEST = re.compile(r"[0-9a-f]{64}")


class CacheDamaged(EngineError):
    """An entry whose content is not what was kept; it is of no use to anybody."""


@dataclass(frozen=True, slots=True)
class Cache:
    """One entry. `scope` is the ref whose run kept it, `version` tells entries of other paths apart, `tars` are the
    digests of its tars by what each holds, `stored_bytes` what they added to the disk."""

    repo: str
    scope: str
    key: str
    version: str
    tars: Mapping[str, str]
    size_bytes: int
    stored_bytes: int
    created_at: datetime
    used_at: datetime
    path: Path

    @property
    def id(self) -> str:
        return self.path.stem[:12]


class Caches:
    """The caches of one home, under `folder`. Safe from any thread."""

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        self._entries = folder / "entries"
        self._clock = clock or SystemClock()
        made_again.folder(self._entries)
        self.blobs = Blobs(folder)

    def recover(self) -> None:
        """Take away what a killed engine was writing."""
        self.blobs.recover()

    def find(self, repo: str, scopes: Sequence[str], keys: Sequence[str], version: str) -> Cache | None:
        """Return the entry that a job may use: in the first scope that has one, by the key that stands first.

        `keys` begin with the job's own key. Each counts as a whole key first, then as the beginning of one, of which
        the newest is taken.
        """
        known = [entry for entry in self.list(repo) if entry.version == version]
        for scope in dict.fromkeys(scopes):
            near = sorted((entry for entry in known if entry.scope == scope), key=lambda entry: entry.created_at)
            for key in keys:
                exact = [entry for entry in near if entry.key == key]
                if found := exact or [entry for entry in near if entry.key.startswith(key)]:
                    return found[-1]
        return None

    def has(self, repo: str, scope: str, key: str, version: str) -> bool:
        """Whether there is such an entry: a key is kept once and for all."""
        return _read(self._path(repo, scope, key, version)) is not None

    def save(self, repo: str, scope: str, key: str, version: str, tars: Mapping[str, BinaryIO]) -> Cache | None:
        """Keep whole files, tars by what each holds; None when another job has kept this key already. Durable."""
        if self.has(repo, scope, key, version):
            return None
        path = self._path(repo, scope, key, version)
        with self.blobs.batch() as batch:
            digests, total_bytes = {}, 0
            for name, tar in tars.items():
                size_bytes = tar.seek(0, os.SEEK_END)
                tar.seek(0)
                digests[name] = batch.put(tar, size_bytes)
                total_bytes += size_bytes
            batch.commit()
            now = self._clock.now()
            entry = Cache(repo, scope, key, version, digests, total_bytes, batch.new_bytes, now, now, path)
            made_again.folder(path.parent)
            if path.is_dir():
                made_again.make_way(path)
            draft = batch.draft()
            facts = asdict(entry) | {"created_at": rfc3339(now)}
            kept = {name: value for name, value in facts.items() if name not in ("used_at", "path")}
            write_new(draft, json.dumps(kept).encode())
            try:
                os.link(draft, path)  # unlike a rename, it fails where there is one
            except FileExistsError:
                if self.has(repo, scope, key, version):
                    return None
                draft.replace(path)  # the one that is there is damaged
            flush(path.parent)
        return entry

    def read(self, entry: Cache, name: str) -> Iterator[bytes]:
        """Yield one tar of an entry, checked. Raises CacheDamaged, maybe after a part of it.

        What is damaged is taken away first, so that whoever keeps the same content again writes it anew.
        """
        with suppress(OSError):
            os.utime(entry.path)
        try:
            if not self.blobs.want(entry.tars[name]):
                raise CacheDamaged(f"The cache {entry.key!r} lacks a part of its content.")
            yield from self.blobs.read(entry.tars[name])
        except BlobError as error:
            self.blobs.forget_damaged(entry.tars[name])
            raise CacheDamaged(f"The cache {entry.key!r} is damaged. {error}") from error

    def list(self, repo: str | None = None) -> "list[Cache]":
        """Return all entries, or those of one repository: the one used last comes first."""
        folder = "*" if repo is None else _folder(repo)
        found = (_read(path) for path in self._entries.glob(f"{folder}/*.json"))
        return sorted((entry for entry in found if entry), key=lambda entry: entry.used_at, reverse=True)

    def remove(self, entry: Cache) -> None:
        """Forget an entry; its contents go with the next sweep. Safe to repeat."""
        entry.path.unlink(missing_ok=True)

    def make_room(self, limit_bytes: int) -> tuple[Cache, ...]:
        """Have no more than so many bytes on the disk; return the entries that went for it."""
        gone = self.trim(limit_bytes)
        for _ in self.sweep(self._clock.now()):
            pass
        return gone

    def trim(self, limit_bytes: int) -> tuple[Cache, ...]:
        """Forget what was not used for the longest time while all take more than so many bytes; return those.

        What is no entry, though it bears the name of one, goes without a word.
        """
        for path in self._entries.glob("*/*.json"):
            with suppress(OSError):
                if _entry(path, path.read_bytes()) is None:
                    path.unlink()
        left_bytes = 0
        gone = []
        for entry in self.list():
            left_bytes += entry.stored_bytes
            if left_bytes > limit_bytes:
                self.remove(entry)
                gone.append(entry)
        return tuple(gone)

    def sweep(self, now: datetime) -> Iterator[int]:
        """Delete contents that no entry is made of any more, a little at a time; yield how many bytes."""
        yield from Collector(self.blobs, {"caches": self._digests}).steps(now)

    def _digests(self) -> Iterator[str]:
        for entry in self.list():
            try:
                yield from self.blobs.reach(entry.tars.values())
            except BlobError as error:
                log.warning("The cache %r of %s is damaged, and goes. %s", entry.key, entry.repo, error)
                self.remove(entry)

    def _path(self, repo: str, scope: str, key: str, version: str) -> Path:
        name = hashlib.sha256(json.dumps([scope, key, version]).encode()).hexdigest()
        return self._entries / _folder(repo) / f"{name}.json"


def caches_of(home: Path) -> Caches:
    """Return the caches of a home."""
    return Caches(home / "cache" / "actions")


def _folder(repo: str) -> str:
    """Return the name of a repository's folder; of a name that no folder can bear, its digest."""
    name = quote(repo, safe="")
    return hashlib.sha256(name.encode()).hexdigest() if len(name) > 255 or name in ("", ".", "..") else name


def _read(path: Path) -> Cache | None:
    try:
        return _entry(path, path.read_bytes())
    except OSError:
        return None  # gone meanwhile, or none can look


def _entry(path: Path, manifest: bytes) -> Cache | None:
    """Return the entry that a manifest tells of; None for what is none."""
    used_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    try:
        data = json.loads(manifest)
        created_at = datetime.fromisoformat(data["created_at"])
        entry = Cache(**data | {"created_at": created_at, "used_at": used_at, "path": path})
        names = (entry.repo, entry.scope, entry.key, entry.version)
        sizes = (entry.size_bytes, entry.stored_bytes)
        is_sound = all(map(_DIGEST.fullmatch, entry.tars.values()))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    is_sound = is_sound and all(type(name) is str for name in names) and all(type(size) is int for size in sizes)
    return entry if is_sound else None
