"""The form of a list of pieces: 36 bytes a piece (digest, size), and a seal over all of them and the whole's digest."""

import hashlib
from collections.abc import Iterable
from struct import Struct

from pipelines.records import dataclass

ENTRY = Struct(">32sI")
SEAL_BYTES = 32


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a content, itself a blob of this digest."""

    digest: str
    size_bytes: int


def write_list(digest: str, pieces: Iterable[Piece]) -> bytes:
    """Return the list of pieces of the content with this digest."""
    body = b"".join(ENTRY.pack(bytes.fromhex(piece.digest), piece.size_bytes) for piece in pieces)
    return body + _seal(digest, body)


def read_list(digest: str, data: bytes) -> tuple[Piece, ...] | None:
    """Return what `write_list` was given; None when these are other bytes, or another content's list."""
    body, seal = data[:-SEAL_BYTES], data[-SEAL_BYTES:]
    if len(body) % ENTRY.size or seal != _seal(digest, body):
        return None
    return tuple(Piece(name.hex(), size) for name, size in ENTRY.iter_unpack(body))


def _seal(digest: str, body: bytes) -> bytes:
    return hashlib.sha256(bytes.fromhex(digest) + body).digest()
