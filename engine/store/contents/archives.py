"""An artifact as one stream, made as it is sent: an uncompressed tar or zip. It is the same to the byte each time, and
how long it is is known before, so a reader whose line dropped goes on where it was.
"""

import struct
import tarfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from itertools import chain
from typing import TYPE_CHECKING

from engine.store.ahead import ahead
from engine.store.contents.piece_list import Piece

if TYPE_CHECKING:
    from engine.store.contents.manifest import Artifact, ArtifactFile

    Pieces = Callable[[ArtifactFile], Sequence[Piece]]
    Read = Callable[[ArtifactFile, str], bytes]

BLOCK, RECORD, SHORT = tarfile.BLOCKSIZE, tarfile.RECORDSIZE, tarfile.LENGTH_NAME
LARGE = 0xFFFFFFFF  # from here on a zip needs 8 bytes for a number
MANY = 0xFFFF
PLAIN, WIDE = 20, 45  # the versions of zip that a reader has to know
UTF8_AND_CRC_BEHIND = 0x0808
UNIX = 3 << 8
LINK, FILE = 0o120000, 0o100000


class Form(StrEnum):
    TAR = "tar"
    ZIP = "zip"


def archive_bytes(artifact: "Artifact", form: Form) -> int:
    """Return how long an archive is, without reading any content."""
    return _tar_bytes(artifact) if form is Form.TAR else _zip_bytes(artifact)


def archive(artifact: "Artifact", form: Form, pieces: "Pieces", read: "Read", start: int = 0) -> Iterator[bytes]:
    """Yield an archive from byte `start`. `pieces` tells what a content is made of, `read` gives one of them.

    A tar is GNU's, which busybox reads too, owned by root, its folders implied; of it only what is asked for is read.
    """
    chunks = _tar(artifact, pieces, read, start) if form is Form.TAR else _from(start, _zip(artifact, pieces, read))
    yield from (chunk for chunk in chunks if chunk)


def _from(start: int, chunks: Iterator[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        yield chunk[start:] if start else chunk
        start = max(0, start - len(chunk))


# -- tar --------------------------------------------------------------------------------------------------------------


def _tar(artifact: "Artifact", pieces: "Pieces", read: "Read", start: int) -> Iterator[bytes]:
    at, end = start, _tar_bytes(artifact)

    def blocks(member: _Member) -> bytes:
        content = read(member.file, member.piece.digest) if member.piece is not None else b""
        return b"".join((member.head, content, member.tail)) if member.head or member.tail else content

    members = _tar_members(artifact, pieces)
    skipped = 0
    for first in members:
        if skipped + first.size_bytes > start:
            for chunk in _from(start - skipped, ahead(blocks, chain((first,), members))):
                at += len(chunk)
                yield chunk
            break
        skipped += first.size_bytes
    yield bytes(end - at)


class _Member:
    """One piece of a tar: what stands before a content, the content, and what stands behind it."""

    __slots__ = ("file", "head", "piece", "size_bytes", "tail")

    def __init__(self, head: bytes, file: "ArtifactFile", piece: Piece | None, tail: bytes) -> None:
        self.head, self.file, self.piece, self.tail = head, file, piece, tail
        self.size_bytes = len(head) + (piece.size_bytes if piece is not None else 0) + len(tail)


def _tar_members(artifact: "Artifact", pieces: "Pieces") -> Iterator[_Member]:
    made_s = int(artifact.created_at.timestamp())
    for file in artifact.files:
        header = tarfile.TarInfo(file.path)
        header.mode, header.mtime = file.mode, made_s
        if file.link is not None:
            header.type, header.linkname = tarfile.SYMTYPE, file.link
        else:
            header.size = file.size_bytes
        head = header.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")
        parts = pieces(file) if file.link is None else ()
        for piece in parts[:-1]:
            yield _Member(head, file, piece, b"")
            head = b""
        yield _Member(head, file, parts[-1] if parts else None, bytes(-header.size % BLOCK))


def _tar_bytes(artifact: "Artifact") -> int:
    names = sum(_long(_raw(file.path)) + _long(_raw(file.link or "")) for file in artifact.files)
    contents = sum(BLOCK + file.size_bytes + -file.size_bytes % BLOCK for file in artifact.files)
    end = names + contents + 2 * BLOCK
    return end + -end % RECORD  # up to a whole record, as tar does


def _long(name: bytes) -> int:
    """Return what a name takes beside its header: one that is too long for it gets a header of its own."""
    return BLOCK + len(name) + 1 + -(len(name) + 1) % BLOCK if len(name) > SHORT else 0


# -- zip --------------------------------------------------------------------------------------------------------------


def _zip(artifact: "Artifact", pieces: "Pieces", read: "Read") -> Iterator[bytes]:
    directory: list[bytes] = []
    at = 0
    for file in artifact.files:
        head = _local(file, artifact)
        yield head
        crc = 0
        if file.link is not None:
            crc = zlib.crc32(_raw(file.link))
            yield _raw(file.link)
        else:
            for block in ahead(lambda piece, file=file: read(file, piece.digest), pieces(file)):  # type: ignore[misc]
                crc = zlib.crc32(block, crc)
                yield block
        yield _behind(file, crc)
        directory.append(_entry(file, artifact, crc, at))
        at += len(head) + _zip_size(file) + len(_behind(file, crc))
    yield from directory
    yield _zip_end(len(directory), at, sum(map(len, directory)))


def _zip_bytes(artifact: "Artifact") -> int:
    at = directory = 0
    for file in artifact.files:
        directory += len(_entry(file, artifact, 0, at))
        at += len(_local(file, artifact)) + _zip_size(file) + len(_behind(file, 0))
    return at + directory + len(_zip_end(len(artifact.files), at, directory))


def _zip_size(file: "ArtifactFile") -> int:
    return len(_raw(file.link)) if file.link is not None else file.size_bytes


def _local(file: "ArtifactFile", artifact: "Artifact") -> bytes:
    name, wide = _raw(file.path), _zip_size(file) >= LARGE
    extra = struct.pack("<HHQQ", 1, 16, 0, 0) if wide else b""
    shown = LARGE if wide else 0
    return (
        struct.pack(
            "<4sHHHIIIIHH", b"PK\3\4", WIDE if wide else PLAIN, UTF8_AND_CRC_BEHIND, 0, _time(artifact), 0, shown,
            shown, len(name), len(extra),
        )
        + name + extra
    )  # fmt: skip


def _behind(file: "ArtifactFile", crc: int) -> bytes:
    size = _zip_size(file)
    return struct.pack("<4sIQQ" if size >= LARGE else "<4sIII", b"PK\7\x08", crc, size, size)


def _entry(file: "ArtifactFile", artifact: "Artifact", crc: int, at: int) -> bytes:
    name, size = _raw(file.path), _zip_size(file)
    wide = size >= LARGE or at >= LARGE
    extra = struct.pack("<HHQQQ", 1, 24, size, size, at) if wide else b""
    mode = (LINK if file.link is not None else FILE) | file.mode
    version = WIDE if wide else PLAIN
    return (
        struct.pack(
            "<4sHHHHIIIIHHHHHII", b"PK\1\2", UNIX | version, version, UTF8_AND_CRC_BEHIND, 0, _time(artifact), crc,
            LARGE if wide else size, LARGE if wide else size, len(name), len(extra), 0, 0, 0, mode << 16,
            LARGE if wide else at,
        )
        + name + extra
    )  # fmt: skip


def _zip_end(count: int, at: int, directory_bytes: int) -> bytes:
    wide = b""
    if count >= MANY or at >= LARGE or directory_bytes >= LARGE:
        record = struct.pack(
            "<4sQHHIIQQQQ", b"PK\6\6", 44, UNIX | WIDE, WIDE, 0, 0, count, count, directory_bytes, at
        )  # fmt: skip
        wide = record + struct.pack("<4sIQI", b"PK\6\7", 0, at + directory_bytes, 1)
    some = min(count, MANY)
    return wide + struct.pack(
        "<4sHHHHIIH", b"PK\5\6", 0, 0, some, some, min(directory_bytes, LARGE), min(at, LARGE), 0
    )  # fmt: skip


def _time(artifact: "Artifact") -> int:
    """Return when it was made, in UTC, as MS-DOS wrote it."""
    at = artifact.created_at
    day = max(0, at.year - 1980) << 9 | at.month << 5 | at.day
    return day << 16 | at.hour << 11 | at.minute << 5 | at.second // 2


def _raw(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")
