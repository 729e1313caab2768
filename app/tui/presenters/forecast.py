"""What is expected of a run and its jobs, in the words and marks of the panes. Counts with the clock, asks nobody."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from app.expectation import done_in, late, of_usual, starts_in
from app.tui.presenters.runs import instant
from engine.core.forecast import slower
from engine.core.states import RUN_FINAL
from widgets.safe_text import plain

Told = Mapping[str, Any]


def is_late(job: Told, now: datetime) -> float | None:
    """Return how many times the usual a job has taken that runs and is far over it, else None."""
    if job["status"] != "running" or not job.get("attempt_started_at"):
        return None
    return slower((now - instant(job["attempt_started_at"])).total_seconds(), job["expected_s"])


def note(job: Told, now: datetime) -> str:
    """Return what to say of a job beside its status: `0:42/~1:10` while it runs, `3x slower` when late, `in ~2 min`
    while it waits for a worker; "" where nobody knows."""
    if job["cancel_asked_at"]:
        return ""
    if job["status"] == "queued" and job.get("expected_start_at"):
        return starts_in(instant(job["expected_start_at"]), now).removeprefix("starts ")
    if job["status"] != "running" or not job.get("attempt_started_at") or not job["expected_s"]:
        return ""
    tries = f"try {job['attempts']} " if job["attempts"] > 1 else ""
    if (times := is_late(job, now)) is not None:
        return f"{tries}{int(times)}x slower"
    spent_s = (now - instant(job["attempt_started_at"])).total_seconds()
    return tries + of_usual(spent_s, job["expected_s"])


def lit(run: Told, jobs: Sequence[Told]) -> frozenset[int]:
    """Return the jobs to light: those that the run's end waits for, unless these are all or one alone."""
    critical = frozenset(run.get("critical", ()))
    return critical if 1 < len(critical) < len(jobs) else frozenset()


def left(run: Told, now: datetime) -> str:
    """Return when a run that is under way will be over: `done in ~3 min`; "" where nobody knows."""
    if run["status"] in RUN_FINAL or not run.get("expected_finish_at"):
        return ""
    return done_in(instant(run["expected_finish_at"]), now)


def lateness(jobs: Sequence[Told], now: datetime) -> Iterator[tuple[int, int, str]]:
    """Yield job, attempt and a sentence for each job that takes much longer than usual."""
    for job in jobs:
        if (times := is_late(job, now)) is not None:
            yield job["id"], job["attempts"], f"{plain(str(job['name']))} is {late(times)}"
