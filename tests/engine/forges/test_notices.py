"""What webhooks of ours hear of the end of a run: by table."""

import json

import pytest

from engine.core.states import RunStatus
from engine.forges.notices import Noticed, notice_body, notices_for
from engine.forges.statuses import Standing

SHA = "a" * 40


@pytest.mark.parametrize(
    ("status", "failed_before", "said"),
    [
        (RunStatus.FAILED, False, ("failed",)),
        (RunStatus.FAILED, True, ("failed",)),
        (RunStatus.SUCCESS, False, ("success",)),
        (RunStatus.SUCCESS, True, ("success", "fixed")),
        (RunStatus.CANCELLED, True, ("cancelled",)),
        (RunStatus.SKIPPED, True, ()),
    ],
)
def test_a_success_after_a_failure_is_a_fix(status, failed_before, said):
    assert notices_for(status, failed_before) == said


def test_a_notice_is_small_and_calls_nobody_in_a_chat():
    told = Noticed("team/site", "CI", 3, "refs/heads/<!channel>", SHA, "push", "<!here> a title")
    body = notice_body("failed", told, Standing(RunStatus.FAILED, 7, 1, 2, ("test",), 80))
    assert body["text"] == "team/site: CI #3 failed on &lt;!channel&gt; (1/2 jobs, 1 m 20 s; failed: test)"
    assert body["run"]["jobs"] == {"total": 2, "good": 1, "failed": ["test"]}
    assert len(json.dumps(body)) < 1000
