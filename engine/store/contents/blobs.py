"""The contents of a home, each kept once: artifacts, caches and snapshots are lists of digests over this store.

`blobs/ab/DIGEST.zst` is a content, compressed, named by the SHA-256 of what it unpacks to. A content of more than a
few MiB is cut where its own bytes say so (FastCDC), such that a change in the middle leaves all other pieces as they
were; `blobs/ab/DIGEST.list` then names the pieces. Both appear by rename, whole and flushed: a name that is there
means a content that is there, also after a power cut. Everything is checked against its digest when it is read.

Who writes holds a *batch* (`Blobs.batch`) until what refers to the contents is itself on disk; who sweeps takes away
only what was last wanted before every batch that is open (`horizon`), looks again under the guard, and so may do it
beside running jobs and beside other processes.
"""

import fcntl
import hashlib
import os
import shutil
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import zstandard

from engine import made_again
from engine.core.errors import EngineError
from engine.store.contents.batch import BlobBatch
from engine.store.contents.piece_list import Piece, read_list
from pipelines.records import dataclass

GRACE_S = 3600.0  # how far a clock may be set back while somebody writes
PIN = "pin"


class BlobError(EngineError):
    """A content that is not there, or is not what was kept."""


@dataclass(frozen=True, slots=True)
class Blob:
    """One file of the store: a content, or a list of pieces. `wanted_at`: when it was last written or asked for again,
    in seconds since the epoch."""

    digest: str
    path: Path
    stored_bytes: int
    wanted_at: float


class Blobs:
    """The blob store under `folder`. Safe from any thread, and beside other processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._blobs = folder / "blobs"
        self._partial = folder / "partial"
        self._local = threading.local()
        for made in (self._blobs, self._partial):
            made_again.folder(made)

    def recover(self) -> None:
        """Take away what killed writers left. Writers that live, in whichever process, are left alone."""
        with self._guard(alone=True):
            for left in self._partial.iterdir():
                if not left.is_dir():
                    left.unlink(missing_ok=True)
                elif _pinned_since(left) is None:
                    shutil.rmtree(left, ignore_errors=True)

    # -- writing ----------------------------------------------------------------------------------------------------

    @contextmanager
    def batch(self, level: int = 3) -> Iterator[BlobBatch]:
        """Write contents within the block; publish what refers to them in it too, after `commit`.

        What was not committed is gone after the block. `level` is zstandard's, 1 to 19.
        """
        with self._guard():
            folder = self._partial / os.urandom(8).hex()
            folder.mkdir(mode=0o700)
            pin = os.open(folder / PIN, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(pin, fcntl.LOCK_EX)
        try:
            batch = BlobBatch(self, folder, level)
            try:
                yield batch
            finally:
                batch.close()
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(pin)

    def want(self, digest: str) -> bool:
        """Is this content here? Then no sweep takes it before every batch that is open now has ended.

        One whose list of pieces is damaged is not: whoever keeps it writes the list anew.
        """
        with self._guard():
            if not self._wanted(self.list_path(digest)):
                return self._wanted(self.path(digest))
            try:
                pieces = self._pieces(digest)
            except BlobError:
                return False
            return all(self._wanted(self.path(piece.digest)) for piece in pieces)

    def place(self, drafts: Iterable[tuple[Path, Path]]) -> set[Path]:
        """Rename finished drafts into place; return the folders that changed."""
        changed = set()
        with self._guard():
            for draft, target in drafts:
                made_again.folder(target.parent)
                if target.is_dir():
                    made_again.make_way(target)
                draft.replace(target)
                changed.add(target.parent)
        return changed

    # -- reading ----------------------------------------------------------------------------------------------------

    def has(self, digest: str) -> bool:
        return self.list_path(digest).exists() or self.path(digest).exists()

    def pieces(self, digest: str) -> tuple[Piece, ...]:
        """Return what a content is made of, in order: itself, or the pieces it was cut into. Raises BlobError."""
        if pieces := self._pieces(digest):
            return pieces
        try:
            with self.path(digest).open("rb") as raw:
                size = zstandard.get_frame_parameters(raw.read(32)).content_size
        except (OSError, zstandard.ZstdError) as error:
            raise _unreadable(digest, error) from None
        return (Piece(digest, size),)

    def size(self, digest: str) -> int:
        """Return how many bytes a content has. Raises BlobError."""
        return sum(piece.size_bytes for piece in self.pieces(digest))

    def read(self, digest: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Yield a content from byte `start` up to `end`, checked piece by piece. Raises BlobError.

        Of a content in pieces only those that are asked for are read.
        """
        at = 0
        for piece in self.pieces(digest):
            if end is not None and at >= end:
                return
            if at + piece.size_bytes > start:
                yield self.read_piece(piece.digest)[max(0, start - at) : None if end is None else end - at]
            at += piece.size_bytes

    def read_piece(self, digest: str) -> bytes:
        """Return a content that is not cut, or a piece of one that is. Raises BlobError."""
        try:
            data = self._unpacker().decompress(self.path(digest).read_bytes())
        except (OSError, zstandard.ZstdError) as error:
            raise _unreadable(digest, error) from None
        if hashlib.sha256(data).hexdigest() != digest:
            raise BlobError(f"The content {digest[:12]} is damaged on disk.")
        return data

    def forget_damaged(self, digest: str) -> None:
        """Take away what of a content is not what its name says: whoever keeps the same again writes it anew."""
        try:
            pieces = self.pieces(digest)
        except BlobError:
            pieces = (Piece(digest, 0),)
        for piece in pieces:
            try:
                self.read_piece(piece.digest)
            except BlobError:
                made_again.make_way(self.path(piece.digest))

    # -- sweeping ---------------------------------------------------------------------------------------------------

    def horizon(self, now_s: float) -> float:
        """Return the instant before which a blob was last wanted that may be swept, if nothing refers to it.

        Ask before looking who refers to what: whoever writes now may publish a reference at any moment.
        """
        with self._guard(alone=True):
            open_since = [since for left in self._partial.iterdir() if (since := _pinned_since(left)) is not None]
        return min([now_s, *open_since]) - GRACE_S

    def list(self) -> Iterator[Blob]:
        """Yield every file of the store, in no order; some may be gone when they are looked at."""
        for folder in self._shards():
            with os.scandir(folder) as found:
                for entry in found:
                    with suppress(FileNotFoundError):
                        stat = entry.stat(follow_symlinks=False)
                        path = Path(entry.path)
                        yield Blob(path.stem, path, stat.st_size, stat.st_mtime)

    def digests(self) -> set[str]:
        """Return the digest of everything that is here."""
        return {os.path.splitext(name)[0] for folder in self._shards() for name in os.listdir(folder)}  # noqa: PTH122, PTH208

    def reach(self, digests: Iterable[str]) -> set[str]:
        """Return these digests and those of the pieces they are made of: what a sweep has to keep.

        A content that is not there reaches itself alone. Raises BlobError for a list that cannot be read.
        """
        reached = set()
        for digest in digests:
            if digest not in reached:
                reached.add(digest)
                reached.update(piece.digest for piece in self._pieces(digest))
        return reached

    def discard(self, blobs: Iterable[Blob], horizon_s: float) -> tuple[int, int]:
        """Delete those of `blobs` that nobody wanted since the horizon; return how many and how many bytes.

        Writers wait meanwhile: give it some hundreds at a time.
        """
        count = freed = 0
        with self._guard(alone=True):
            for blob in blobs:
                with suppress(FileNotFoundError):
                    stat = blob.path.stat()
                    if stat.st_mtime < horizon_s:
                        blob.path.unlink()
                        count, freed = count + 1, freed + stat.st_size
        return count, freed

    # ---------------------------------------------------------------------------------------------------------------

    def _shards(self) -> Iterator[Path]:
        return (folder for folder in self._blobs.iterdir() if folder.is_dir())

    def path(self, digest: str) -> Path:
        return self._blobs / digest[:2] / f"{digest}.zst"

    def list_path(self, digest: str) -> Path:
        return self._blobs / digest[:2] / f"{digest}.list"

    def _pieces(self, digest: str) -> tuple[Piece, ...]:
        try:
            data = self.list_path(digest).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return ()
        except OSError as error:
            raise _unreadable(digest, error) from None
        pieces = read_list(digest, data)
        if pieces is None:
            raise BlobError(f"The list of the pieces of {digest[:12]} is damaged on disk.")
        return pieces

    def _wanted(self, path: Path) -> bool:
        try:
            os.utime(path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def _unpacker(self) -> zstandard.ZstdDecompressor:
        if not hasattr(self._local, "unpacker"):
            self._local.unpacker = zstandard.ZstdDecompressor()  # not to be shared between threads
        unpacker: zstandard.ZstdDecompressor = self._local.unpacker
        return unpacker

    @contextmanager
    def _guard(self, *, alone: bool = False) -> Iterator[None]:
        """Held for moments: shared by all who write, or by one who sweeps, over all processes."""
        fd = made_again.lock_file(self.folder / "guard")
        try:
            fcntl.flock(fd, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            yield
        finally:
            os.close(fd)


def _pinned_since(folder: Path) -> float | None:
    """Return since when a batch that still lives has its drafts in this folder, None when there is no such."""
    try:
        fd = os.open(folder / PIN, os.O_RDWR | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.fstat(fd).st_mtime
    finally:
        os.close(fd)
    return None


def _unreadable(digest: str, error: Exception) -> BlobError:
    return BlobError(f"The content {digest[:12]} cannot be read: {error}.")
