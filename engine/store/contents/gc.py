"""Mark and sweep: contents that no artifact, cache or snapshot refers to any more are taken off the disk.

Safe beside whoever writes, in this process or another: the horizon is asked for before anything is marked, and what
was wanted since is left alone (see `Blobs`). A kill at any moment leaves what is referred to, for nothing else is ever
deleted; what it did not come to is garbage still, for the next sweep. When one reference cannot be read, nothing goes.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from mmap import mmap
from pathlib import Path
from typing import TypeVar

from engine.core.errors import EngineError
from engine.store.contents.blobs import Blob, Blobs

BATCH = 500
_BITS = 27
Roots = Callable[[], Iterable[str]]
T = TypeVar("T")


class Marks:
    """Digests, in 16 MiB at most however many: one that was never added may seem to be there, and is then kept in vain.

    Of a million digests that happens to one in a million.
    """

    def __init__(self) -> None:
        self._bits = mmap(-1, 1 << (_BITS - 3))  # of which only the pages are there that are written to

    def add(self, digest: str) -> None:
        for place in _places(digest):
            self._bits[place >> 3] |= 1 << (place & 7)

    def __contains__(self, digest: str) -> bool:
        return all(self._bits[place >> 3] >> (place & 7) & 1 for place in _places(digest))


class Collector:
    """The collector of one store of contents. `roots` are who refers to them, by name."""

    def __init__(self, blobs: Blobs, roots: Mapping[str, Roots]) -> None:
        self._blobs = blobs
        self._roots = roots

    def steps(self, now: datetime) -> Iterator[int]:
        """Delete what nothing refers to, some hundreds at a time; yield how many bytes each time."""
        horizon_s = self._blobs.horizon(now.timestamp())  # first: a reference may be published at any moment
        for blobs in _by_batch(self._garbage(self._marked(), horizon_s)):
            _, freed = self._blobs.discard(blobs, horizon_s)
            yield freed

    def garbage(self, now: datetime) -> tuple[int, int]:
        """Return how many contents would go now, and their bytes. Deletes nothing."""
        horizon_s = self._blobs.horizon(now.timestamp())
        count = size_bytes = 0
        for blob in self._garbage(self._marked(), horizon_s):
            count, size_bytes = count + 1, size_bytes + blob.stored_bytes
        return count, size_bytes

    def missing(self) -> Iterator[tuple[str, str]]:
        """Yield who refers to a content that is not there, and its digest."""
        for name, roots in self._roots.items():
            for digest in roots():
                if any(not self._blobs.has(reached) for reached in self._blobs.reach((digest,))):
                    yield name, digest

    def _marked(self) -> Marks:
        marks = Marks()
        for roots in self._roots.values():
            for digests in _by_batch(roots()):
                for digest in self._blobs.reach(digests):
                    marks.add(digest)
        return marks

    def _garbage(self, marks: Marks, horizon_s: float) -> Iterator[Blob]:
        return (blob for blob in self._blobs.list() if blob.wanted_at < horizon_s and blob.digest not in marks)


def artifact_digests(folder: Path) -> Iterator[str]:
    """Yield the contents that the artifacts below `folder` are made of. Raises EngineError for one it cannot read."""
    for path in (folder / "runs").glob("*/*.json"):
        try:
            files = json.loads(path.read_bytes())["files"]
            yield from (file["digest"] for file in files if file["digest"])
        except FileNotFoundError:
            continue  # it was removed meanwhile
        except (OSError, ValueError, KeyError, TypeError) as error:
            fix = "Put it back from a snapshot or a backup, or delete it: no content goes before that."
            raise EngineError(f"The artifact {path} is damaged: {error}.", fix) from None


def _places(digest: str) -> tuple[int, int, int, int]:
    number, mask = int(digest[:28], 16), (1 << _BITS) - 1
    return number & mask, number >> 27 & mask, number >> 54 & mask, number >> 81 & mask


def _by_batch(items: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, BATCH)):
        yield batch
