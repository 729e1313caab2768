"""A new home, made of a snapshot or a backup, while the old one lives.

The new home appears by rename, whole and checked, or not at all. It begins a life of its own: it gets another id, so
that it never touches the old one's containers; attempts that ran end as lost; letters that were not sent yet are the
old one's to send; and its queue is paused, for two homes that build the same commits would both deploy them.
"""

import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from engine.core.errors import EngineError, LeaseLost
from engine.core.retry import Outcome
from engine.store.ahead import ahead
from engine.store.contents.blobs import Blobs
from engine.store.copies.diff import write_database
from engine.store.copies.files import DATABASE, KEY, Kept, Kind, found_manifests, referred
from engine.store.copies.snapshots import Snapshot, Snapshots
from engine.store.database import damage_of
from engine.store.store import Store, open_store
from pipelines.artifact_names import artifact_path_error
from pipelines.records import dataclass

ACTOR = "restore"
ELSEWHERE = "this home was restored while it ran elsewhere"
LOST = Outcome("lost", "infrastructure", reason=ELSEWHERE)


class RestoreError(EngineError):
    """A home that cannot be made: its place is taken, or what it is made of is not whole."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What became of it: how many attempts ended as lost, letters were dropped, files and contents were written."""

    home: Path
    runs: int
    lost: int
    letters: int
    files: int
    contents: int
    with_key: bool


def restore_snapshot(snapshots: Snapshots, snapshot: Snapshot, to: Path, now: datetime) -> Restored:
    """Make a home at `to`, which must not be there yet or be empty. Raises EngineError, and nothing is at `to`."""
    with new_home(to, snapshot.size_bytes) as home:
        write_database(snapshots, snapshot, home / DATABASE)
        files = list(snapshots.files(snapshot))
        wanted: dict[str, int] = {}
        for file in files:
            _write(snapshots, file, home)
            if file.kind is Kind.ARTIFACT and file.name not in snapshot.incomplete:
                wanted |= referred((home / file.name).read_bytes(), file.name)
        target = Blobs(home / "artifacts")
        reached = snapshots.blobs.reach(wanted)
        for _ in ahead(_copier(snapshots.blobs, target), sorted(reached)):
            pass
        return waken(home, to, now, len(files), len(reached))


@contextmanager
def new_home(to: Path, size_bytes: int) -> Iterator[Path]:
    """Give an empty folder that is renamed to `to` at the end of the block, if that ends well. Raises RestoreError when
    `to` is taken, or there is no room for `size_bytes`."""
    to.parent.mkdir(parents=True, exist_ok=True)
    if to.is_symlink() or (to.exists() and (not to.is_dir() or any(to.iterdir()))):
        raise RestoreError(f"{to} is there already.", "Name a folder that is not, or an empty one.")
    if (free := shutil.disk_usage(to.parent).free) < size_bytes:
        raise RestoreError(f"{to.parent} has {free} bytes left, and {size_bytes} may be needed.")
    draft = to.parent / f".{to.name}.{secrets.token_hex(4)}"
    draft.mkdir(mode=0o700)
    try:
        yield draft
        draft.rename(to)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def waken(home: Path, to: Path, now: datetime, files: int, contents: int) -> Restored:
    """Check the database of a home that nobody uses yet, and have it begin its own life; see above."""
    if word := damage_of(home / DATABASE, thorough=True):
        raise RestoreError(f"The database in it is damaged: {word}.")
    store = open_store(home, create=True)
    try:
        lost = _end_what_ran(store, now)
        store.holds.forget_all()  # the boxes are the old home's
        letters = store.outbox.give_up_all(ELSEWHERE, now)
        store.queue.pause.set(ACTOR, now)
        runs = store.database.rows("SELECT count(*) FROM run")[0][0]
        store.database.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        store.close()
    return Restored(to, runs, lost, letters, files, contents, (home / KEY).exists())


def broken_manifests(home: Path) -> Iterator[str]:
    """Yield the manifests of a home with contents that it lacks, or with names that would lead out of an artifact."""
    blobs = Blobs(home / "artifacts")
    here = blobs.digests()
    for found in found_manifests(home):
        data = found.path.read_bytes()
        reached = blobs.reach(referred(data, found.name))
        paths = [file["path"] for file in json.loads(data)["files"] if "path" in file]
        if any(map(artifact_path_error, paths)) or not here.issuperset(reached):
            yield found.name


def _end_what_ran(store: Store, now: datetime) -> int:
    lost = 0
    for attempt in store.queue.watched():
        try:
            store.queue.end_overdue(attempt.token, LOST, ACTOR, now)
            lost += 1
        except LeaseLost:
            continue  # it was ending as the copy was made
    return lost


def _write(snapshots: Snapshots, file: Kept, home: Path) -> None:
    target = home / file.name
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.writelines(snapshots.blobs.read(file.digest))
    os.utime(target, ns=(file.changed_ns, file.changed_ns))


def _copier(source: Blobs, target: Blobs) -> Callable[[str], None]:
    """Return what copies one content's files from a store to another, reading a copy once, to know that it is good."""

    def copy(digest: str) -> None:
        for old, new in (
            (source.list_path(digest), target.list_path(digest)),
            (source.path(digest), target.path(digest)),
        ):
            if old.exists():
                new.parent.mkdir(exist_ok=True, mode=0o700)
                shutil.copyfile(old, new)
        if target.path(digest).exists():
            target.read_piece(digest)
        else:
            target.pieces(digest)

    return copy
