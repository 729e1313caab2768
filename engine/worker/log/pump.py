"""Moves a step's raw output into the log people read: commands acted upon, secrets hidden, by the chunk.

A chunk without `::` and `##[` is not cut into lines, unless problem matchers want to see them. The log's bytes are a
function of the raw bytes alone, however they arrive: a pump that opens a killed one's log and journal goes on as if
nothing had happened.
"""

import ctypes
import json
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from engine.store.logs.index import Mark
from engine.store.logs.writer import NO_STEP, LogWriter, Progress
from engine.worker.log.commands import CommandStream
from engine.worker.log.raw_lines import NO_LINES, LineCutter
from engine.worker.log.secrets_mask import Mask, MaskStream

CHUNK_BYTES = 256 * 1024  # larger ones fall out of the processor's cache: twice the time
ROUND_BYTES = 32 * CHUNK_BYTES
LOOK_BYTES = 32 * 1024  # at a time while every line is looked at, and 32 times so much a round

_LIBC = ctypes.CDLL(None, use_errno=True)

_MARKS = {
    "##[group]": Mark.GROUP_BEGIN,
    "##[endgroup]": Mark.GROUP_END,
    "##[error]": Mark.ERROR,
    "##[warning]": Mark.WARNING,
    "##[notice]": Mark.NOTICE,
}


class LogPump:
    """Fills one attempt's log. One thread at a time, but `say`, which any thread may call.

    `stream_factory(step)` makes the command stream of a step. `journal` (in the attempt's own folder: it holds secrets)
    keeps the commands acted upon, from which a later pump knows masks, outputs and annotations again. After an OSError
    (a full disk) a pump is of no more use; a new one, on a new writer, goes on without a gap.
    """

    def __init__(
        self,
        writer: LogWriter,
        mask: Mask,
        stream_factory: Callable[[int], CommandStream],
        now: Callable[[], datetime],
        journal: Path | None = None,
    ) -> None:
        self._writer = writer
        self._mask = mask
        self._make_stream = stream_factory
        self._now = now
        self._feeds: dict[int, _Feed] = {}
        self._journal = _Journal(journal) if journal else None
        if self._journal:
            for step, entry in self._journal.open(writer.resume_offset):
                self.commands(step).replay(entry)
                self._learn(self.commands(step))

    def commands(self, step: int) -> CommandStream:
        """Return what the step's commands said so far."""
        return self._feed(step).commands

    def forget(self, step: int) -> None:
        """Let go of what the commands of a step said, whose output has come to its end."""
        self._feeds.pop(step, None)

    def consumed(self, step: int) -> int:
        """Return the raw offset before which everything is in the log: nothing earlier is ever read again."""
        return self._writer.resume_offset(step)

    def pump(self, step: int, fd: int) -> int:
        """Take up to 8 MiB of new raw output from `fd`; return how many bytes were new.

        An end that may be the beginning of a command or of a secret waits for what follows it.
        """
        return self._take(step, fd, ROUND_BYTES)

    def finish(self, step: int, fd: int) -> int:
        """Take all that is left of the raw output, waiting for nothing more; return how many bytes were new."""
        taken = self._take(step, fd, None)
        feed = self._feed(step)
        if feed.pending or feed.mask.held:
            self._digest(step, feed, b"", final=True)
        return taken

    def say(self, text: str, step: int = NO_STEP) -> None:
        """Put lines of the engine's own into the log, secrets hidden."""
        self._writer.say(self._mask.text(text).encode("utf-8", "surrogateescape"), self._now(), step)

    def close(self) -> None:
        """Let go of the journal. The writer is its owner's to close."""
        if self._journal:
            self._journal.close()

    def _feed(self, step: int) -> "_Feed":
        if step not in self._feeds:
            self._feeds[step] = _Feed(self._make_stream(step), self._mask, self._writer.progress(step))
        return self._feeds[step]

    def _take(self, step: int, fd: int, at_most: int | None) -> int:
        feed = self._feed(step)
        if feed.at_start is None:
            feed.at_start = feed.read == 0 or os.pread(fd, 1, feed.read - 1) in b"\r\n"
        taken = 0
        size = CHUNK_BYTES
        if feed.commands.matchers.active:
            size, at_most = LOOK_BYTES, at_most and min(at_most, 32 * LOOK_BYTES)
        while (at_most is None or taken < at_most) and (chunk := os.pread(fd, size, feed.read)):
            feed.read += len(chunk)
            taken += len(chunk)
            self._digest(step, feed, chunk, final=False)
        return taken

    def _digest(self, step: int, feed: "_Feed", chunk: bytes, final: bool) -> None:
        """Bring `chunk` and what was held before it into the log."""
        data = feed.pending + chunk if feed.pending else chunk
        base = feed.read - len(data)
        shown: list[bytes] = []
        marks: list[tuple[Mark, int, int]] = []
        at = length = 0
        seen = feed.commands.matchers.seen()
        sight = _Sight(self._mask, feed.commands, data)
        cutter = LineCutter(data, bool(feed.at_start), final, sight.until)
        for line in cutter:
            text = data[line.start : line.stop].decode("utf-8", "surrogateescape")
            whole = line.short and not sight.in_secret(line.start, line.end)
            lines = feed.commands.line(text, whole, sight.clean)
            if lines is None:
                continue
            before = feed.mask.flush(data[at : line.start])
            shown.append(before)
            length += len(before)
            self._learn(feed.commands)
            kept = [self._mask.text(said).encode("utf-8", "surrogateescape") + b"\n" for said in lines]
            if kept and self._writer.has_room(length + len(kept[0])):
                feed.commands.place(self._writer.size + length)
            if self._journal and feed.commands.changed:
                self._journal.add(step, base + line.end, feed.commands.entry(text))
            for said, masked in zip(lines, kept, strict=True):
                if mark := _MARKS.get(said[: said.find("]") + 1]):
                    marks.append((mark, length, length + len(masked)))
                shown.append(masked)
                length += len(masked)
            at = line.end
        hold = cutter.rest()
        if self._journal and seen != (now_seen := feed.commands.matchers.seen()):
            self._journal.add(step, base + hold, {"state": {"seen": now_seen}})
        rest = data[at:hold] if at or hold < len(data) else data
        shown.append(feed.mask.flush(rest) if final else feed.mask.feed(rest))
        feed.pending = data[hold:]
        if hold:
            feed.at_start = data[hold - 1] in b"\r\n"
        raw_end = feed.read - len(feed.pending) - feed.mask.held
        after = Progress(raw_end, feed.mask.open, feed.mask.covered)
        out = b"".join(shown) if len(shown) > 1 else shown[0]
        if out or after != self._writer.progress(step):
            self._writer.append(step, out, after, self._now(), marks)

    def _learn(self, commands: CommandStream) -> None:
        """Hide the values that the last line asked to hide, from the next line on."""
        while commands.masks:
            self._mask.add(commands.masks.pop(0))


class _Feed:
    """Where one step's raw output stands: read up to `read`, the last `pending` bytes of it held as a line begun."""

    def __init__(self, commands: CommandStream, mask: Mask, progress: Progress) -> None:
        self.commands = commands
        self.mask: MaskStream = mask.stream(progress.mask_open, progress.mask_covered)
        self.read = progress.raw_end
        self.pending = b""
        self.at_start: bool | None = None


class _Sight:
    """How far every line of `data` can be shown to problem matchers: up to what may become a secret."""

    def __init__(self, mask: Mask, commands: CommandStream, data: bytes) -> None:
        self._mask = mask
        self._commands = commands
        self._data = data
        self._known = -1  # how many secrets there were when this was worked out
        self._until = 0
        self._secrets: list[tuple[int, int]] = []  # those of several lines
        self.clean = False  # there is no secret at all

    def until(self) -> int:
        """Return up to where lines can be shown; NO_LINES when no matcher wants any."""
        if not self._commands.matchers.active:
            return NO_LINES
        if self._known != self._mask.count:
            self._known = self._mask.count
            self._until = self._mask.tail(self._data)
            found = self._mask.spans(self._data)
            self._secrets = [span for span in found if _has_break(self._data[slice(*span)])]
            self.clean = not found
        return self._until

    def in_secret(self, start: int, end: int) -> bool:
        """Tell whether a line is part of a secret of several lines, which only the whole log hides."""
        return any(first < end and start < last for first, last in self._secrets)


class _Journal:
    """What was acted upon, one JSON line each: step, raw offset behind it, entry. Written before the log is."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def open(self, logged: Callable[[int], int]) -> list[tuple[int, dict[str, Any]]]:
        """Return step and entry of what is `logged`; forget the rest, which will be read again."""
        known: list[tuple[int, dict[str, Any]]] = []
        size = 0
        for line in os.pread(self._fd, os.fstat(self._fd).st_size, 0).splitlines(keepends=True):
            if not line.endswith(b"\n"):
                break
            step, raw_end, entry = json.loads(line)
            if raw_end > logged(step):
                break
            known.append((step, entry))
            size += len(line)
        os.ftruncate(self._fd, size)
        return known

    def add(self, step: int, raw_end: int, entry: dict[str, Any]) -> None:
        os.write(self._fd, json.dumps([step, raw_end, entry]).encode() + b"\n")

    def close(self) -> None:
        os.close(self._fd)


def discard(fd: int, upto: int) -> bool:
    """Give the disk blocks of a raw file before `upto` back, for they hold unmasked text; the file keeps its length.

    The byte before `upto` stays, for it tells whether a line begins there. False where the file system cannot.
    """
    length = max(0, upto - 1) // 4096 * 4096
    if not length:
        return True
    keep_size_punch_hole = 0x01 | 0x02
    return bool(_LIBC.fallocate(fd, keep_size_punch_hole, ctypes.c_long(0), ctypes.c_long(length)) == 0)


def _has_break(data: bytes) -> bool:
    return b"\n" in data or b"\r" in data
