"""Why a job waits: one reason for each thing that can hold it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from engine.core.moves import GROUP, MATRIX_FULL
from engine.core.records import Job, Run
from engine.core.states import JobStatus as J
from engine.core.states import RunStatus as R
from engine.core.waiting import Cause, Paused, Waiting, why
from tests.engine.fakes import START

SOON = START + timedelta(seconds=10)
JOB = Job(
    id=5, run_id=1, key="a", name="a", status=J.PENDING, matrix=None, job_index=0, job_total=1, needs=(), priority=0,
    retry_count=0, max_retries=0, attempts=1, created_at=START, reason="exit code 1", next_attempt_at=SOON,
)  # fmt: skip
RUN = Run(
    id=1, number=1, repo="r", workflow_path="ci.yml", workflow_name="CI", title="", event="push", ref="",
    sha="", status=R.RUNNING, priority=0, attempt=1, created_at=START, concurrency_group="deploy",
)  # fmt: skip
PAUSED = Paused("ada", START)


@pytest.mark.parametrize(
    ("job", "run", "more", "cause", "words"),
    [
        (J.QUEUED, R.RUNNING, {"place": 1}, Cause.WORKER, "next"),
        (J.QUEUED, R.RUNNING, {"place": 2}, Cause.WORKER, "1 job is before it"),
        (J.QUEUED, R.RUNNING, {"place": 4}, Cause.WORKER, "3 jobs are before it"),
        (J.RETRYING, R.RUNNING, {}, Cause.RETRY, "after attempt 1 (exit code 1)"),
        (J.PENDING, R.BLOCKED, {"needs": ("b",)}, Cause.APPROVAL, "approval"),
        (J.PENDING, R.PENDING, {}, Cause.GROUP, "'deploy'"),
        (J.PENDING, R.RUNNING, {"needs": ("b", "c")}, Cause.NEEDS, "needs b, c"),
        (J.PENDING, R.RUNNING, {"needs": tuple("bcdefgh")}, Cause.NEEDS, "b, c, d, e, f and 2 more"),
        (J.PENDING, R.RUNNING, {"waits_for": MATRIX_FULL}, Cause.MATRIX, "max-parallel"),
        (J.PENDING, R.RUNNING, {"waits_for": f"{GROUP}stage"}, Cause.GROUP, "'stage'"),
        (J.PENDING, R.RUNNING, {}, Cause.SCHEDULER, "looked at"),
    ],
)
def test_what_holds_a_job_is_said(job, run, more, cause, words):
    reason = why(Waiting(replace(JOB, status=job), replace(RUN, status=run), **more), None)
    assert reason.cause == cause
    assert words in reason.sentence
    assert reason.until == (SOON if cause is Cause.RETRY else None)


def test_a_pause_holds_only_what_would_be_claimed():
    queued = Waiting(replace(JOB, status=J.QUEUED), RUN, place=1)
    assert why(queued, PAUSED).cause == Cause.PAUSE
    assert "ada" in why(queued, PAUSED).sentence
    assert why(Waiting(JOB, RUN, needs=("b",)), PAUSED).cause == Cause.NEEDS
