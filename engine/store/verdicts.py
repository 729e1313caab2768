"""What the end of an attempt would make of its job as it stands: the rules of engine/core/retry on a row."""

import random
from datetime import datetime

from engine.core.retry import Outcome, Verdict, after_attempt
from engine.store.tables.runs import JobRow
from pipelines.model import RetryPolicy


def verdict_on(job: JobRow, outcome: Outcome, now: datetime) -> Verdict:
    """Return what becomes of a job whose attempt ends like this. One that is being cancelled is not tried again."""
    plan = job.plan.get("retry")
    return after_attempt(
        outcome,
        RetryPolicy(**{**plan, "on": tuple(plan["on"])}) if plan else RetryPolicy(),
        retries_left=0 if job.cancel_asked_at else job.retries_left,
        retries_used=job.max_retries - job.retries_left,
        lost_count=job.lost_count,
        spread=random.uniform(-1, 1),
        now=now,
    )
