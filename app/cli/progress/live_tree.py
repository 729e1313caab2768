"""`treadle run` on a terminal: a live tree of runs, jobs and steps that always fits the window.

`tree_lines` draws, and knows no terminal; `LiveTree` keeps it on the screen and leaves the summary behind.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from app.cli.output import colour_wanted, width_of
from app.cli.progress.board import WAITING, Board, JobView, RunView, StepView
from app.cli.progress.summary import ending, failures, overview
from app.cli.result import Result
from app.expectation import late, of_usual
from app.log_text import shown
from app.wording import count_of, duration, short_ref
from engine.core.clock import Clock, SystemClock
from engine.core.forecast import slower
from engine.core.records import Job, Run, Transition
from widgets.glyphs import look
from widgets.names import told_apart
from widgets.safe_text import plain

FOLDS = 6
WIDEST_NAME, BESIDE_NAME = 40, 40  # columns: a name may have so many, and all but what its status and times take
ACTIVE = frozenset({"running", "retrying", "failed", "timed_out"})


class LiveTree:
    """Draws about ten times a second, and only when called: there is no thread behind it."""

    def __init__(self, console: Console | None = None, clock: Clock | None = None) -> None:
        self._console = console or Console(
            file=sys.stdout, markup=False, highlight=False, emoji=False, no_color=not colour_wanted(sys.stdout)
        )
        self._clock = clock or SystemClock()
        self._board = Board()
        self._live = Live(
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=sys.stderr.isatty(),  # what is said meanwhile goes above the tree, not into it
        )

    def run_added(self, run: Run, jobs: tuple[Job, ...], needs: Mapping[str, tuple[str, ...]]) -> None:
        self._board.run_added(run, jobs)
        if not self._live.is_started:
            self._live.start()

    def job_added(self, job: Job) -> None:
        self._board.job_added(job)

    def steps(self, job_id: int, attempt: int, names: Sequence[str]) -> None:
        self._board.steps(job_id, names)

    def step_tolerated(self, job_id: int, step: int) -> None:
        self._board.step_tolerated(job_id, step)

    def transition(self, t: Transition) -> None:
        self._board.apply(t)

    def log(self, job: Job, attempt: int, step: int, data: bytes) -> None:
        self._board.keep_tail(job.id, attempt, step, data)

    def tick(self) -> None:
        if self._live.is_started:
            width, height = self._console.size
            lines = tree_lines(self._board, self._clock.now(), width, height - 1)
            self._live.update(Group(*lines), refresh=True)

    def finished(self, result: Result) -> None:
        self.close()
        colours = not self._console.no_color
        for line in failures(self._board, colours) + overview(self._board, self._clock.now(), colours):
            self._console.file.write(line + "\n")
        self._console.file.flush()

    def close(self) -> None:
        if self._live.is_started:
            self._live.update(Group(), refresh=False)
            self._live.stop()


def tree_lines(board: Board, now: datetime, width: int, height: int) -> list[Text]:
    """Return the tree in at most `height` lines of `width` columns, folded as little as that allows.

    Folded first: steps and the running step's last line; then of a matrix the jobs that neither run nor failed; then
    each matrix into one line; then all jobs, last all runs that are finished or wait. What still does not fit is
    counted in the last line.
    """
    lines: list[Text] = []
    for fold in range(FOLDS):
        lines = list(_runs(board, now, fold, max(WIDEST_NAME, width - BESIDE_NAME)))
        if len(lines) <= height:
            break
    if len(lines) > height:
        more = len(lines) - height + 1
        lines = [*lines[: height - 1], Text(f"… {more} more lines", style="bright_black")]
    for line in lines:
        line.no_wrap = True
        line.truncate(width, overflow="ellipsis")
    return lines


def _runs(board: Board, now: datetime, fold: int, widest: int) -> Iterable[Text]:
    finished = waiting = 0
    for run in board.runs.values():
        if fold >= 5 and run.status in ("success", "skipped", "cancelled"):
            finished += 1
        elif fold >= 5 and run.waits:
            waiting += 1
        else:
            yield from _run(board, run, now, fold, widest)
    yield from _more("run", finished, waiting)


def _more(noun: str, finished: int, waiting: int, indent: str = "") -> Iterable[Text]:
    """Count what was folded away."""
    if finished:
        what = f"{count_of(finished, f'more {noun}')} finished"
        yield Text(f"{indent}{look('success').glyph} {what}", style="green")
    if waiting:
        what = f"{waiting} more {noun} waits" if waiting == 1 else f"{waiting} more {noun}s wait"
        yield Text(f"{indent}{look('pending').glyph} {what}", style="bright_black")


def _run(board: Board, run: RunView, now: datetime, fold: int, widest: int) -> Iterable[Text]:
    where = " ".join(part for part in (plain(run.run.event), plain(short_ref(run.run.ref)), run.run.sha[:8]) if part)
    done = sum(job.final for job in run.jobs)
    head = _status(run.status)
    head.append(f"  {run.name} #{run.run.number}", style="bold")
    head.append(f"  {done}/{len(run.jobs)} jobs  {duration(run.seconds(now))}")
    head.append(f"  {where}", style="bright_black")
    yield head
    names = told_apart((job.name for job in run.jobs), widest)
    name_width = max(map(width_of, names.values()), default=0)
    names = {name: short + " " * (name_width - width_of(short)) for name, short in names.items()}
    groups: dict[str, list[JobView]] = {}
    for job in run.jobs:
        groups.setdefault(job.job.key, []).append(job)
    finished = waiting = 0
    for key, jobs in groups.items():
        if fold >= 4 and all(job.final and job.status not in ("failed", "timed_out") for job in jobs):
            finished += len(jobs)
        elif fold >= 4 and all(job.status in WAITING for job in jobs):
            waiting += len(jobs)
        elif len(jobs) > 1 and fold >= 2:
            yield _matrix(key, jobs, now)
            for job in jobs if fold == 2 else ():
                if job.status in ACTIVE:
                    yield from _job(board, job, now, fold, names[job.name])
        else:
            for job in jobs:
                yield from _job(board, job, now, fold, names[job.name])
    if run.finished_at is None and not run.waits:
        yield from _more("job", finished, waiting, "  ")


def _matrix(key: str, jobs: list[JobView], now: datetime) -> Text:
    counts: dict[str, int] = {}
    for job in jobs:
        counts[job.status] = counts.get(job.status, 0) + 1
    worst = next((s for s in ("failed", "timed_out", "running", "retrying", "queued") if s in counts), jobs[0].status)
    words = ", ".join(f"{n} {look(status).word}" for status, n in counts.items())
    line = Text("  ").append(look(worst).glyph, style=look(worst).colour).append(f" {plain(key)} ×{len(jobs)}: {words}")
    longest = max((job.seconds(now) or 0.0 for job in jobs), default=0.0)
    return line.append(f"  {duration(longest)}" if longest else "", style="bright_black")


def _job(board: Board, job: JobView, now: datetime, fold: int, name: str) -> Iterable[Text]:
    line = Text("  ").append_text(_status(job.status, 9)).append(f"  {name}")
    if job.status in WAITING:
        line.append(_waits_for(board, job))
        line.rstrip()
        line.stylize("bright_black")
        yield line
        return
    spent_s, usual_s = job.seconds(now), job.job.expected_s
    if job.status == "running" and spent_s is not None and usual_s is not None:
        line.append(f"  {of_usual(spent_s, usual_s, ' of ')}", style="bright_black")
        times = slower(spent_s, usual_s)
        line.append(f"  {late(times)}" if times else "", style="yellow")
    else:
        line.append(f"  {duration(spent_s)}", style="bright_black")
    if job.attempt > 1 or job.status == "retrying":
        line.append(f"  attempt {job.attempt}")
    if job.status == "retrying":
        line.append(_countdown(job, now), style="yellow")
    elif job.status in ("failed", "timed_out"):
        line.append(f"  {ending(job)}", style="red")
        line.append("  allowed to fail" if job.job.tolerated else "", style="bright_black")
    elif job.reason and job.status in ("cancelled", "skipped"):
        line.append(f"  {job.reason}", style="bright_black")
    step = job.running_step
    if fold >= 1 and step is not None:
        line.append(f"  {step.name}", style="bright_black")
    yield line
    if fold == 0 and job.status in ("running", "failed", "timed_out"):
        yield from _steps(board, job, now)


def _steps(board: Board, job: JobView, now: datetime) -> Iterable[Text]:
    """The finished steps folded into a count, the failed and the running one, the last line it printed."""
    done = sum(step.status in ("success", "skipped") for step in job.steps.values())
    ahead = sum(step.status == "pending" for step in job.steps.values())
    if done:
        yield Text(f"      {look('success').glyph} {count_of(done, 'step')} done", style="bright_black")
    for index, step in sorted(job.steps.items()):
        if step.status not in ("success", "skipped", "pending"):
            line = Text("      ").append_text(_status(step.status)).append(f"  {step.name}")
            yield line.append(f"  {duration(_spent(step, now))}", style="bright_black")
        if step.status == "running":
            last = board.last_lines(job.job.id, job.attempt, index, 1)
            text = plain(shown(last[0].encode(), False)) if last else ""
            if text:
                yield Text(f"        {text}", style="bright_black")
    if ahead and job.status == "running":
        yield Text(f"      {look('pending').glyph} {ahead} to go", style="bright_black")


def _spent(step: StepView, now: datetime) -> float | None:
    return None if step.started_at is None else ((step.finished_at or now) - step.started_at).total_seconds()


def _status(status: str, width: int = 0) -> Text:
    shape = look(status)
    return Text(f"{shape.glyph} {shape.word:<{width}}", style=shape.colour)


def _waits_for(board: Board, job: JobView) -> str:
    unmet = {other.job.key for other in board.runs[job.job.run_id].jobs if not other.final}
    needs = [need for need in job.job.needs if need in unmet]
    if job.status == "pending" and needs:
        return f"  waits for {plain(', '.join(needs))}"
    return f"  {job.reason}" if job.reason else ""


def _countdown(job: JobView, now: datetime) -> str:
    due = job.job.next_attempt_at
    if due is None:
        return f"  {job.reason}" if job.reason else ""
    return f"  next in {duration(max(0.0, (due - now).total_seconds()))}"
