"""Decides what is late: the watchdog's half of the rules. Pure."""

from datetime import datetime, timedelta
from math import inf

from engine.core.clock import Clock
from engine.core.retry import Outcome
from pipelines.records import dataclass

LEASE_S = 30.0
PATIENCE_S = 3.0  # how long after the grace period a worker may still take to end what is late
CLEANUP_S = 300.0  # how long the `always()` steps of a cancelled job may take, as on GitHub


@dataclass(frozen=True, slots=True)
class Watched:
    """A running attempt as the watchdog sees it."""

    job_id: int
    token: str
    lease_expires_at: datetime
    deadline_at: datetime | None
    cancel_asked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Overdue:
    """End this attempt in the store with `outcome`; its worker will find the lease gone and stop the box."""

    job_id: int
    token: str
    outcome: Outcome


def until_s(at: datetime | None, clock: Clock) -> float:
    """Return the instant on the clock that nobody sets; for None, never. Work it out once: it holds from then on."""
    return inf if at is None else clock.monotonic_s() + (at - clock.now()).total_seconds()


def overdue(watched: tuple[Watched, ...], grace_s: float, now: datetime) -> list[Overdue]:
    """Return the attempts that their worker should have ended by now and did not.

    `grace_s` is the time between TERM and KILL.
    """
    late: list[Overdue] = []
    slack = timedelta(seconds=grace_s + PATIENCE_S)
    for attempt in watched:
        if attempt.lease_expires_at <= now:
            outcome = Outcome("lost", "infrastructure", reason="its worker fell silent")
        elif attempt.deadline_at is not None and attempt.deadline_at + slack <= now:
            outcome = Outcome("overran", "timed_out", reason="ended by the watchdog after its timeout")
        elif (
            attempt.cancel_asked_at is not None
            and attempt.cancel_asked_at + slack + timedelta(seconds=CLEANUP_S) <= now
        ):
            outcome = Outcome("cancelled", reason="ended by the watchdog after it was cancelled")
        else:
            continue
        late.append(Overdue(attempt.job_id, attempt.token, outcome))
    return late


def next_due(watched: tuple[Watched, ...], grace_s: float) -> datetime | None:
    """Return the earliest moment at which `overdue` may have something to say."""
    slack = timedelta(seconds=grace_s + PATIENCE_S)
    moments = [attempt.lease_expires_at for attempt in watched]
    moments += [attempt.deadline_at + slack for attempt in watched if attempt.deadline_at]
    cleanup = slack + timedelta(seconds=CLEANUP_S)
    moments += [attempt.cancel_asked_at + cleanup for attempt in watched if attempt.cancel_asked_at]
    return min(moments, default=None)
