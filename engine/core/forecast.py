"""When what waits will start and what runs will end, of a queue that is played forward. Pure.

Nothing is promised, and nothing is said of a job that nobody has timed, nor of what waits for a person or for another's
concurrency group, nor of what follows on that.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import field
from datetime import UTC, datetime

from engine.core.paths import critical_path
from engine.core.play import Outlook, Play, Usual, Work
from engine.core.states import JOB_FINAL, JobStatus
from pipelines.records import dataclass

SLOWER = 3.0
"""A job that has taken so many times what it usually takes is told of, once it is late by SLOWER_LEAST_S as well."""
SLOWER_LEAST_S = 30.0
KNOWN = 0.5
"""The end of a run is told when at least this share of its jobs that have not ended was timed before."""


@dataclass(frozen=True, slots=True)
class JobForecast:
    """What is expected of a job. `slower`: it runs, since `began_at`, and has taken so many times its usual time."""

    expected_s: float | None = None
    began_at: datetime | None = None
    start_at: datetime | None = None
    finish_at: datetime | None = None
    slower: float | None = None


@dataclass(frozen=True, slots=True)
class RunForecast:
    """What is expected of a run. `critical` are the jobs that its end waits for one after the other, by id."""

    finish_at: datetime | None = None
    critical: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Forecast:
    """By id. What is not in it is not known."""

    jobs: Mapping[int, JobForecast] = field(default_factory=dict)
    runs: Mapping[int, RunForecast] = field(default_factory=dict)


def forecast(outlook: Outlook, now: datetime) -> Forecast:
    """Return what is expected of every job and run, nothing of it in the past. Time: O((jobs + needs) log jobs)."""
    now_s, jobs = now.timestamp(), {job.id: job for job in outlook.jobs}
    usual = Usual(outlook.jobs)
    if not usual.known:
        return Forecast()
    played = Play(outlook, jobs, usual, now_s).play()
    by_run: dict[int, list[Work]] = {}
    for job in outlook.jobs:
        by_run.setdefault(job.run_id, []).append(job)
    timed, told = _timed(jobs), {}
    runs: dict[int, RunForecast] = {}
    for run_id, members in by_run.items():
        if run_id not in usual.known:
            continue
        for job in members:
            if job.status not in JOB_FINAL:
                told[job.id] = _job(job, played, timed, now_s)
        runs[run_id] = RunForecast(_end(members, played), critical_path(members, played.finishes))
    return Forecast(told, runs)


def slower(elapsed_s: float, expected_s: float | None) -> float | None:
    """Return how many times the usual a job has taken that is far over it, else None."""
    if not expected_s or elapsed_s <= SLOWER * expected_s or elapsed_s - expected_s < SLOWER_LEAST_S:
        return None
    return elapsed_s / expected_s


def _job(job: Work, played: Play, timed: Container[int], now_s: float) -> JobForecast:
    """Return what may be told of a job that has not ended: nothing that stands on a guess at itself."""
    start, finish = played.starts.get(job.id), played.finishes.get(job.id)
    told = start is not None and finish is not None
    runs = job.status == JobStatus.RUNNING
    elapsed = now_s - start if runs and start is not None else 0.0
    return JobForecast(
        expected_s=job.expected_s,
        began_at=_instant(start) if runs else None,
        start_at=_instant(start) if told and not runs else None,
        finish_at=_instant(finish) if told and job.id in timed else None,
        slower=slower(elapsed, job.expected_s) if runs else None,
    )


def _timed(jobs: Mapping[int, Work]) -> set[int]:
    """Return the jobs that somebody has timed, and those that call one of them."""
    found: set[int] = set()
    for job in jobs.values():
        at: Work | None = job if job.expected_s is not None else None
        while at is not None and at.id not in found:
            found.add(at.id)
            at = None if at.caller is None else jobs.get(at.caller)
    return found


def _end(jobs: Sequence[Work], played: Play) -> datetime | None:
    """Return when the last of a run's jobs is expected to end, None where that would be a guess."""
    left = [job for job in jobs if job.status not in JOB_FINAL]
    timed = [job.expected_s is not None for job in left if not job.is_call]
    if not left or any(job.id not in played.finishes for job in left) or sum(timed) < KNOWN * len(timed):
        return None
    return _instant(max(played.finishes[job.id] for job in left))


def _instant(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
