"""`treadle logs JOB`: one attempt's log, byte for byte, whole or while it grows."""

import argparse
import sys
from datetime import datetime
from typing import BinaryIO, Protocol

from app.cli.naming import JOB_HELP, find_job
from app.cli.options import count, whole
from app.cli.output import colour_wanted, talk
from app.cli.progress.json_lines import JsonLines
from app.cli.source import Log, Source, source_of
from app.log_text import shown
from engine.core.clock import rfc3339
from engine.core.errors import EngineError, SettingsError
from engine.core.records import Job
from engine.core.states import JOB_FINAL, AttemptStatus, JobStatus
from engine.store.logs.index import Mark
from engine.store.logs.writer import NO_STEP

BLOCK_BYTES = 1 << 20


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("job", metavar="JOB", help=JOB_HELP)
    parser.add_argument("--attempt", type=count, metavar="N", help="the attempt (default: the latest)")
    parser.add_argument("--step", type=whole, metavar="N", help="only this step, by the number that `show` gives it")
    parser.add_argument(
        "--follow", "-f", action="store_true", help="print what comes until the job ends; exit 1 unless it succeeds"
    )
    parser.add_argument("--shell", action="store_true", help="what shells into the attempt's box have shown, instead")
    parser.add_argument("--timestamps", "-t", action="store_true", help="begin each line with when it came in")
    parser.add_argument("--json", action="store_true", help="print JSON lines, as `run --json` does")


def execute(args: argparse.Namespace) -> int:
    _check(args)
    with source_of(args) as source:
        job = find_job(source.queries, args.job)
        if args.follow:
            return _follow(source, job, args)
        number = args.attempt or job.attempts
        if not number:
            raise EngineError(f"Job {job.id} has not started.", "`treadle logs --follow` waits for it.")
        if args.shell:
            return _shell(source, job, number)
        try:
            opened = source.log(job, number)
        except FileNotFoundError:
            raise EngineError(f"Job {job.id} has no log of attempt {number}.") from None
        log = _Log(args.step, _printer(args, job, number))
        log.print_new(opened)
        log.close()
        if args.step is not None and not log.found:
            raise EngineError(f"The log has no step {args.step}.", "`treadle show RUN` lists the steps.")
        return 0


def _check(args: argparse.Namespace) -> None:
    """Raise SettingsError for options that do not go together."""
    if args.shell and (args.follow or args.json or args.timestamps or args.step is not None):
        raise SettingsError("What shells have shown is one text of one attempt.", "With --shell give --attempt alone.")
    if args.json and args.timestamps:
        raise SettingsError("--timestamps is for lines of text.", "Leave out --json or --timestamps.")


def _shell(source: Source, job: Job, attempt: int) -> int:
    """Print what shells have shown: safe on a terminal, as it was kept elsewhere."""
    try:
        kept = source.shell_record(job, attempt)
    except FileNotFoundError:
        raise EngineError(f"Nobody has had a shell in attempt {attempt} of job {job.id}.") from None
    sys.stdout.buffer.write(shown(kept, colour_wanted(sys.stdout)).encode() if sys.stdout.isatty() else kept)
    return 0


def _follow(source: Source, job: Job, args: argparse.Namespace) -> int:
    """Print attempt after attempt, or the one asked for, until the job has ended."""
    first = number = args.attempt or max(1, job.attempts)
    while True:
        log = _Log(args.step, _printer(args, job, number))
        for grown in source.follow(job, number):
            if number > first and not log.begun:
                talk(f"Attempt {number} of {job.name}:")
            log.print_new(grown)
        log.close()
        attempt = next((a for a in source.patient.attempts(job.id) if a.number == number), None)
        job = source.patient.job(job.id) or job
        if args.attempt or (job.status in JOB_FINAL and job.attempts <= number):
            break
        number += 1
    succeeded = attempt.status == AttemptStatus.SUCCESS if args.attempt and attempt else job.status == JobStatus.SUCCESS
    return 0 if succeeded else 1


class _Printer(Protocol):
    def write(self, step: int, at: datetime, data: bytes) -> None: ...

    def close(self) -> None: ...


class _Log:
    """One attempt's log on its way to stdout; remembers how much of it was printed."""

    def __init__(self, step: int | None, printer: _Printer) -> None:
        self._step = step
        self._printer = printer
        self._log: Log | None = None
        self._next = 0
        self._now = NO_STEP  # the step in whose part of the log the next entry is
        self.found = False

    @property
    def begun(self) -> bool:
        return self._log is not None

    def print_new(self, log: Log) -> None:
        """Print what is there and was not printed yet."""
        self._log, size = log, log.size
        for entry in log.entries()[self._next :]:
            if entry.end > size:
                break  # announced in the index, not written yet
            self._next += 1
            if entry.mark is Mark.STEP_BEGIN:
                self._now = entry.step
            if self._step not in (None, self._now):
                continue
            self.found = True
            if entry.mark in (Mark.CHUNK, Mark.SAID):
                for at in range(entry.start, entry.end, BLOCK_BYTES):
                    data = log.read(at, min(entry.end, at + BLOCK_BYTES))
                    self._printer.write(self._now, entry.at, data)
        sys.stdout.buffer.flush()

    def close(self) -> None:
        self._printer.close()
        if self._log is not None:
            self._log.close()


def _printer(args: argparse.Namespace, job: Job, attempt: int) -> _Printer:
    if args.json:
        return _Json(job, attempt)
    if args.timestamps or sys.stdout.isatty():
        return _Lines(sys.stdout.buffer, args.timestamps)
    return _Raw(sys.stdout.buffer)


class _Raw:
    """The log's own bytes."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    def write(self, step: int, at: datetime, data: bytes) -> None:
        self._out.write(data)

    def close(self) -> None:
        self._out.flush()


class _Lines:
    """Whole lines: safe and drawn on a terminal, with the time at which each began to come in if asked."""

    def __init__(self, out: BinaryIO, timestamps: bool) -> None:
        self._out = out
        self._timestamps = timestamps
        self._terminal = sys.stdout.isatty()
        self._colours = colour_wanted(sys.stdout)
        self._open: tuple[datetime, bytes] | None = None

    def write(self, step: int, at: datetime, data: bytes) -> None:
        if self._open is not None:
            began, start = self._open
            head, newline, data = data.partition(b"\n")
            if not newline:
                self._open = (began, start + head)
                return
            self._put(began, start + head + b"\n")
        end = data.rfind(b"\n") + 1
        self._open = (at, data[end:]) if end < len(data) else None
        self._put(at, data[:end])

    def _put(self, at: datetime, lines: bytes) -> None:
        if self._terminal:
            lines = shown(lines, self._colours).encode()
        if self._timestamps and lines:
            stamp = rfc3339(at).encode() + b" "
            lines = stamp + lines[:-1].replace(b"\n", b"\n" + stamp) + b"\n"
        self._out.write(lines)

    def close(self) -> None:
        if self._open is not None:
            self._put(self._open[0], self._open[1] + b"\n")
        if self._terminal and self._colours:
            self._out.write(b"\x1b[0m")
        self._out.flush()


class _Json:
    def __init__(self, job: Job, attempt: int) -> None:
        self._job = job
        self._attempt = attempt
        self._stream = JsonLines()

    def write(self, step: int, at: datetime, data: bytes) -> None:
        self._stream.log(self._job, self._attempt, step, data)

    def close(self) -> None:
        self._stream.flush_open(self._job.id)
        self._stream.close()
