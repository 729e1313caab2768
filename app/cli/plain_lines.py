"""`treadle run` without a live terminal: status lines and every log line behind the name of its job.

Works on chunks, never line by line: a million lines cost a few replacements, not a million writes.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import BinaryIO

from app.cli.board import Board
from app.cli.log_text import shown
from app.cli.output import colour_wanted, duration, paint, short_ref
from app.cli.result import Result
from app.cli.summary import ending, failures, overview
from engine.core.clock import Clock, SystemClock
from engine.core.records import Job, Run, Transition
from engine.core.states import JOB_FINAL
from widgets.glyphs import look
from widgets.safe_text import plain

OPEN_LINE_BYTES = 1 << 20
QUIET = frozenset({"pending", "queued"})


class PlainLines:
    """Writes to stdout. On a terminal log text is made safe and coloured; into a file or pipe it goes as it is.

    A line that a job has not ended yet waits for its end (one of more than 1 MiB is broken there), so that
    lines of jobs that run side by side never mix.
    """

    def __init__(self, out: BinaryIO | None = None, terminal: bool | None = None, clock: Clock | None = None) -> None:
        self._out = out or sys.stdout.buffer
        self._terminal = sys.stdout.isatty() if terminal is None else terminal
        self._colours = colour_wanted(sys.stdout) if terminal is None else False
        self._clock = clock or SystemClock()
        self._board = Board()
        self._open: dict[int, tuple[int, int, bytes]] = {}  # job id: attempt, step, the line so far
        self._width = 0

    def run_added(self, run: Run, jobs: tuple[Job, ...], needs: Mapping[str, tuple[str, ...]]) -> None:
        view = self._board.run_added(run, jobs)
        self._width = max([self._width, *(min(24, len(self._label(job.id))) for job in jobs)])
        where = " ".join(part for part in (plain(short_ref(run.ref)), run.sha[:8]) if part)
        count = f"{len(jobs)} job{'' if len(jobs) == 1 else 's'}"
        self._line(f"{view.name} #{run.number}  {plain(run.event)} {where}  {count} (r{run.id})", "bold")

    def job_added(self, job: Job) -> None:
        self._board.job_added(job)

    def steps(self, job_id: int, attempt: int, names: Sequence[str]) -> None:
        self._board.steps(job_id, names)

    def transition(self, t: Transition) -> None:
        self._board.apply(t)
        if t.job_id not in self._board.jobs or t.to_status in QUIET:
            return
        if t.noun == "job":
            self._flush_open(t.job_id)
            self._say(t.job_id, t.to_status, self._job_words(t))
        elif t.noun == "step" and t.to_status in ("failed", "timed_out"):
            self._flush_open(t.job_id)
            code = f" with exit code {t.exit_code}" if t.exit_code is not None else ""
            self._say(t.job_id, t.to_status, f"step {plain(t.name)!r} {look(t.to_status).word}{code}")

    def _job_words(self, t: Transition) -> str:
        view = self._board.jobs[t.job_id or 0]
        words = look(t.to_status).word
        if t.to_status == "running" and view.attempt > 1:
            words += f" (attempt {view.attempt})"
        if t.to_status in JOB_FINAL and view.started_at is not None:
            words += f" in {duration(view.seconds(t.at))}"
        note = ending(view) if t.to_status in ("failed", "timed_out") else view.reason
        return (
            f"{words}: {note}"
            if note and note != look(t.to_status).word and t.to_status not in ("success", "running")
            else words
        )

    def log(self, job: Job, attempt: int, step: int, data: bytes) -> None:
        self._board.keep_tail(job.id, attempt, step, data)
        was_attempt, was_step, start = self._open.pop(job.id, (attempt, step, b""))
        if start and (was_attempt, was_step) != (attempt, step):
            self._write_lines(job.id, start + b"\n")
            start = b""
        data = start + data
        end = data.rfind(b"\n") + 1
        rest = data[end:]
        if len(rest) > OPEN_LINE_BYTES:
            data, end, rest = data + b"\n", len(data) + 1, b""
        if rest:
            self._open[job.id] = (attempt, step, rest)
        if end:
            self._write_lines(job.id, data[:end])

    def tick(self) -> None:
        self._out.flush()

    def finished(self, result: Result) -> None:
        for job_id in list(self._open):
            self._flush_open(job_id)
        for line in failures(self._board, self._colours) + overview(self._board, self._clock.now(), self._colours):
            self._line(line)

    def close(self) -> None:
        self._out.flush()

    def _flush_open(self, job_id: int) -> None:
        if left := self._open.pop(job_id, None):
            self._write_lines(job_id, left[2] + b"\n")

    def _write_lines(self, job_id: int, data: bytes) -> None:
        """Write whole lines, each behind the job's label."""
        reset = b""
        if self._terminal:
            data = shown(data, self._colours).encode()
            reset = b"\x1b[0m" if b"\x1b" in data else b""
            if not data:
                return
        prefix = reset + paint(f"{self._label(job_id):<{self._width}} |", "bright_black", self._colours).encode() + b" "
        self._out.write(prefix + data[:-1].replace(b"\n", b"\n" + prefix) + reset + b"\n")

    def _label(self, job_id: int) -> str:
        view = self._board.jobs[job_id]
        return view.name if len(self._board.runs) == 1 else f"{self._board.runs[view.job.run_id].name} / {view.name}"

    def _say(self, job_id: int, status: str, words: str) -> None:
        colour = look(status).colour
        self._line(f"{self._label(job_id):<{self._width}}  {paint(words, colour, self._colours)}")

    def _line(self, text: str, colour: str = "") -> None:
        self._out.write((paint(text, colour, self._colours) if colour else text).encode("utf-8", "replace") + b"\n")
        self._out.flush()
