"""Percentiles, shares and error budgets, by table."""

from datetime import UTC, datetime

import pytest

from engine.core.slo import Measured, SloReport, Spread, blame, budget_left, spread, window

AT = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ([], Spread(0)),
        ([3.0], Spread(1, 3.0, 3.0, 3.0)),
        ([2.0, 1.0], Spread(2, 1.0, 2.0, 2.0)),
        (range(1, 101), Spread(100, 50, 95, 99)),
        (range(1, 1001), Spread(1000, 500, 950, 990)),
    ],
)
def test_a_percentile_is_a_value_that_happened(seconds, expected):
    assert spread(seconds) == expected


@pytest.mark.parametrize(
    ("good", "total", "target", "left"),
    [
        (0, 0, 0.95, None),
        (100, 100, 0.95, 1.0),
        (95, 100, 0.95, 0.0),
        (98, 100, 0.95, 0.6),
        (90, 100, 0.95, -1.0),
        (10, 10, 1.0, 1.0),
        (9, 10, 1.0, -1.0),
    ],
)
def test_a_budget_is_what_is_left_of_the_allowed_failures(good, total, target, left):
    assert budget_left(good, total, target) == (None if left is None else pytest.approx(left))


@pytest.mark.parametrize(
    ("kind", "whose"),
    [
        ("failure", "code"), ("timed_out", "code"), ("oom", "code"), ("", "code"),
        ("infrastructure", "system"), ("unavailable", "system"),
    ],
)  # fmt: skip
def test_a_failure_is_blamed_on_the_code_or_on_the_system(kind, whose):
    assert blame(kind) == whose


def report(measured: Measured) -> SloReport:
    return SloReport(AT, 5.0, 0.95, (window("1h", measured, 5.0),))


def test_a_report_reads_as_json():
    told = report(Measured([1.0, 2.0, 9.0], [0.5], 18, {"code": 1, "system": 1})).as_json()
    assert told["targets"] == {"trigger_s": 5.0, "trigger_share": 0.95, "completion": 0.95}
    assert told["windows"]["1h"] == {
        "trigger_s": {"count": 3, "p50": 2.0, "p95": 9.0, "p99": 9.0, "in_time": 0.6667, "budget_left": -5.6667},
        "queue_wait_s": {"count": 1, "p50": 0.5, "p95": 0.5, "p99": 0.5},
        "completion": {
            "jobs": 20, "succeeded": 18, "failed_by_code": 1, "failed_by_system": 1,
            "rate": 0.9, "system_rate": 0.95, "budget_left": -1.0,
        },
    }  # fmt: skip
