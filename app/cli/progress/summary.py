"""The end of a run in words: what failed and its last lines, where the whole log is, one line a job, one a run."""

from datetime import datetime

from app.cli.output import paint, status_text, width_of
from app.cli.progress.board import Board, JobView, RunView
from app.log_text import shown
from app.wording import count_of, duration
from widgets.glyphs import look
from widgets.safe_text import plain

LAST_LINES = 20
MOST_FAILURES = 5


def failures(board: Board, colours: bool) -> list[str]:
    """Return the excerpt of each failed job, the first few of them."""
    jobs = [job for run in board.runs.values() for job in run.jobs]
    failed = [job for job in jobs if job.status in ("failed", "timed_out") and not job.job.tolerated]
    lines: list[str] = []
    for job in failed[:MOST_FAILURES]:
        lines += ["", *_failure(board, job, colours)]
    if len(failed) > MOST_FAILURES:
        more = count_of(len(failed) - MOST_FAILURES, "more job")
        lines += ["", f"{more} failed; `treadle show RUN` lists a run's jobs."]
    return lines


def _failure(board: Board, job: JobView, colours: bool) -> list[str]:
    found = job.failed_step
    where = f", step {found[1].name!r}" if found else ""
    lines = [paint(f"── {job.name}{where}: {ending(job)} ──", "red", colours)]
    step = found[0] if found else job.last_step
    if step is not None:
        excerpt = board.last_lines(job.job.id, job.attempt, step, LAST_LINES)
        reset = "\x1b[0m" if colours else ""
        lines += (
            [f"  {line}{reset}" for line in shown("\n".join(excerpt).encode(), colours).split("\n")] if excerpt else []
        )
    if job.attempt:
        lines.append(f"  whole log: treadle logs j{job.job.id}")
    return lines


def ending(job: JobView) -> str:
    """Return how a job ended: its step's exit code and its reason, else its status."""
    found = job.failed_step
    code = found[1].exit_code if found else None
    parts = [f"exit code {code}"] if code is not None else []
    if job.reason and job.reason not in ("failure", "timed_out") and f"exit code {code}" not in job.reason:
        parts.append(job.reason)
    return ", ".join(parts) or job.status.replace("_", " ")


def overview(board: Board, now: datetime, colours: bool) -> list[str]:
    """Return a line for each job and, under them, one for its run."""
    lines: list[str] = []
    for run in board.runs.values():
        width = min(40, max([width_of(job.name) for job in run.jobs], default=0))
        lines.append("")
        lines += [f"  {_job_line(job, width, now, colours)}".rstrip() for job in run.jobs]
        lines.append(run_line(run, now, colours))
    if len(board.runs) > 1:
        lines += ["", _all_runs(board)]
    return lines


def _all_runs(board: Board) -> str:
    counts: dict[str, int] = {}
    for run in board.runs.values():
        counts[run.status] = counts.get(run.status, 0) + 1
    return f"{len(board.runs)} runs: {', '.join(f'{n} {look(status).word}' for status, n in counts.items())}"


def run_line(run: RunView, now: datetime, colours: bool) -> str:
    """Return a run in one line: its status, its name and how long it took."""
    status = status_text(run.status, colours)
    why = f": {run.reason}" if run.reason and run.status != "success" else ""
    return f"{status}  {run.name} #{run.run.number} in {duration(run.seconds(now))} (r{run.run.id}){why}"


def _job_line(job: JobView, width: int, now: datetime, colours: bool) -> str:
    name = job.name + " " * (width - width_of(job.name))
    status = status_text(job.status, colours) + " " * (11 - len(status_text(job.status, False)))
    notes = [duration(job.seconds(now))]
    if job.attempt > 1:
        notes.append(f"{job.attempt} attempts")
    if job.status != "success":
        notes.append(ending(job) if job.status in ("failed", "timed_out") else job.reason)
    if job.job.tolerated:
        notes.append("allowed to fail")
    return f"{status}  {name}  {'  '.join(plain(note) for note in notes if note)}"
