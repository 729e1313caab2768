"""What an ended attempt makes of its job."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.retry import LOST_LIMIT, Outcome, Verdict, after_attempt, delay_s
from pipelines.model import RetryPolicy
from tests.engine.fakes import START

KINDS = ("failure", "timed_out", "oom", "infrastructure", "unavailable")
policies = st.builds(
    RetryPolicy,
    max=st.integers(0, 10),
    backoff_s=st.floats(0, 1e4),
    factor=st.floats(1, 10),
    max_delay_s=st.floats(0, 1e5),
    jitter=st.floats(0, 1),
)
outcomes = st.builds(
    Outcome, st.sampled_from(["succeeded", "failed", "overran", "cancelled", "lost"]), st.sampled_from(["", *KINDS])
)


def verdict(outcome, policy=RetryPolicy(max=3), left=3, used=0, lost=0, spread=0.0) -> Verdict:  # noqa: B008
    return after_attempt(
        outcome, policy, retries_left=left, retries_used=used, lost_count=lost, spread=spread, now=START
    )


@pytest.mark.parametrize(
    ("retry", "backoff", "factor", "most", "expected"),
    [
        (1, 10, 2, 300, 10),
        (2, 10, 2, 300, 20),
        (3, 10, 2, 300, 40),
        (6, 10, 2, 300, 300),
        (5, 10, 1, 300, 10),
        (1, 60, 2, 30, 30),
        (4, 0, 2, 300, 0),
        (3, 1, 1.5, 300, 2.25),
    ],
)
def test_the_delay_grows_by_the_factor_up_to_the_maximum(retry, backoff, factor, most, expected):
    policy = RetryPolicy(backoff_s=backoff, factor=factor, max_delay_s=most, jitter=0.1)
    assert delay_s(policy, retry, 0) == pytest.approx(expected)


@given(policies, st.integers(1, 50), st.floats(-1, 1))
def test_jitter_moves_the_delay_by_no_more_than_its_share(policy, retry, spread):
    plain = delay_s(policy, retry, 0)
    moved = delay_s(policy, retry, spread)
    assert moved >= 0
    assert abs(moved - plain) <= plain * policy.jitter * (1 + 1e-9) + 1e-9


@given(st.integers(1, 100))
def test_the_hundredth_retry_has_a_delay_too(retry):
    assert delay_s(RetryPolicy(backoff_s=86_400, factor=1000.0), retry, 0) <= 300


@pytest.mark.parametrize("kind", KINDS)
def test_only_what_the_policy_names_is_retried(kind):
    assert verdict(Outcome("failed", kind), RetryPolicy(max=3, on=(kind,))).cause == "will_retry"
    others = tuple(other for other in KINDS if other != kind)
    assert verdict(Outcome("failed", kind), RetryPolicy(max=3, on=others)).cause == "gave_up"


def test_what_a_person_has_to_mend_is_never_retried_by_default():
    assert verdict(Outcome("failed", "unavailable")).cause == "gave_up"


def test_a_retry_is_due_after_its_own_delay():
    assert verdict(Outcome("failed", "failure"), used=2) == Verdict("will_retry", START + timedelta(seconds=40))


def test_without_retries_left_a_failure_is_final_and_keeps_its_word():
    assert verdict(Outcome("failed", "failure"), left=0) == Verdict("gave_up")
    assert verdict(Outcome("overran", "timed_out"), left=0) == Verdict("overran")
    assert verdict(Outcome("overran", "timed_out"), left=1).cause == "will_retry"


@given(policies, st.integers(0, 5), st.integers(0, 10))
def test_success_and_cancel_never_retry(policy, left, lost):
    for cause in ("succeeded", "cancelled"):
        assert verdict(Outcome(cause), policy, left, lost=lost) == Verdict(cause)


@given(policies, st.integers(0, 5))
def test_a_lost_attempt_costs_no_retry_but_not_for_ever(policy, left):
    for lost in range(LOST_LIMIT - 1):
        assert verdict(Outcome("lost", "infrastructure"), policy, left, lost=lost) == Verdict("lost")
    assert verdict(Outcome("lost", "infrastructure"), policy, left, lost=LOST_LIMIT - 1) == Verdict("gave_up")


@given(outcomes, policies, st.integers(0, 5), st.integers(0, 5), st.floats(-1, 1))
def test_only_a_retry_has_a_time_and_never_in_the_past(outcome, policy, left, lost, spread):
    found = verdict(outcome, policy, left, lost=lost, spread=spread)
    assert (found.next_attempt_at is not None) == (found.cause == "will_retry")
    if found.next_attempt_at is not None:
        assert left > 0 and found.next_attempt_at >= START
