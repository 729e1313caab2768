"""How the promises of `slo:` were kept over time, from the store: by index ranges, and what is over only once."""

import threading
from collections.abc import Callable
from dataclasses import field
from datetime import UTC, datetime
from typing import Any

from peewee import JOIN, SQL, fn

from engine.core.slo import CODE, SYSTEM, Spread, blame, spread
from engine.core.slo_history import BUCKET_S, Bucket, SloHistory, place_of, places
from engine.core.states import JOB_BROKEN, JobStatus
from engine.settings.model import Slo
from engine.store import greens
from engine.store.slo import fresh_s, triggers
from engine.store.tables.columns import DATABASE
from engine.store.tables.runs import AttemptRow, JobRow, TransitionRow
from pipelines.records import dataclass

LATE_S = 60.0
"""How long after a bucket's end it is looked at again: what happened in it is written down by then."""
# All successes are counted from an index alone, bucket by bucket, which is a third of reading the rows of a hundred
# thousand jobs; then the few are taken off that are none: calls, jobs of bisections, what was patched by hand.
_GREEN = f"""WITH RECURSIVE place(n) AS (SELECT ? UNION ALL SELECT n + 1 FROM place WHERE n < ?)
 SELECT n, (SELECT count(*) FROM job WHERE status = '{JobStatus.SUCCESS}' AND finished_at >= n * ?
 AND finished_at < (n + 1) * ?) FROM place"""
_ODD = f"""SELECT id FROM job WHERE is_call = 1 AND status = '{JobStatus.SUCCESS}'
 UNION SELECT id FROM job WHERE patched
 UNION SELECT id FROM job WHERE run_id IN ({greens.BISECTING})"""


@dataclass
class _Known:
    """What was worked out of a window, by bucket. `sequence` is where the log of changes stood then."""

    at: datetime
    made: tuple[Bucket, ...] = ()
    sequence: int = 0
    triggers: dict[int, Spread] = field(default_factory=dict)
    ends: dict[int, tuple[int, dict[str, int]]] = field(default_factory=dict)


class SloHistorian:
    """Answers from memory as long as SloReporter does. Any thread.

    Buckets that are over are read once: when an event's first job started never changes, and how jobs ended only where
    one of them begins again, which the log of changes tells.
    """

    def __init__(self, targets: Callable[[], Slo]) -> None:
        self._targets = targets
        self._lock = threading.Lock()
        self._known: dict[str, _Known] = {}

    def history(self, window: str, now: datetime) -> SloHistory:
        slo = self._targets()
        with self._lock:  # one works it out, the others wait for that
            known = self._known.get(window)
            if known is None or not 0 <= (now - known.at).total_seconds() < fresh_s(window):
                known = self._known[window] = _look(window, now, known or _Known(now))
        return SloHistory(window, known.at, slo.trigger_s, slo.completion, known.made)


def slo_history(targets: Slo, window: str, now: datetime) -> SloHistory:
    """Return how well the promises were kept up to `now`, in the store that is open, worked out afresh."""
    return SloHistorian(lambda: targets).history(window, now)


def _look(window: str, now: datetime, before: _Known) -> _Known:
    """Return what is known now, of what was known before and the store."""
    numbers, over = places(window, now), place_of(window, now.timestamp() - LATE_S)
    sequence = int(TransitionRow.select(fn.MAX(TransitionRow.sequence)).scalar() or 0)
    spreads, ends = before.triggers, before.ends
    if ends and _began_again(before.sequence):
        ends = {}
    spreads = spreads | _spreads(window, _first_unknown(numbers, spreads))
    ends = ends | _ends(window, _first_unknown(numbers, ends), numbers[-1])
    return _Known(
        at=now,
        made=tuple(_bucket(window, n, spreads.get(n, Spread(0)), *ends.get(n, (0, {}))) for n in numbers),
        sequence=sequence,
        triggers={n: spreads.get(n, Spread(0)) for n in numbers if n < over},
        ends={n: ends.get(n, (0, {})) for n in numbers if n < over},
    )


def _first_unknown(numbers: range, known: dict[int, Any]) -> int:
    return next((number for number in numbers if number not in known), numbers[-1])


def _bucket(window: str, number: int, trigger: Spread, succeeded: int, failed: dict[str, int]) -> Bucket:
    return Bucket(_instant(window, number), trigger, succeeded, failed.get(CODE, 0), failed.get(SYSTEM, 0))


def _began_again(after: int) -> bool:
    """Has a job that had ended begun once more since then?"""
    ended = (TransitionRow.noun == "job") & TransitionRow.from_status.in_([JobStatus.SUCCESS, *JOB_BROKEN])
    return bool(TransitionRow.select().where((TransitionRow.sequence > after) & ended).exists())


def _spreads(window: str, first: int) -> dict[int, Spread]:
    """Return how long triggers took, by bucket, from a bucket on."""
    seconds: dict[int, list[float]] = {}
    for at_s, took_s in triggers(_instant(window, first)):
        seconds.setdefault(place_of(window, at_s), []).append(took_s)
    return {number: spread(taken) for number, taken in seconds.items()}


def _ends(window: str, first: int, last: int) -> dict[int, tuple[int, dict[str, int]]]:
    """Return how many jobs ended in success, and how many in none by whom to blame, by bucket, from one to another.

    Failures that the workflow allows, and bisections, count neither way; what was patched by hand is no success.
    """
    size_s, since = BUCKET_S[window], _instant(window, first)
    counts: dict[int, tuple[int, dict[str, int]]] = {
        place: (count, {}) for place, count in DATABASE.execute_sql(_GREEN, (first, last, size_s, size_s)) if count
    }
    number: Any = (JobRow.finished_at / size_s).cast("INTEGER")
    counted = (JobRow.is_call == 0) & ~greens.bisects(JobRow.run_id)
    odd: Any = (
        JobRow.select(number, counted, fn.COUNT(JobRow.id))
        .where((JobRow.finished_at >= since) & (JobRow.status == JobStatus.SUCCESS) & JobRow.id.in_(SQL(f"({_ODD})")))
        .group_by(number, counted)
    )
    for place, by_hand, count in DATABASE.execute(odd):
        succeeded, failed = counts.get(place, (0, {}))
        counts[place] = succeeded - count, {CODE: count} if by_hand else failed
    kind = fn.COALESCE(AttemptRow.kind, "")
    latest = (AttemptRow.job_id == JobRow.id) & (AttemptRow.number == JobRow.attempts)
    bad: Any = (
        JobRow.select(number, kind, fn.COUNT(JobRow.id))
        .join(AttemptRow, JOIN.LEFT_OUTER, on=latest)
        .where((JobRow.finished_at >= since) & counted & JobRow.status.in_(list(JOB_BROKEN)) & ~JobRow.tolerated)
        .group_by(number, kind)
    )
    for place, why, count in DATABASE.execute(bad):
        _, failed = counts.setdefault(place, (0, {}))
        failed[blame(why)] = failed.get(blame(why), 0) + count
    return counts


def _instant(window: str, number: int) -> datetime:
    """Return when a bucket begins."""
    return datetime.fromtimestamp(number * BUCKET_S[window], UTC)
