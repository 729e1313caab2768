"""Snapshots of a home: the database, the manifests, the logs of what has ended and the key, at one moment.

A snapshot is a record, `snapshots/ID.json`, over contents in the blob store: the database in pages that most snapshots
share, and a list of files. So an hour in which nothing happened costs the record, and what an artifact holds is never
copied. It works on the files of the home alone, in whichever process, beside the engine and its jobs. The record
appears by rename after everything it refers to is on disk and was read again; from then on no sweep takes any of it.
"""

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine import made_again
from engine.core.clock import rfc3339
from engine.core.errors import EngineError, NotThere
from engine.store.ahead import ahead
from engine.store.contents.batch import BlobBatch, cut
from engine.store.contents.blobs import BlobError, Blobs
from engine.store.copies.files import (
    DATABASE,
    Counted,
    Found,
    Kept,
    Kind,
    counted,
    finished_logs,
    found_files,
    read_listing,
    referred,
    write_listing,
)
from engine.store.database import copy_database, damage_of
from engine.store.flush import flush, write_new
from pipelines.records import dataclass

PAGES_BYTES = 64 * 1024  # what of the database is shared or not: sixteen pages
HAND, SCHEDULE = "hand", "schedule"
MEND = "`treadle snapshot prune` with its whole id removes it; until then nothing is swept from the disk."
_ID = re.compile(r"\d{8}-\d{6}(?:-\d+)?")


class SnapshotError(EngineError):
    """A snapshot that is not there, cannot be made, or is not whole."""


class NoSnapshot(SnapshotError, NotThere):
    """There is no snapshot of that name."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One moment of a home. `kind` says who had it taken: the schedule, or a person by hand.

    `size_bytes` is what it stands for, `new_bytes` what it added to the disk; `incomplete` names manifests of which
    the home lacked contents.
    """

    id: str
    kind: str
    created_at: datetime
    database: str
    listing: str
    files: int
    schema: int
    runs: int
    jobs: int
    artifacts: int
    size_bytes: int
    new_bytes: int
    incomplete: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Damaged:
    """A record that cannot be used: nobody knows what it refers to, so no sweep takes anything while it is there."""

    id: str
    problem: str


class Snapshots:
    """The snapshots of one home. Safe from any thread; one is made or removed at a time, over all processes."""

    def __init__(self, home: Path, blobs: Blobs | None = None) -> None:
        self.home = home
        self.blobs = blobs or Blobs(home / "artifacts")
        self.folder = home / "snapshots"

    # -- making -----------------------------------------------------------------------------------------------------

    def create(
        self,
        kind: str,
        now: datetime,
        *,
        config: Path | None = None,
        unchanged: Snapshot | None = None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Snapshot:
        """Take a snapshot; return once it is on disk and was read again.

        `unchanged` is an earlier one whose database is known to be today's. `stopped` is asked now and then. Raises
        SnapshotError when it says so, and for a database that is damaged: a copy of damage is none.
        """
        with self._alone(), self.blobs.batch() as batch:
            latest = self.latest()
            known = self._known(latest)
            again = latest.incomplete if latest else ()
            folder = batch.draft()
            folder.mkdir(mode=0o700)
            database, facts, finished = self._database(batch, folder, unchanged, known)
            incomplete: list[str] = []
            here = self.blobs.digests()
            files = [
                kept
                for found in _until(stopped, found_files(self.home, finished, config))
                if (
                    kept := self._keep(
                        batch, found, None if found.name in again else known.get(found.name), here, incomplete
                    )
                )
            ]
            listing = batch.put_pieces(cut(_Reader(write_listing(files)), fine=True))
            batch.commit()
            self._read_again(batch, (database, listing))
            snapshot = Snapshot(
                id=self._free_id(now),
                kind=kind,
                created_at=now,
                database=database,
                listing=listing,
                files=len(files),
                schema=facts.schema,
                runs=facts.runs,
                jobs=facts.jobs,
                artifacts=sum(file.kind is Kind.ARTIFACT for file in files),
                size_bytes=self.blobs.size(database) + sum(file.size_bytes + file.content_bytes for file in files),
                new_bytes=0,
                incomplete=tuple(incomplete),
            )
            return self._publish(batch, snapshot)

    def _database(
        self, batch: BlobBatch, folder: Path, unchanged: Snapshot | None, known: Mapping[str, Kept]
    ) -> tuple[str, Counted, set[tuple[int, int, int]]]:
        """Keep the database; return its digest, what it holds, and whose logs it says are complete."""
        copy = folder / DATABASE
        if unchanged and batch.want(unchanged.database):
            logs = (file.name.removeprefix("logs/") for file in known.values() if file.kind is Kind.LOG)
            finished = {_log_of(name) for name in logs}
            return unchanged.database, Counted(unchanged.schema, unchanged.runs, unchanged.jobs), finished
        copy_database(self.home / DATABASE, copy)
        if word := damage_of(copy):
            raise SnapshotError(f"The database is damaged, so no snapshot was taken: {word}.", "See `treadle doctor`.")
        with copy.open("rb") as pages:
            digest = batch.put_pieces(iter(lambda: pages.read(PAGES_BYTES), b""))
        facts, finished = counted(copy), finished_logs(copy)
        copy.unlink()
        return digest, facts, finished

    def _keep(
        self, batch: BlobBatch, found: Found, known: Kept | None, here: set[str], incomplete: list[str]
    ) -> Kept | None:
        """Keep a file, None when it is gone by now. One that has not changed since the latest snapshot is not read."""
        try:
            stat = found.path.stat()
            if (
                known
                and (known.size_bytes, known.changed_ns, known.kind) == (stat.st_size, stat.st_mtime_ns, found.kind)
                and known.digest in here
            ):
                return known  # the latest snapshot holds on to all of it
            with found.path.open("rb") as content:
                if found.kind is not Kind.ARTIFACT:
                    stat = os.fstat(content.fileno())
                    digest = batch.put(content, stat.st_size)
                    return Kept(found.name, found.kind, stat.st_size, stat.st_mtime_ns, digest)
                data = content.read()
        except FileNotFoundError:
            packed = found.path.with_name(f"{found.path.name}.zst")  # a log that was compressed just now
            if found.kind is Kind.LOG and packed.exists():
                return self._keep(batch, Found(f"{found.name}.zst", found.kind, packed), None, here, incomplete)
            return None
        try:
            contents = referred(data, found.name)
        except EngineError:
            incomplete.append(found.name)  # it is damaged, and shown so; no other waits for it
            return None
        missing = [digest for digest in contents if not batch.want(digest)]
        if missing:
            if not found.path.exists():
                return None  # it was removed, and its contents with it
            incomplete.append(found.name)
        kept = Kept(found.name, found.kind, len(data), stat.st_mtime_ns, batch.put_bytes(data))
        return replace(kept, content_bytes=sum(contents.values()))

    def _known(self, latest: Snapshot | None) -> dict[str, Kept]:
        """Return the files of the latest snapshot; none if it is damaged, and then every file is read anew."""
        try:
            return {file.name: file for file in self.files(latest)} if latest else {}
        except BlobError:
            return {}

    def _read_again(self, batch: BlobBatch, digests: Sequence[str]) -> None:
        """Read what was written now, and all of `digests`, be it from now or from before.

        Raises SnapshotError for what is damaged, which is taken away first: the next snapshot writes it anew.
        """
        written = {path.stem for path in batch.written if path.suffix == ".zst"}
        pieces = {piece.digest for digest in digests for piece in self.blobs.pieces(digest)}
        for damaged in filter(None, ahead(self._damaged, sorted(written | pieces))):
            self.blobs.path(damaged).unlink(missing_ok=True)
            raise SnapshotError(f"The content {damaged[:12]} was damaged on the disk.", "The next snapshot mends it.")

    def _damaged(self, digest: str) -> str:
        try:
            self.blobs.read_piece(digest)
        except BlobError:
            return digest
        return ""

    def _publish(self, batch: BlobBatch, snapshot: Snapshot) -> Snapshot:
        draft = batch.draft()
        told = asdict(snapshot) | {"created_at": rfc3339(snapshot.created_at)}
        told["new_bytes"] = snapshot.new_bytes + batch.new_bytes + len(json.dumps(told))
        told["seal"] = _seal(told)
        write_new(draft, json.dumps(told).encode())
        path = self.folder / f"{snapshot.id}.json"
        draft.replace(path)
        flush(self.folder)
        return _snapshot(path)

    # -- looking ----------------------------------------------------------------------------------------------------

    def list(self) -> "list[Snapshot]":
        """Return all snapshots whose records are sound, the newest first."""
        return [*self._look()[0]]

    def damaged(self) -> tuple[Damaged, ...]:
        """Return the records that are not, by id."""
        return self._look()[1]

    def _look(self) -> tuple[Sequence[Snapshot], tuple[Damaged, ...]]:
        sound = []
        damaged = []
        for path in sorted(self.folder.glob("*.json")) if self.folder.is_dir() else ():
            if not _ID.fullmatch(path.stem):
                continue
            try:
                sound.append(_snapshot(path))
            except FileNotFoundError:
                continue  # it was removed just now
            except (OSError, ValueError, KeyError, TypeError) as error:
                damaged.append(Damaged(path.stem, f"its record {path} cannot be used: {error}"))
        return sorted(sound, key=lambda one: (one.created_at, one.id), reverse=True), tuple(damaged)

    def latest(self) -> Snapshot | None:
        return next(iter(self.list()), None)

    def get(self, name: str) -> Snapshot:
        """Return a snapshot by its id, by how its id alone begins, or the `latest`. Raises SnapshotError."""
        every, damaged = self._look()
        if name == "latest" and every:
            return every[0]
        known: Sequence[Snapshot | Damaged] = [*every, *damaged]
        found = [one for one in known if one.id == name] or [one for one in known if name and one.id.startswith(name)]
        if not found:
            raise NoSnapshot(f"There is no snapshot {name!r}.", "`treadle snapshot list` shows them.")
        if len(found) > 1:
            raise SnapshotError(f"Several snapshots begin with {name!r}.", "`treadle snapshot list` shows them.")
        if isinstance(found[0], Damaged):
            raise SnapshotError(f"Snapshot {found[0].id} is damaged: {found[0].problem}.", MEND)
        return found[0]

    def files(self, snapshot: Snapshot) -> Iterator[Kept]:
        """Yield the files of a snapshot. Raises BlobError."""
        return read_listing(self.blobs.read(snapshot.listing))

    def digests(self) -> Iterator[str]:
        """Yield every content that a snapshot refers to, some more than once: what no sweep may take.

        Raises SnapshotError while there is a record that is damaged.
        """
        seen: set[str] = set()
        every, damaged = self._look()
        if damaged:
            raise SnapshotError(f"Snapshot {damaged[0].id} is damaged: {damaged[0].problem}.", MEND)
        for snapshot in every:
            try:
                yield from self.blobs.reach((snapshot.database, snapshot.listing))
                for file in self.files(snapshot):
                    if file.digest not in seen:
                        seen.add(file.digest)
                        yield file.digest
                        if file.kind is Kind.ARTIFACT:
                            yield from referred(b"".join(self.blobs.read(file.digest)), file.name)
            except BlobError as error:
                raise SnapshotError(f"Snapshot {snapshot.id} is damaged: {error}", MEND) from error

    # -- removing ---------------------------------------------------------------------------------------------------

    def remove(self, snapshot: Snapshot | Damaged) -> None:
        """Forget a snapshot; what it alone referred to goes with the next sweep. Safe to repeat."""
        with self._alone():
            made_again.make_way(self.folder / f"{snapshot.id}.json")

    def removable(self, name: str) -> Snapshot | Damaged:
        """Return a snapshot as `get` does; a damaged one by its whole id only. Raises SnapshotError."""
        return next((one for one in self.damaged() if one.id == name), None) or self.get(name)

    # ---------------------------------------------------------------------------------------------------------------

    def _free_id(self, now: datetime) -> str:
        """Return an id that sorts by time."""
        plain = now.astimezone(UTC).strftime("%Y%m%d-%H%M%S")
        number = 1
        while (self.folder / f"{(name := plain if number == 1 else f'{plain}-{number}')}.json").exists():
            number += 1
        return name

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """A new snapshot counts on what the latest refers to: nobody may remove that meanwhile."""
        fd = made_again.lock_file(made_again.folder(self.folder) / "lock")
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)


def _until(stopped: Callable[[], bool], found: Iterator[Found]) -> Iterator[Found]:
    for one in found:
        if stopped():
            raise SnapshotError("The engine is being stopped.")
        yield one


class _Reader:
    """A file to read over blocks of bytes."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._rest = b""

    def read(self, most: int) -> bytes:
        parts, have = [self._rest], len(self._rest)
        while have < most and (block := next(self._blocks, b"")):
            parts.append(block)
            have += len(block)
        data = b"".join(parts)
        self._rest = data[most:]
        return data[:most]


def _snapshot(path: Path) -> Snapshot:
    told: dict[str, Any] = json.loads(path.read_bytes())
    seal = told.pop("seal")
    if seal != _seal(told):
        raise ValueError("its seal is broken")
    told["created_at"] = datetime.fromisoformat(told["created_at"])
    told["incomplete"] = tuple(told["incomplete"])
    return Snapshot(**told)


def _seal(told: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _log_of(name: str) -> tuple[int, int, int]:
    run, _, rest = name.partition("/")
    job, attempt = rest.split(".")[0].split("-")
    return int(run), int(job), int(attempt)
