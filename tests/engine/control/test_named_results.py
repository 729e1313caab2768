"""success() and failure() in a job's `if:`, with the names of jobs: what became of those alone."""

import pytest

from engine.core.retry import Outcome
from tests.engine.fakes import FAILURE, Lab

GOOD = Outcome("succeeded", exit_code=0)
WORKFLOW = """jobs:
  good: {{runs-on: x, steps: [{{run: x}}]}}
  bad: {{runs-on: x, steps: [{{run: x}}]}}
  asks: {{needs: [good, bad], if: "{condition}", runs-on: x, steps: [{{run: x}}]}}
"""


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ("success()", "skipped"),
        ("success('good')", "success"),
        ("success('GOOD')", "success"),
        ("success('bad')", "skipped"),
        ("success('good', 'bad')", "skipped"),
        ("failure()", "success"),
        ("failure('good')", "skipped"),
        ("failure('good', 'bad')", "success"),
        ("!success('bad') && success('good')", "success"),
        ("success(needs.good.outputs.nothing)", "failed"),
        ("failure('other')", "failed"),
    ],
)
def test_named_jobs_answer_for_themselves(lab: Lab, condition: str, status: str) -> None:
    run_id = lab.run(WORKFLOW.format(condition=condition))
    lab.work({"bad": FAILURE})
    assert lab.statuses(run_id)["asks"] == status
    if "other" in condition:
        assert lab.reason(run_id, "asks") == "if: 'other' is not among the job's needs (good, bad)"


def test_nothing_succeeds_in_a_run_that_is_being_cancelled(lab: Lab) -> None:
    run_id = lab.run(WORKFLOW.format(condition="success('good') || failure('bad')"))
    leases = {lab.job(lease.job_id).name: lease for lease in (lab.start(), lab.start())}
    lab.finish(leases["good"], GOOD)
    lab.cancel(run_id)
    lab.finish(leases["bad"], FAILURE)
    assert lab.statuses(run_id)["asks"] in ("skipped", "cancelled")
