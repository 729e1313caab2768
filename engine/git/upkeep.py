"""Keeps a mirror quick to read: each fetch leaves a pack behind, and here many small ones become one.

No object is ever dropped, also none that no branch leads to any more: runs that were planned from it still find their
files. What a pack held is in the new one, on disk, before the old one is called superseded, and that is not removed
before GRACE has passed, so that whoever had begun to read it is done. A kill at any moment leaves a whole mirror.
"""

import fcntl
import os
import shutil
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import accumulate
from pathlib import Path

from engine.core.errors import GitError
from engine.git.repository import prepare
from pipelines.records import dataclass

MOST_PACKS = 50  # as many as git itself lets be
LARGE_BYTES = 256 << 20  # such a pack is left as it is, and none is made: it would cost minutes and much memory
GRACE = timedelta(hours=1)
_SUPERSEDED = ".superseded"  # the file beside a pack whose objects are in another; its time says since when
_INDEX_MAGIC, _FANOUT = b"\xfftOc\x00\x00\x00\x02", 8 + 255 * 4


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack of a repository by the path of its index."""

    index: Path
    size_bytes: int

    @property
    def objects(self) -> set[bytes]:
        """The ids of what it holds. Raises GitError for an index of a kind that libgit2 does not write."""
        content = self.index.read_bytes()
        if not content.startswith(_INDEX_MAGIC):
            raise GitError(f"{self.index} is no index of version 2.")
        (count,) = struct.unpack_from(">I", content, _FANOUT)
        start = _FANOUT + 4
        return {content[at : at + 20] for at in range(start, start + 20 * count, 20)}


def mirrors(folder: Path) -> list[Path]:
    """Return the repositories under `folder` that were fetched into; those of working trees have no packs."""
    return sorted(place.parent for place in folder.glob("*.git/fetching"))


def tidy(path: Path, now: datetime, most_packs: int = MOST_PACKS) -> int:
    """Remove the packs of a bare repository that were superseded long enough ago, and combine others if there are many.

    Return how many became one. Does nothing while another process does it. Raises GitError, with nothing lost.
    """
    folder = path / "objects/pack"
    with _alone(path / "upkeep") as place:
        if place is None or not folder.is_dir():
            return 0
        _remove_superseded(folder, now)
        packs = [pack for pack in _packs(folder) if not pack.index.with_suffix(_SUPERSEDED).exists()]
        chosen = to_combine(packs) if len(packs) > most_packs else []
        if chosen:
            combined = _combine(path, chosen, place)
            for pack in chosen:
                if pack.index.name != combined.name:
                    _mark(pack.index.with_suffix(_SUPERSEDED), now)
        return len(chosen)


def to_combine(packs: Sequence[Pack]) -> list[Pack]:
    """Return the packs to make one of: the small ones, so that each one left is twice as large as all below it.

    So an object is written anew a few times at most, however often this is done, and their number stays a logarithm's.
    """
    ordered = sorted((pack for pack in packs if pack.size_bytes < LARGE_BYTES), key=lambda pack: pack.size_bytes)
    below = sum(pack.size_bytes for pack in ordered)
    while ordered and ordered[-1].size_bytes >= 2 * (below - ordered[-1].size_bytes):
        below -= ordered.pop().size_bytes
    sums = accumulate(pack.size_bytes for pack in ordered)
    chosen = [pack for pack, sum_bytes in zip(ordered, sums, strict=True) if sum_bytes <= LARGE_BYTES]
    return chosen if len(chosen) > 1 else []


def _packs(folder: Path) -> list[Pack]:
    found = [(index, index.with_suffix(".pack")) for index in folder.glob("pack-*.idx")]
    return [Pack(index, pack.stat().st_size) for index, pack in found if pack.exists()]


def _combine(path: Path, packs: Sequence[Pack], place: Path) -> Path:
    """Write a pack of what these hold and give it to the repository; return its index there."""
    import pygit2

    prepare()
    wanted = set().union(*(pack.objects for pack in packs))
    try:
        builder = pygit2.PackBuilder(pygit2.Repository(str(path)))
        builder.set_threads(1)
        for sha in sorted(wanted):
            builder.add(pygit2.Oid(raw=sha))
        builder.write(place)
    except (pygit2.GitError, KeyError, ValueError) as error:
        raise GitError(f"The packs of {path} cannot be combined: {error}.") from None
    [made] = _packs(place)
    if made.objects != wanted:
        raise GitError(f"The packs of {path} cannot be combined: what was written is not what they hold.")
    index = path / "objects/pack" / made.index.name
    for file in (made.index.with_suffix(".pack"), made.index):  # the index last: it is what makes the pack seen
        _sync(file)
        file.replace(index.with_suffix(file.suffix))
    _sync(index.parent)
    return index


def _mark(marker: Path, now: datetime) -> None:
    marker.touch()
    os.utime(marker, (now.timestamp(), now.timestamp()))


def _remove_superseded(folder: Path, now: datetime) -> None:
    for marker in folder.glob(f"pack-*{_SUPERSEDED}"):
        if now.timestamp() - marker.stat().st_mtime >= GRACE.total_seconds():
            for suffix in (".idx", ".pack", _SUPERSEDED):  # the index first: nobody is sent to what is gone
                marker.with_suffix(suffix).unlink(missing_ok=True)


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextmanager
def _alone(place: Path) -> Iterator[Path | None]:
    """Yield an empty folder to write in, on the repository's own disk; None while another process has it."""
    try:
        place.mkdir(exist_ok=True, mode=0o700)
        fd = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:  # there is no repository yet
        yield None
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for left in place.iterdir():  # of one that was killed
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        yield place
    except BlockingIOError:
        yield None
    finally:
        os.close(fd)
