"""The queue as JSON: what runs, what waits and why."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeAlias

from app.shapes import instant, job_shape
from engine.core.clock import rfc3339
from engine.core.records import Job, Run
from engine.core.states import JOB_FINAL, JobStatus
from engine.core.waiting import Paused, QueueView, Room, Waiting, why
from engine.store.store import Store

WAITING = 100
Worked: TypeAlias = tuple[Job, Run, datetime]
Foretold: TypeAlias = Callable[[Sequence[Job]], Sequence[Job]]


def queue_view(store: Store, workers: int, limit: int = WAITING, foretold: Foretold | None = None) -> dict[str, Any]:
    """Return the queue of a home with so many workers:

    - `paused`: null, or {`by`, `at`}; while it is set nothing is claimed.
    - `disk`: {`free_bytes`, `floor_bytes`, `short`}; nothing is claimed while it is `short`.
    - `workers`: [{`name`, `job`}]; `job` is null, or what it runs, see below, with `attempt` and `attempt_started_at`.
    - `waiting`: at most `limit` jobs: the queued in the order in which they would be claimed now (`place` from 1), then
      what tries again, then what is held (`place` null). Each with `waits`: {`cause` (worker, disk, pause, retry,
      needs, matrix, group, approval, scheduler), `reason` (a sentence), `until` (an instant or null), `needs` (names)}.
    - `counts`: how many jobs are in each status that is no end; `workers_busy`.
    - `sequence`: where a stream has to begin to miss no change of a status that comes after this answer.

    A job is as everywhere, with `repo`, `workflow`, `run_number`, `ref`, `event` and `title` of its run; `foretold`
    puts to jobs what is expected of them.
    """
    sequence = store.queries.last_sequence()
    seen = store.line.look(limit)
    running, waiting = _expected(seen, foretold) if foretold else (seen.running, seen.waiting)
    names = [f"worker-{number}" for number in range(1, workers + 1)]
    names += [name for name in running if name not in names]
    return {
        "paused": paused_shape(seen.paused),
        "disk": room_shape(seen.room),
        "workers": [{"name": name, "job": _worked_on(running.get(name))} for name in names],
        "workers_busy": len(seen.running),
        "waiting": [_waiting(one, seen.paused, seen.room) for one in waiting],
        "counts": {str(status): seen.counts.get(status, 0) for status in JobStatus if status not in JOB_FINAL},
        "sequence": sequence,
    }


def _expected(seen: QueueView, foretold: Foretold) -> tuple[Mapping[str, Worked], Sequence[Waiting]]:
    """Return what runs and what waits with what is expected of it."""
    jobs = [one.job for one in seen.waiting] + [job for job, *_ in seen.running.values()]
    known = {job.id: job for job in foretold(jobs)}
    running = {name: (known[job.id], run, started_at) for name, (job, run, started_at) in seen.running.items()}
    return running, [replace(one, job=known[one.job.id]) for one in seen.waiting]


def paused_shape(paused: Paused | None) -> dict[str, Any] | None:
    return None if paused is None else {"by": paused.by, "at": rfc3339(paused.at)}


def room_shape(room: Room) -> dict[str, Any]:
    return {"free_bytes": room.free_bytes, "floor_bytes": room.floor_bytes, "short": room.short}


def _waiting(one: Waiting, paused: Paused | None, room: Room) -> dict[str, Any]:
    reason = why(one, paused, room)
    waits = {"cause": str(reason.cause), "reason": reason.sentence, "until": instant(reason.until)}
    return _job(one.job, one.run) | {"place": one.place, "waits": waits | {"needs": list(one.needs)}}


def _worked_on(told: Worked | None) -> Mapping[str, Any] | None:
    if told is None:
        return None
    job, run, started_at = told
    return _job(job, run) | {"attempt": job.attempts, "attempt_started_at": rfc3339(started_at)}


def _job(job: Job, run: Run) -> dict[str, Any]:
    return job_shape(job) | {
        "repo": run.repo,
        "workflow": run.workflow_name,
        "run_number": run.number,
        "ref": run.ref,
        "event": run.event,
        "title": run.title,
    }
