"""What an ended attempt makes of its job. Pure."""

from datetime import datetime, timedelta

from engine.core.flaky import FLAKY, Symptom
from pipelines.model import RetryPolicy
from pipelines.records import dataclass

LOST_LIMIT = 5  # attempts in a row that went away under a job before it is given up


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended. `cause` is one of ATTEMPT_TRANSITIONS; `kind` says what to blame for a failure:
    failure, timed_out, oom, infrastructure, unavailable (a person has to act) or '' when it did not fail. `symptom` is
    what the failure looks like, where that was found out."""

    cause: str
    kind: str = ""
    exit_code: int | None = None
    reason: str = ""
    symptom: Symptom | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The job's transition cause, and when to try again if it is `will_retry`."""

    cause: str
    next_attempt_at: datetime | None = None


def delay_s(policy: RetryPolicy, retry: int, spread: float) -> float:
    """Return the wait before retry number `retry` (from 1). `spread` in -1..1 says where in the jitter it falls."""
    plain = min(policy.backoff_s * policy.factor ** (retry - 1), policy.max_delay_s)
    return max(0.0, plain * (1 + policy.jitter * spread))


def after_attempt(
    outcome: Outcome,
    policy: RetryPolicy,
    *,
    retries_left: int,
    retries_used: int,
    lost_count: int,
    spread: float,
    now: datetime,
) -> Verdict:
    """Say what the end of an attempt means for its job.

    A lost attempt (its engine or box went away) costs no retry, but LOST_LIMIT of them in a row fail the job. A policy
    for what is flaky tries again what is known to be, never a failure that is new: see `Seen.known`.
    """
    if outcome.cause in ("succeeded", "cancelled"):
        return Verdict(outcome.cause)
    if outcome.cause == "lost":
        return Verdict("lost") if lost_count + 1 < LOST_LIMIT else Verdict("gave_up")
    flaky = FLAKY in policy.on and outcome.symptom is not None and outcome.symptom.seen.known
    if retries_left > 0 and (outcome.kind in policy.on or flaky):
        return Verdict("will_retry", now + timedelta(seconds=delay_s(policy, retries_used + 1, spread)))
    return Verdict("overran" if outcome.cause == "overran" else "gave_up")
