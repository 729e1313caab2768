"""`treadle run` without a live terminal: status lines, and every line that the steps print behind its job's name.

What the engine says by way of introduction (where a job runs, the text and environment of a step) is left to the
log itself. Works on chunks, never line by line: a million lines cost a few replacements, not a million writes.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import BinaryIO

from app.cli.output import colour_wanted, paint
from app.cli.progress.board import Board
from app.cli.progress.summary import ending, failures, overview
from app.cli.result import Result
from app.log_text import piped, shown, without_introduction
from app.wording import count_of, duration, short_ref
from engine.core.clock import Clock, SystemClock
from engine.core.records import Job, Run, Transition
from engine.core.states import JOB_FINAL
from widgets.glyphs import look
from widgets.safe_text import plain

OPEN_LINE_BYTES = 1 << 20
QUIET = frozenset({"pending", "queued"})
WIDEST_LABEL = 32


class PlainLines:
    """Writes to stdout. On a terminal log text is made safe and coloured; into a file or pipe its bytes go as they are.

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
        self._early: dict[int, list[tuple[int, int, bytes]]] = {}  # job id: what came before its step was heard of
        self._titled: dict[int, tuple[int, int]] = {}  # job id: the attempt and step that its last lines are of
        self._width = 0

    def run_added(self, run: Run, jobs: tuple[Job, ...], needs: Mapping[str, tuple[str, ...]]) -> None:
        view = self._board.run_added(run, jobs)
        self._width = max([self._width, *(min(WIDEST_LABEL, len(self._label(job.id))) for job in jobs)])
        where = " ".join(part for part in (plain(short_ref(run.ref)), run.sha[:8]) if part)
        count = count_of(len(jobs), "job")
        self._line(f"{view.name} #{run.number}  {plain(run.event)} {where}  {count} (r{run.id})", "bold")

    def job_added(self, job: Job) -> None:
        self._board.job_added(job)

    def steps(self, job_id: int, attempt: int, names: Sequence[str]) -> None:
        self._board.steps(job_id, names)

    def transition(self, t: Transition) -> None:
        self._board.apply(t)
        if t.job_id not in self._board.jobs or t.to_status in QUIET:
            return
        if t.noun == "step":
            self._write_early(t.job_id, started=t.step)
        elif t.noun == "job":
            self._write_early(t.job_id)
            self._flush_open(t.job_id)
            self._say(t.job_id, t.to_status, self._job_words(t))

    def step_tolerated(self, job_id: int, step: int) -> None:
        self._board.step_tolerated(job_id, step)

    def _job_words(self, t: Transition) -> str:
        view = self._board.jobs[t.job_id or 0]
        words = look(t.to_status).word
        if t.to_status == "running":
            return f"{words} (attempt {view.attempt})" if view.attempt > 1 else words
        if t.to_status in JOB_FINAL and view.started_at is not None:
            words += f" in {duration(view.seconds(t.at))}"
        if t.to_status == "retrying" and view.job.next_attempt_at is not None:
            words += f" in {duration((view.job.next_attempt_at - t.at).total_seconds())}"
        if t.to_status in ("failed", "timed_out", "retrying"):
            where = f"step {view.failed_step[1].name!r}, " if view.failed_step else ""
            return f"{words}: {where}{ending(view)}"
        note = view.reason if t.to_status != "success" else ""
        return f"{words}: {note}" if note and note != look(t.to_status).word else words

    def log(self, job: Job, attempt: int, step: int, data: bytes) -> None:
        self._board.keep_tail(job.id, attempt, step, data)
        view = self._board.jobs[job.id]
        known = view.steps.get(step)
        unheard_of = step >= 0 and view.status == "running" and (known is None or known.status == "pending")
        if job.id in self._early or unheard_of:
            self._early.setdefault(job.id, []).append((attempt, step, data))
        else:
            self._write(job.id, attempt, step, data)

    def _write_early(self, job_id: int, started: int | None = None) -> None:
        """Write what had to wait for its step's name: what is of steps up to `started`, or all."""
        early = self._early.pop(job_id, [])
        for place, (attempt, step, data) in enumerate(early):
            if started is not None and step > started:
                self._early[job_id] = early[place:]
                return
            self._write(job_id, attempt, step, data)

    def _write(self, job_id: int, attempt: int, step: int, data: bytes) -> None:
        if self._titled.get(job_id) != (attempt, step):
            self._titled[job_id] = attempt, step
            self._flush_open(job_id)
            data = without_introduction(data)
            if (known := self._board.jobs[job_id].steps.get(step)) is not None:
                heading = f"##[group]{known.name}\n".encode()
                self._write_lines(job_id, heading)
                data = data.removeprefix(heading)  # of a step that is shown by its own name
        data = self._open.pop(job_id, (attempt, step, b""))[2] + data
        end = data.rfind(b"\n") + 1
        rest = data[end:]
        if len(rest) > OPEN_LINE_BYTES:
            data, end, rest = data + b"\n", len(data) + 1, b""
        if rest:
            self._open[job_id] = (attempt, step, rest)
        if end:
            self._write_lines(job_id, data[:end])

    def tick(self) -> None:
        self._out.flush()

    def finished(self, result: Result) -> None:
        for job_id in list(self._board.jobs):
            self._write_early(job_id)
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
        else:
            data = piped(data)
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
