"""Finished logs as seekable zstd: independent frames of 1 MiB and, in a frame that decoders skip, a table of them.

This is zstd's own "seekable format", so `zstd -dc` prints such a log too.
"""

import os
import struct
from bisect import bisect_right
from itertools import accumulate
from pathlib import Path

import zstandard

from engine.core.errors import EngineError

FRAME_BYTES = 1024 * 1024
_SKIPPABLE, _SEEKABLE = 0x184D2A5E, 0x8F92EAB1
_HEAD, _FRAME, _FOOTER = struct.Struct("<II"), struct.Struct("<II"), struct.Struct("<IBI")


def write_frames(source: int, target: int) -> None:
    """Compress the whole file `source` into the empty file `target` (both descriptors), and sync it."""
    compressor = zstandard.ZstdCompressor(level=3, write_checksum=True)
    sizes: list[tuple[int, int]] = []
    at = 0
    with os.fdopen(os.dup(target), "wb") as out:
        while plain := os.pread(source, FRAME_BYTES, at):
            at += len(plain)
            frame = compressor.compress(plain)
            out.write(frame)
            sizes.append((len(frame), len(plain)))
        table = b"".join(_FRAME.pack(*pair) for pair in sizes) + _FOOTER.pack(len(sizes), 0, _SEEKABLE)
        out.write(_HEAD.pack(_SKIPPABLE, len(table)) + table)
        out.flush()
        os.fsync(out.fileno())


class Frames:
    """Random access to a log that `write_frames` made. Keeps the last frame read. Not for several threads at a time."""

    def __init__(self, fd: int, path: Path) -> None:
        """Read the table. Raises EngineError when the file is not such a log; `path` is for that message alone."""
        self._fd = fd
        self._cached: tuple[int, bytes] = (-1, b"")
        length = os.fstat(fd).st_size
        footer = os.pread(fd, _FOOTER.size, max(0, length - _FOOTER.size))
        count, _, magic = _FOOTER.unpack(footer) if len(footer) == _FOOTER.size else (0, 0, 0)
        table_at = length - _FOOTER.size - count * _FRAME.size
        if magic != _SEEKABLE or table_at < _HEAD.size:
            raise EngineError(f"The log {path} is damaged: its table of frames is missing.")
        pairs = list(_FRAME.iter_unpack(os.pread(fd, count * _FRAME.size, table_at)))
        self._packed_at = [0, *accumulate(packed for packed, _ in pairs)]
        self._plain_at = [0, *accumulate(plain for _, plain in pairs)]

    @property
    def size(self) -> int:
        return self._plain_at[-1]

    def read(self, start: int, end: int) -> bytes:
        """Return the plain bytes from `start` up to `end`, fewer at the log's end."""
        parts: list[bytes] = []
        end = min(end, self.size)
        while start < end:
            number = bisect_right(self._plain_at, start) - 1
            begin = self._plain_at[number]
            part = self._frame(number)[start - begin : end - begin]
            parts.append(part)
            start += len(part)
        return b"".join(parts)

    def _frame(self, number: int) -> bytes:
        if self._cached[0] != number:
            begin, end = self._packed_at[number : number + 2]
            packed = os.pread(self._fd, end - begin, begin)
            self._cached = (number, zstandard.ZstdDecompressor().decompress(packed))
        return self._cached[1]
