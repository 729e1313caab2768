"""Fingerprints: the same fault with other times, paths and process ids is the same; another one is another."""

import pytest

from engine.core.flaky import Seen, fingerprint
from engine.core.retry import Outcome, Verdict, after_attempt
from pipelines.model import RetryPolicy
from tests.engine.fakes import START

LINE = "FAILED tests/test_a.py::test_a - assert 1 == 2"
SAME = [
    ("connect to localhost:4711 refused after 12ms", "connect to localhost:4712 refused after 1.3s"),
    ("Error: /tmp/tmpab12/x is gone (pid 12)", "Error: /tmp/tmpzz99/x is gone (pid 4711)"),
    ("--- FAIL: TestA (0.01s)", "--- FAIL: TestA (12.50s)"),
    ("\x1b[31mError: no\x1b[0m", "Error:  no"),
    ("object at 0x7f0011223344 is dead", "object at 0x7f99aabbccdd is dead"),
    ("2024-01-01 10:00:00 ERROR lost 1a2b3c4d", "2025-11-11 23:59:59 ERROR lost 99ffee00"),
]
OTHER = [
    ("assert 1 == 2", "assert 1 == 3"),
    ("FAILED a.py::test_a - assert False", "FAILED a.py::test_b - assert False"),
    ("a.c:3:5: error: no", "a.c:4:5: error: no"),
    ("Error: version 1.2.3", "Error: version 1.2.4"),
]


@pytest.mark.parametrize(("one", "two"), SAME)
def test_the_same_fault_has_the_same_fingerprint(one: str, two: str):
    assert fingerprint(one, "test", 1, "failure") == fingerprint(two, "test", 1, "failure")


@pytest.mark.parametrize(("one", "two"), OTHER)
def test_another_fault_has_another_fingerprint(one: str, two: str):
    assert fingerprint(one, "test", 1, "failure") != fingerprint(two, "test", 1, "failure")


def test_step_exit_code_and_blame_are_part_of_it():
    prints = {
        fingerprint(LINE, step, code, kind)
        for step in ("a", "b") for code in (None, 1, 2) for kind in ("failure", "timed_out")
    }  # fmt: skip
    assert len(prints) == 12
    assert all(len(one) == 64 for one in prints)


def test_known_flaky_is_what_passed_at_least_once():
    assert not Seen(9, 0).known
    assert Seen(9, 4).known
    assert Seen(9, 4).words == "4 of 9 passed on retry"


def failure(kind: str = "failure", seen: Seen | None = None) -> Outcome:
    from dataclasses import replace

    from engine.core.flaky import symptom

    found = symptom(LINE, "test", 1, kind)
    return Outcome("failed", kind, 1, "", None if seen is None else replace(found, seen=seen))


def verdict(outcome: Outcome, *on: str, left: int = 1) -> str:
    found: Verdict = after_attempt(
        outcome, RetryPolicy(max=1, on=on), retries_left=left, retries_used=0, lost_count=0, spread=0, now=START
    )
    return found.cause


def test_a_policy_for_what_is_flaky_tries_again_only_what_is_known_to_be():
    assert verdict(failure(seen=Seen(9, 4)), "flaky") == "will_retry"
    assert verdict(failure(seen=Seen(9, 0)), "flaky") == "gave_up"
    assert verdict(failure(seen=Seen()), "flaky") == "gave_up"
    assert verdict(failure(), "flaky") == "gave_up"


def test_it_tries_again_what_else_is_listed():
    assert verdict(failure("infrastructure", Seen()), "flaky") == "gave_up"
    assert verdict(failure("infrastructure", Seen()), "flaky", "infrastructure") == "will_retry"
    assert verdict(failure(seen=Seen(9, 4)), "infrastructure") == "gave_up"


def test_what_is_flaky_costs_a_retry_as_well():
    assert verdict(failure(seen=Seen(9, 4)), "flaky", left=0) == "gave_up"
