"""The queue as rows: what each worker runs, then what waits, in its order, and why."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.expectation import done_in, late, starts_in
from app.tui.presenters import forecast
from app.tui.presenters.runs import instant
from app.wording import duration
from widgets.columns import Column
from widgets.row_list import Cell, Row
from widgets.safe_text import plain

Told = Mapping[str, Any]
COLUMNS = (
    Column("status", "STATUS", 11),
    Column("place", "PLACE", 9),
    Column("priority", "PRIO", 5, right=True),
    Column("job", "JOB", 24, middle=True),
    Column("run", "RUN", 22, drop=2),
    Column("repo", "REPO", 14, drop=1),
    Column("since", "SINCE", 9, right=True),
    Column("starts", "STARTS IN", 10, right=True, drop=3),
    Column("why", "WHY IT WAITS"),
)


def queue_rows(queue: Told, now: datetime) -> list[Row]:
    """Return a row for each worker, then for each job that waits. A free worker's id is its name, else the job's."""
    return [_worker(one, now) for one in queue["workers"]] + [_waiting(one, now) for one in queue["waiting"]]


def standing(queue: Told) -> str:
    """Return how the queue stands, in a line."""
    busy = f"{queue['workers_busy']} of {len(queue['workers'])} workers busy, {queue['counts']['queued']} queued"
    paused = queue["paused"]
    if paused is not None:
        return f"paused by {plain(str(paused['by']))}, {busy}"
    return f"draining, {busy}" if queue.get("draining") else busy


def _worker(worker: Told, now: datetime) -> Row:
    job = worker["job"]
    name = plain(str(worker["name"]))
    if job is None:
        idle = (Cell("free", "dim"), Cell(name, "dim"), *(Cell("") for _ in COLUMNS[2:]))
        return Row(name, idle)
    since = duration((now - instant(job["attempt_started_at"])).total_seconds())
    tries = f"try {job['attempt']} of {job['max_retries'] + 1}" if job["max_retries"] or job["attempt"] > 1 else ""
    times, end = forecast.is_late(job, now), job.get("expected_finish_at")
    left = "" if times or not end else done_in(instant(end), now)
    said = ", ".join(part for part in (tries, left, late(times) if times else "") if part)
    told = Cell(said, "retrying" if times else "dim")
    return Row(job["id"], (Cell(""), Cell(name, "dim"), *_job(job), Cell(since), Cell(""), told), str(job["status"]))


def _waiting(job: Told, now: datetime) -> Row:
    place = "" if job["place"] is None else f"{job['place']}."
    since = duration((now - instant(job["queued_at"] or job["created_at"])).total_seconds())
    waits = job["waits"]
    reason = plain(str(waits["reason"]))
    if waits["until"]:
        left_s = max(0.0, (instant(waits["until"]) - now).total_seconds())
        reason += f" ({duration(left_s)} left)"
    start = job.get("expected_start_at")
    starts = starts_in(instant(start), now).removeprefix("starts ").removeprefix("in ") if start else ""
    return Row(
        job["id"], (Cell(""), Cell(place), *_job(job), Cell(since), Cell(starts), Cell(reason)), str(job["status"])
    )


def _job(job: Told) -> tuple[Cell, ...]:
    return (
        Cell(str(job["priority"])),
        Cell(plain(str(job["name"])), "title"),
        Cell(plain(f"{job['workflow']} #{job['run_number']}")),
        Cell(plain(str(job["repo"])), "dim"),
    )
