"""Writing contents into the blob store, many together: cut, compressed on all CPUs, flushed once, then renamed."""

import hashlib
import os
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO, Protocol

import zstandard

from engine.store.ahead import THREADS
from engine.store.contents.piece_list import Piece, write_list
from engine.store.flush import flush, flush_files, write_all

CUT_ABOVE_BYTES = 4 << 20
# Where a content is cut. Other numbers are no harm, but what was kept before is then cut elsewhere and kept twice.
CUT_MEAN_BYTES, CUT_LEAST_BYTES, CUT_MOST_BYTES = 1 << 20, 1 << 18, 4 << 20
FINE_MEAN_BYTES, FINE_LEAST_BYTES, FINE_MOST_BYTES = 1 << 15, 1 << 13, 1 << 17
IN_HAND = 16  # pieces that wait to be compressed, at most: 64 MiB


class Shelf(Protocol):
    """Where a batch's contents come to lie: the blob store."""

    folder: Path

    def want(self, digest: str) -> bool: ...

    def place(self, drafts: Iterable[tuple[Path, Path]]) -> set[Path]: ...

    def path(self, digest: str) -> Path: ...

    def list_path(self, digest: str) -> Path: ...


class BlobBatch:
    """Contents on their way into the store, for one thread. See `Blobs.batch`.

    A content that is there already, or was put before, is not written again; it may count on staying. `new_bytes` is
    what the batch added to the store so far, compressed.
    """

    def __init__(self, shelf: Shelf, folder: Path, level: int) -> None:
        self.new_bytes = 0
        self._shelf = shelf
        self._folder = folder
        self._level = level
        self._known: set[str] = set()
        self._drafts: list[tuple[Path, Path]] = []
        self._written: list[Path] = []
        self._under_way: deque[Future[int]] = deque()
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="blobs")
        self._local = threading.local()

    def put(self, content: IO[bytes], size_bytes: int) -> str:
        """Keep the next `size_bytes` of `content`; return their digest. Raises EOFError if there are fewer."""
        if size_bytes > CUT_ABOVE_BYTES:
            return self.put_pieces(cut(_Exactly(content, size_bytes)))
        data = content.read(size_bytes)
        if len(data) != size_bytes:
            raise EOFError("it ends in the middle of a file")
        return self.put_bytes(data)

    def put_bytes(self, data: bytes) -> str:
        """Keep one small content as it is; return its digest."""
        digest = hashlib.sha256(data).hexdigest()
        if digest not in self._known:
            if not self._shelf.want(digest):
                self._write(digest, data)
            self._known.add(digest)
        return digest

    def put_pieces(self, pieces: Iterable[bytes]) -> str:
        """Keep a content that comes cut into pieces, each small enough to be held; return the digest of the whole."""
        whole, listed = hashlib.sha256(), []
        for data in pieces:
            whole.update(data)
            listed.append(Piece(self.put_bytes(data), len(data)))
        digest = whole.hexdigest()
        if len(listed) == 1 or digest in self._known:
            return digest  # one piece is the content itself
        if not listed:
            return self.put_bytes(b"")
        if not self._shelf.want(digest):
            draft = self._folder / f"{digest}.list"
            draft.write_bytes(write_list(digest, listed))
            self._drafts.append((draft, self._shelf.list_path(digest)))
            self.new_bytes += draft.stat().st_size
        self._known.add(digest)
        return digest

    def want(self, digest: str) -> bool:
        """Is this content here? Then it may be counted on as if it had been put. Ask for none that was put just now."""
        return digest in self._known or self._shelf.want(digest)

    def commit(self) -> None:
        """Have everything put so far in its place, such that no power cut takes it. Raises what writing it raised."""
        self._settle(0)
        if not self._drafts:
            return
        flush_files((draft for draft, _ in self._drafts), self._folder)
        changed = self._shelf.place(self._drafts)
        flush_files(changed, self._shelf.folder)
        self._written.extend(target for _, target in self._drafts)
        self._drafts.clear()
        flush(self._shelf.folder / "blobs")

    def draft(self) -> Path:
        """Return a path for something that is to be renamed into place, away from the store's own; it is free."""
        return self._folder / f"draft-{os.urandom(8).hex()}"

    @property
    def written(self) -> tuple[Path, ...]:
        """The files that this batch added to the store."""
        return tuple(self._written)

    def close(self) -> None:
        """End the threads; what was not committed is given up."""
        self._pool.shutdown(cancel_futures=True)

    def _write(self, digest: str, data: bytes) -> None:
        draft = self._folder / digest
        self._drafts.append((draft, self._shelf.path(digest)))
        self._under_way.append(self._pool.submit(self._compress, draft, data))
        self._settle(IN_HAND)

    def _settle(self, most: int) -> None:
        while len(self._under_way) > most:
            self.new_bytes += self._under_way.popleft().result()

    def _compress(self, draft: Path, data: bytes) -> int:
        if not hasattr(self._local, "packer"):
            self._local.packer = zstandard.ZstdCompressor(level=self._level)  # not to be shared between threads
        packed: bytes = self._local.packer.compress(data)
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb", buffering=0) as file:
            write_all(file, packed)
        return len(packed)


class Readable(Protocol):
    def read(self, n: int, /) -> bytes: ...


def cut(content: Readable, *, fine: bool = False) -> Iterator[bytes]:
    """Yield a content in pieces, cut where its own bytes say so; `fine` for what changes a little, often."""
    from pyfastcdc import FastCDC  # 30 ms that only large contents pay

    mean, least, most = (
        (FINE_MEAN_BYTES, FINE_LEAST_BYTES, FINE_MOST_BYTES)
        if fine
        else (CUT_MEAN_BYTES, CUT_LEAST_BYTES, CUT_MOST_BYTES)
    )
    for chunk in FastCDC(mean, min_size=least, max_size=most).cut_stream(content):
        yield bytes(chunk.data)


class _Exactly:
    """A reader of just as many bytes as were announced."""

    def __init__(self, content: IO[bytes], size_bytes: int) -> None:
        self._content = content
        self._left = size_bytes

    def read(self, most: int) -> bytes:
        data = self._content.read(min(most, self._left))
        if not data and self._left and most:
            raise EOFError("it ends in the middle of a file")
        self._left -= len(data)
        return data
