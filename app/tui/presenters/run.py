"""One run as props: its graph, the attempts of a job, the steps of an attempt, and all of it to scale in time."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from app.tui.presenters import forecast
from app.tui.presenters.flaky import attempt_reason
from app.tui.presenters.runs import branch_of, instant, seconds
from app.wording import duration
from engine.core.states import JOB_FINAL
from widgets.attempts_pane import AttemptRow
from widgets.dag_job import DagJob
from widgets.glyphs import look
from widgets.log_source import LogStep
from widgets.safe_text import plain
from widgets.timeline_pane import Bar, Lane, TimelineProp

Told = Mapping[str, Any]
BROKEN = ("failed", "timed_out")
PATCHED = "patched by hand"
STILL = JOB_FINAL | {"pending", "blocked"}  # nothing is said of these that time changes
LANES = 200  # jobs that a timeline draws; beyond that a terminal shows nothing more


def dag_jobs(jobs: Sequence[Told], now: datetime, lit: Container[int] = ()) -> tuple[DagJob, ...]:
    """Return the nodes of a run's graph. A job needs every job with a key that it needs.

    One that calls a workflow stands before the jobs that it calls, and these before what needs it. Those in `lit` are
    what the run's end waits for.
    """
    ids: dict[str, list[int]] = {}
    for job in jobs:
        ids.setdefault(job["key"], []).append(job["id"])
    last = _last_called(jobs)
    nodes = []
    for job in jobs:
        needs = [need for key in job["needs"] for need in ids.get(key, ())]
        above = [job["caller"]] if job.get("caller") and not needs else []
        nodes.append(
            DagJob(
                id=job["id"],
                key=plain(str(job["key"])),
                name=plain(str(job["name"])),
                status=str(job["status"]),
                **_words(job, now),
                critical=job["id"] in lit,
                needs=tuple(dict.fromkeys([*above, *needs, *(one for need in needs for one in last.get(need, ()))])),
                group=plain(str(job["key"])) if job["matrix"] is not None else None,
            )
        )
    return tuple(nodes)


def a_moment_later(nodes: Sequence[DagJob], jobs: Sequence[Told], now: datetime) -> tuple[DagJob, ...]:
    """Return the nodes that `dag_jobs` made of these jobs as they are by now: only what moves is worked out anew."""
    return tuple(
        node
        if job["status"] == node.status and node.status in STILL
        else replace(node, status=str(job["status"]), **_words(job, now))
        for node, job in zip(nodes, jobs, strict=True)
    )


def _words(job: Told, now: datetime) -> dict[str, Any]:
    """Return what is said of a job, which may change with the time."""
    brief = job_note(job, now)
    return {
        "note": forecast.note(job, now) or brief,
        "brief": brief,
        "late": forecast.is_late(job, now) is not None,
    }


def _last_called(jobs: Sequence[Told]) -> dict[int, list[int]]:
    """Return, for each job that calls a workflow, those of its jobs on which no other one waits, at any depth."""
    needed = {need for job in jobs for need in job["needs"]}
    last: dict[int, list[int]] = {}
    for job in reversed(jobs):  # whoever calls stands before what is called, or at least has the smaller id
        if job.get("caller") and job["key"] not in needed:
            last.setdefault(job["caller"], []).extend([job["id"], *last.get(job["id"], ())])
    return last


def job_note(job: Told, now: datetime) -> str:
    """Return what is worth saying of a job beside its status: how long, which try, when again."""
    status = job["status"]
    if status == "retrying" and job["next_attempt_at"]:
        return f"in {duration(max(0.0, (instant(job['next_attempt_at']) - now).total_seconds()))}"
    if job["cancel_asked_at"] and status not in JOB_FINAL:
        return "cancelling"
    if status == "blocked":
        return "a lets it go"
    if job["held_until"] or job["patched"]:
        return "held" if job["held_until"] else "patched"
    tries = f"try {job['attempts']} " if job["attempts"] > 1 else ""
    return (tries + duration(seconds(job, now))).strip() if status != "skipped" else ""


def first_to_look_at(jobs: Sequence[Told]) -> int | None:
    """Return the job that a run opens on: the first that failed, else one that runs, else the last that ended."""
    for statuses in (BROKEN, ("running", "retrying"), ("cancelled",)):
        if found := next((job["id"] for job in jobs if job["status"] in statuses and job["attempts"]), None):
            return int(found)
    started = [job for job in jobs if job["attempts"]]
    last = max(started, key=lambda job: job["finished_at"] or "", default=jobs[0] if jobs else None)
    return None if last is None else int(last["id"])


def next_failed(jobs: Sequence[Told], at: int | None, step: int) -> int | None:
    """Return the job that failed next after one, or before it when `step` is negative, round and round."""
    order = list(jobs)[:: 1 if step > 0 else -1]
    here = next((place for place, job in enumerate(order) if job["id"] == at), -1)
    turn = [*order[here + 1 :], *order[: here + 1]]
    return next((int(job["id"]) for job in turn if job["status"] in BROKEN), None)


def attempt_rows(attempts: Sequence[Told], now: datetime) -> tuple[AttemptRow, ...]:
    """Return the attempts of one job, by number."""
    return tuple(
        AttemptRow(
            number=one["number"],
            status=str(one["status"]),
            started=_clock(one["started_at"]),
            ended=_clock(one["finished_at"]),
            seconds=seconds(one, now),
            worker=plain(str(one["worker"])),
            exit_code=one["exit_code"],
            reason="; ".join(part for part in (PATCHED if one["patched"] else "", attempt_reason(one)) if part),
            kind=str(one["kind"]),
        )
        for one in attempts
    )


def held(job: Told | None) -> str:
    """Return until when a job's box is held and what can be done with it, or that it will be; "" for neither."""
    if job is None:
        return ""
    if job["held_until"] is not None:
        return f"held until {_clock(job['held_until'])[:5]}: ! shell, . again, , go on, X release"
    return "held if it fails: H not" if job["hold"] and job["status"] not in JOB_FINAL else ""


def log_steps(attempt: Told | None, now: datetime) -> tuple[LogStep, ...]:
    """Return the steps of an attempt, as the heads of their parts of the log."""
    if attempt is None:
        return ()
    return tuple(
        LogStep(step["index"], plain(str(step["name"])), str(step["status"]), seconds(step, now))
        for step in attempt["steps"]
    )


def timeline(
    jobs: Sequence[Told], attempts: Sequence[Told], selected: Told | None, chosen: int, now: datetime
) -> TimelineProp:
    """Return a run to scale: a lane for each job that was queued, and the chosen attempt's steps below the selected.

    Times are seconds since the first job was queued.
    """
    begun = [instant(job["queued_at"]) for job in jobs if job["queued_at"]]
    begun += [instant(one["queued_at"] or one["started_at"]) for one in attempts]
    zero = min(begun, default=now)
    by_job: dict[int, list[Told]] = {}
    for one in attempts:
        by_job.setdefault(one["job"], []).append(one)
    lanes = []
    for job in jobs[:LANES]:
        if job["queued_at"] is None and job["id"] not in by_job:
            continue
        lit = selected is not None and selected["id"] == job["id"]
        bars = _bars(job, by_job.get(job["id"], ()), zero)
        lanes.append(Lane(plain(str(job["name"])), str(job["status"]), bars, lit=lit, id=job["id"]))
        if selected is not None and lit:
            lanes += _step_lanes(selected, chosen, zero)
    return TimelineProp(tuple(lanes), (now - zero).total_seconds())


def heading(run: Told, now: datetime, ascii: bool = False) -> str:
    """Return a run in one line, as the breadcrumb's aside."""
    shown = look(str(run["status"]))
    parts = [
        f"{shown.sign(ascii)} {shown.word}",
        duration(seconds(run, now)),
        forecast.left(run, now),
        plain(branch_of(run)),
        str(run["sha"])[:8],
        "pinned" if run["pinned"] else "",
        PATCHED if run["patched"] else "",
    ]
    return (" | " if ascii else " · ").join(part for part in parts if part)


def why(run: Told, jobs: Sequence[Told]) -> str:
    """Return the reason that matters most for how a run stands, "" where there is none."""
    if run["reason"]:
        return plain(str(run["reason"]))
    return next((plain(str(job["reason"])) for job in jobs if job["status"] in BROKEN and job["reason"]), "")


def _bars(job: Told, attempts: Sequence[Told], zero: datetime) -> tuple[Bar, ...]:
    bars: list[Bar] = []
    ended_s: float | None = None
    for one in attempts:
        queued_s, started_s = _since(one["queued_at"], zero), _since(one["started_at"], zero)
        assert started_s is not None
        if ended_s is not None and queued_s is not None and queued_s > ended_s:
            bars.append(Bar("backoff", "retrying", ended_s, queued_s))
        if queued_s is not None and started_s > queued_s:
            bars.append(Bar("waiting", "queued", queued_s, started_s))
        ended_s = _since(one["finished_at"], zero)
        bars.append(Bar("attempt", str(one["status"]), started_s, ended_s))
    if job["status"] == "queued":
        queued_s = _since(job["queued_at"], zero)
        bars.append(Bar("waiting", "queued", queued_s or 0.0, None))
    elif job["status"] == "retrying" and ended_s is not None:
        bars.append(Bar("backoff", "retrying", ended_s, _since(job["next_attempt_at"], zero)))
    return tuple(bars)


def _step_lanes(job: Told, chosen: int, zero: datetime) -> list[Lane]:
    attempt = next((one for one in job["attempts_made"] if one["number"] == chosen), None)
    if attempt is None:
        return []
    return [
        Lane(
            plain(str(step["name"])),
            str(step["status"]),
            (
                Bar(
                    "step",
                    str(step["status"]),
                    _since(step["started_at"], zero) or 0.0,
                    _since(step["finished_at"], zero),
                ),
            ),
            depth=1,
        )
        for step in attempt["steps"]
        if step["started_at"]
    ]


def _clock(text: str | None) -> str:
    """Return a time of day, as the clock on the wall here shows it."""
    return "" if text is None else instant(text).astimezone().strftime("%H:%M:%S")


def _since(text: str | None, zero: datetime) -> float | None:
    return None if text is None else (instant(text) - zero).total_seconds()
