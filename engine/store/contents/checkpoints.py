"""Checkpoints of jobs: what workspace and environment were after a step, so that a later attempt can begin there.

The files are tars in pieces, in a blob store of the checkpoints' own: a whole one first, then a layer of what changed
since, each with the names of what was gone. Checkpoints of one attempt share their layers. A row appears once all its
contents are on disk, so a kill leaves none that is half there. When all together take more than they may, the oldest
go. They are in no snapshot and no backup: whoever loses them begins at the first step.
"""

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from engine.core.beginning import CHECKPOINT
from engine.core.errors import EngineError, LeaseLost
from engine.core.states import AttemptStatus
from engine.store.database import Database
from engine.store.tables.mending import CheckpointRow
from engine.store.tables.runs import AttemptRow, JobRow
from pipelines.records import dataclass

if TYPE_CHECKING:  # whoever only asks which there are does without what contents are packed with
    from engine.store.contents.blobs import Blobs
    from engine.store.queue import Lease

log = logging.getLogger(__name__)
LEVEL = 1  # of zstandard: a job waits for it


class CheckpointGone(EngineError):
    """A checkpoint whose contents are not there any more, or are not what was kept."""


class CheckpointRefused(EngineError):
    """A checkpoint that must not be taken."""


@dataclass(frozen=True, slots=True)
class Layer:
    """What changed since the layer before it: the digests of a tar and of the names of what was gone ("": nothing),
    and what both added to the disk."""

    tar: str
    gone: str
    stored_bytes: int


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a job was after the step at the place `step`, as the attempt `attempt` came there.

    `executor` and `image` say which boxes it fits into, `base` what the names in its tars are relative to. `layers`
    are laid one over the other. `state` is sealed. `size_bytes` is what it added to the disk.
    """

    job_id: int
    step: int
    attempt: int
    executor: str
    image: str
    base: str
    layers: tuple[Layer, ...]
    size_bytes: int
    state: Any
    at: datetime


class Checkpoints:
    """The checkpoints of one home, their contents under `folder`. Safe from any thread."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._db = database
        self._folder = folder

    @cached_property
    def blobs(self) -> "Blobs":
        from engine.store.contents.blobs import Blobs

        return Blobs(self._folder)

    def recover(self) -> None:
        """Take away what a killed engine was writing."""
        self.blobs.recover()

    # -- writing ----------------------------------------------------------------------------------------------------

    def save(
        self,
        lease: "Lease",
        step: int,
        box: tuple[str, str, str],
        below: Sequence[Layer],
        tar: BinaryIO,
        gone: bytes,
        state: Any,
        now: datetime,
    ) -> Checkpoint:
        """Keep a layer over those `below` as the checkpoint after a step, in place of an earlier one; return it.

        `box` are executor, image and base. Raises LeaseLost, CheckpointGone when one below is not there any more, and
        CheckpointRefused for an attempt that is patched.
        """
        executor, image, base = box
        with self.blobs.batch(LEVEL) as batch:
            for digest in _digests(below):
                if not batch.want(digest):
                    raise CheckpointGone("A part of the checkpoint before it is not there any more.")
            size_bytes = tar.seek(0, os.SEEK_END)
            tar.seek(0)
            packed = batch.put(tar, size_bytes)
            names = batch.put_bytes(gone) if gone else ""
            batch.commit()
            layer = Layer(packed, names, batch.new_bytes)
            found = Checkpoint(
                lease.job_id, step, lease.number, executor, image, base, (*below, layer), batch.new_bytes, state, now
            )
            with self._db.write():
                held = (AttemptRow.token == lease.token) & (AttemptRow.status == AttemptStatus.RUNNING)
                attempt = AttemptRow.get_or_none(held)
                if attempt is not None and attempt.patched:
                    raise CheckpointRefused("A person had hands on the box, and no later attempt may begin with that.")
                if attempt is None:
                    raise LeaseLost(f"Attempt {lease.number} of job {lease.job_id} is no longer {lease.worker}'s.")
                CheckpointRow.replace(**asdict(found)).execute()
        return found

    def make_room(self, limit_bytes: int, now: datetime) -> tuple[Checkpoint, ...]:
        """Have no more than so many bytes on the disk; return those that went for it, the oldest first."""
        gone = self.trim(limit_bytes)
        for _ in self.sweep(now) if gone else ():
            pass
        return gone

    def trim(self, limit_bytes: int) -> tuple[Checkpoint, ...]:
        """Forget the oldest while all take more than so many bytes; return those, the oldest first.

        One that a job is about to begin at stays, one that is too much by itself goes. Layers that several share are
        counted once, and go with the last.
        """
        with self._db.write():
            wanted, seen, total, full, going = set(self._wanted()), set[str](), 0, False, list[CheckpointRow]()
            for row in list(CheckpointRow.select().order_by(CheckpointRow.at.desc(), CheckpointRow.step.desc())):
                fresh = {layer.tar + layer.gone: layer.stored_bytes for layer in _layers(row)}
                more = sum(stored for layer, stored in fresh.items() if layer not in seen)
                full = full or (more <= limit_bytes < total + more)
                if (row.job_id, row.step) not in wanted and (full or more > limit_bytes):
                    going.append(row)
                else:
                    total += more
                    seen |= fresh.keys()
            for row in going:
                self._forget((CheckpointRow.job_id == row.job_id) & (CheckpointRow.step == row.step))
        return tuple(_record(row) for row in reversed(going))

    def sweep(self, now: datetime) -> Iterator[int]:
        """Delete contents that no checkpoint is made of any more, a little at a time; yield how many bytes."""
        from engine.store.contents.gc import Collector

        yield from Collector(self.blobs, {"checkpoints": self.roots}).steps(now)

    def remove(self, found: Checkpoint) -> None:
        """Forget one; its contents go with the next sweep. Safe to repeat."""
        with self._db.write():
            self._forget((CheckpointRow.job_id == found.job_id) & (CheckpointRow.step == found.step))

    # -- reading ----------------------------------------------------------------------------------------------------

    def list(self, job_id: int) -> "list[Checkpoint]":
        """Return those of a job whose contents are there, in the order of its steps."""
        rows = CheckpointRow.select().where(CheckpointRow.job_id == job_id).order_by(CheckpointRow.step)
        return [found for found in map(_record, list(rows)) if self._is_whole(found)]

    def before(self, job_id: int, step: int) -> Checkpoint | None:
        """Return the one that is nearest before a step, by its place; None when there is none."""
        return next((found for found in reversed(self.list(job_id)) if found.step < step), None)

    def get(self, job_id: int, step: int) -> Checkpoint | None:
        """Return the one after the step at this place."""
        row = CheckpointRow.get_or_none((CheckpointRow.job_id == job_id) & (CheckpointRow.step == step))
        return None if row is None else _record(row)

    def read(self, digest: str) -> Iterator[bytes]:
        """Yield a tar or a list of names, checked. Raises CheckpointGone, maybe after a part of it."""
        from engine.store.contents.blobs import BlobError

        try:
            if not self.blobs.want(digest):
                raise CheckpointGone("A part of the checkpoint is not there any more.")
            yield from self.blobs.read(digest)
        except BlobError as error:
            raise CheckpointGone(f"The checkpoint is damaged. {error}") from error

    def size_bytes(self) -> int:
        """Return what all of them take on the disk."""
        layers = {
            layer.tar + layer.gone: layer.stored_bytes for row in CheckpointRow.select() for layer in _layers(row)
        }
        return sum(layers.values())

    def roots(self) -> Iterator[str]:
        """Yield the contents that checkpoints are made of. One whose lists of pieces are damaged goes."""
        from engine.store.contents.blobs import BlobError

        for row in list(CheckpointRow.select()):
            try:
                yield from self.blobs.reach(_digests(_layers(row)))
            except BlobError as error:
                log.warning(
                    "The checkpoint after step %d of job %d is damaged, and goes. %s", row.step, row.job_id, error
                )
                self.remove(_record(row))

    # ---------------------------------------------------------------------------------------------------------------

    def _is_whole(self, found: Checkpoint) -> bool:
        return self._folder.is_dir() and all(self.blobs.has(digest) for digest in _digests(found.layers))

    def _wanted(self) -> Iterator[tuple[int, int]]:
        for job in JobRow.select(JobRow.id, JobRow.begin_at).where(JobRow.begin_at.is_null(False)):
            if job.begin_at["base"] == CHECKPOINT:
                yield job.id, job.begin_at["step"] - 1

    @staticmethod
    def _forget(which: Any) -> None:
        CheckpointRow.delete().where(which).execute()


def _digests(layers: Iterable[Layer]) -> Iterator[str]:
    for layer in layers:
        yield layer.tar
        if layer.gone:
            yield layer.gone


def _layers(row: CheckpointRow) -> tuple[Layer, ...]:
    return tuple(Layer(**layer) for layer in row.layers)


def _record(row: CheckpointRow) -> Checkpoint:
    return Checkpoint(
        row.job_id, row.step, row.attempt, row.executor, row.image, row.base, _layers(row), row.size_bytes, row.state,
        row.at,
    )  # fmt: skip
