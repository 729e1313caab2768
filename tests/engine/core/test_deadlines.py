"""What is late, and when to look again."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.deadlines import CLEANUP_S, PATIENCE_S, Watched, next_due, overdue
from tests.engine.fakes import GRACE_S, START


def at(seconds):
    return None if seconds is None else START + timedelta(seconds=seconds)


def watched(lease=30, deadline=None, cancel=None) -> Watched:
    return Watched(1, "token", at(lease), at(deadline), at(cancel))


@pytest.mark.parametrize(
    ("attempt", "now", "cause"),
    [
        (watched(lease=30), 29.9, None),
        (watched(lease=30), 30, "lost"),
        (watched(lease=9999, deadline=60), 60 + GRACE_S, None),
        (watched(lease=9999, deadline=60), 60 + GRACE_S + PATIENCE_S, "overran"),
        (watched(lease=9999, cancel=10), 10 + GRACE_S + PATIENCE_S, None),
        (watched(lease=9999, cancel=10), 10 + GRACE_S + PATIENCE_S + CLEANUP_S, "cancelled"),
        (watched(lease=9999), 9998, None),
    ],
)
def test_an_attempt_is_ended_only_when_its_worker_should_have_ended_it_long_ago(attempt, now, cause):
    late = overdue((attempt,), GRACE_S, at(now))
    assert [(end.token, end.outcome.cause) for end in late] == ([("token", cause)] if cause else [])


def test_a_silent_worker_is_blamed_before_the_deadline_is():
    late = overdue((watched(lease=1, deadline=1),), GRACE_S, at(1000))
    assert late[0].outcome.kind == "infrastructure"


def test_a_worker_is_free_within_five_seconds_of_the_grace_period():
    assert PATIENCE_S < 5


def test_nothing_running_is_never_due():
    assert next_due((), GRACE_S) is None


seconds = st.none() | st.integers(0, 10_000)
attempts = st.lists(st.builds(watched, st.integers(0, 10_000), seconds, seconds), max_size=5).map(tuple)


@given(attempts)
def test_nothing_is_overdue_before_the_next_due_time_and_something_is_at_it(running):
    due = next_due(running, GRACE_S)
    if due is None:
        assert running == ()
        return
    assert overdue(running, GRACE_S, due - timedelta(microseconds=1)) == []
    assert overdue(running, GRACE_S, due)
