"""One attempt's log, as its worker writes it: steps' output through the pump, the engine's own lines, annotations."""

import posixpath
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from engine.core.clock import Clock
from engine.core.errors import EngineError
from engine.store.logs.writer import LogWriter
from engine.worker.log.commands import Annotation, CommandStream, no_file
from engine.worker.log.problem_matchers import FILE_LIMIT_BYTES, MatcherError, ProblemMatchers
from engine.worker.log.pump import LogPump
from engine.worker.log.secrets_mask import Mask

KEPT_OWN = 50  # annotations of the engine's own per attempt
KEPT = 1000  # of all, by one engine: a composite action may run a script for each file


class JobLog:
    """Made before the first byte of an attempt, closed after its last. `grew` is called when there is more to read."""

    def __init__(
        self,
        path: Path,
        journal: Path,
        secrets: Iterable[str],
        limit_bytes: int,
        clock: Clock,
        grew: Callable[[], None],
        *,
        debug: bool,
        allow_unsecure: bool,
        known: Mapping[str, Any] | None = None,
    ) -> None:
        """`known` is what an earlier attempt's log, from which this one goes on, had learnt."""
        self.mask = Mask(secrets)
        self.matchers = ProblemMatchers(clock.monotonic_s)
        if known:
            for value in known["masks"]:
                self.mask.add(value)
            self.matchers.restore(known["matchers"])
        self._read: Callable[[str], bytes] = no_file
        self.step = 0
        self._clock = clock
        self._writer = LogWriter(path, limit_bytes, grew)
        self._rows: list[dict[str, Any]] = []
        self._own = self._kept = 0

        def stream(_: int) -> CommandStream:
            return CommandStream(
                hide=self.mask.text,
                debug=debug,
                allow_unsecure=allow_unsecure,
                matchers=self.matchers,
                read=lambda path: self._read(path),
            )

        try:
            self.pump = LogPump(self._writer, self.mask, stream, clock.now, journal)
        except BaseException:
            self._writer.close()
            raise

    def look_into(self, workspace: str, read: Callable[[str, int], bytes]) -> None:
        """Say where the job's files are, and how one is read: by an absolute path, up to so many bytes."""

        def file(path: str) -> bytes:
            try:
                return read(posixpath.join(workspace, path), FILE_LIMIT_BYTES)
            except EngineError as error:
                raise MatcherError(str(error)) from None

        self.matchers.workspace, self._read = workspace, file

    def known(self) -> dict[str, Any]:
        """Return, as plain JSON, what a later attempt's log has to know from its beginning: it may hold secrets."""
        return {"masks": sorted(self.mask.values), "matchers": self.matchers.state()}

    @property
    def size(self) -> int:
        return self._writer.size

    def begin_step(self, index: int, at: datetime) -> int:
        """Note that the step's part begins; return where, in bytes."""
        self.step = index
        self._writer.begin_step(index, at)
        return self._writer.size

    def end_step(self, index: int, at: datetime) -> int:
        self._writer.end_step(index, at)
        return self._writer.size

    def say(self, line: str) -> None:
        """Write lines of the engine's own, secrets hidden."""
        self.pump.say(line)

    def say_group(self, title: str, lines: list[str]) -> None:
        """Write a group that a reader may fold, in one go."""
        self.pump.say("\n".join((f"##[group]{' '.join(title.splitlines())}", *lines, "##[endgroup]")))

    def annotate(self, level: str, message: str) -> None:
        """Write and keep an error, warning or notice of the engine's own."""
        line = self.mask.text(f"##[{level}]{message}")
        self.say(line)
        self._own += 1
        if self._own <= KEPT_OWN:
            log_start = self._writer.size - len(line.encode("utf-8", "surrogateescape")) - 1
            self._keep(Annotation(level, self.mask.text(message), log_start=log_start))

    def stream(self, script: int) -> CommandStream:
        """Return what the commands in a script's output said so far."""
        return self.pump.commands(script)

    def keep(self, script: int) -> None:
        """Keep the annotations that the commands of a script made, which has ended; forget the rest of them."""
        stream = self.pump.commands(script)
        self.pump.forget(script)
        kept = stream.annotations[: max(0, KEPT - self._kept)]
        self._kept += len(kept)
        for annotation in kept:
            self._keep(annotation)
        if dropped := stream.dropped_annotations + len(stream.annotations) - len(kept):
            self.say(f"{dropped} more annotations of this step are in the log alone.")

    def take_annotations(self) -> list[dict[str, Any]]:
        """Return what was kept since the last call, as rows for the store."""
        rows, self._rows = self._rows, []
        return rows

    def sync(self) -> None:
        """Have everything on disk, safe from a power cut."""
        self._writer.sync()

    def close(self) -> None:
        self.pump.close()
        self._writer.close()

    def _keep(self, annotation: Annotation) -> None:
        properties = {
            name: value
            for name in ("title", "file", "line", "end_line", "column", "end_column", "code", "log_start")
            if (value := getattr(annotation, name, None)) not in (None, "")
        }
        row = {"step": self.step, "level": annotation.level, "message": annotation.message, "properties": properties}
        self._rows.append(row)
