"""What a run says of its commit: bad is what fails as the red job did."""

import pytest

from engine.core.bisect_verdicts import Ending, verdict_of
from engine.core.bisecting import Verdict
from engine.core.states import JobStatus as J

RED = Ending(J.FAILED, "failure", "Test", 1, "E: no")


@pytest.mark.parametrize(
    ("tried", "verdict"),
    [
        (Ending(J.SUCCESS), Verdict.GOOD),
        (RED, Verdict.BAD),
        (Ending(J.FAILED, "failure", "Test", 1), Verdict.BAD),  # it said nothing: the step is what there is
        (Ending(J.FAILED, "failure", "Test", 1, "E: other"), Verdict.SKIP),
        (Ending(J.FAILED, "failure", "Test", 2, "E: no"), Verdict.SKIP),
        (Ending(J.FAILED, "failure", "Build", 1, "E: no"), Verdict.SKIP),
        (Ending(J.FAILED, "oom", "Test"), Verdict.SKIP),
        (Ending(J.TIMED_OUT, "timed_out", "Test"), Verdict.SKIP),
        (Ending(J.FAILED, "infrastructure", "Test"), Verdict.SKIP),
        (Ending(J.FAILED, reason="if: unknown"), Verdict.SKIP),
        (Ending(J.SKIPPED), Verdict.SKIP),
        (Ending(J.CANCELLED), Verdict.SKIP),
        (None, Verdict.SKIP),
    ],
)
def test_bad_is_what_fails_as_the_red_job_did(tried, verdict):
    assert verdict_of(RED, tried)[0] is verdict


def test_a_job_that_hangs_is_bad_where_the_red_one_hung():
    hung = Ending(J.TIMED_OUT, "timed_out", "Test")
    assert verdict_of(hung, hung)[0] is Verdict.BAD


def test_every_verdict_says_why():
    for tried in (RED, Ending(J.SUCCESS), None, Ending(J.SKIPPED, reason="needs failed")):
        assert verdict_of(RED, tried)[1]
    assert "needs failed" in verdict_of(RED, Ending(J.SKIPPED, reason="needs failed"))[1]
