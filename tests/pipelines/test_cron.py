"""The laws of schedules."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.cron import CronError, parse

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def field(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    span = st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}")
    stepped = st.tuples(st.just("*") | span, st.integers(1, 5)).map(lambda pair: f"{pair[0]}/{pair[1]}")
    return st.lists(st.just("*") | number.map(str) | span | stepped, min_size=1, max_size=3).map(",".join)


SCHEDULES = st.tuples(field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 6)).map(" ".join)

REFUSED = [
    "* * * *",
    "* * * * * *",
    "60 * * * *",
    "* 24 * * *",
    "* * 0 * *",
    "* * * 13 *",
    "* * * * 7",
    "-1 * * * *",
    "*/ * * * *",
    "*/0 * * * *",
    "*/60 * * * *",
    "/5 * * * *",
    "5-1 * * * *",
    "1- * * * *",
    "1,,2 * * * *",
    "@daily",
    "0 0 ? * *",
    "0 0 * * 5#3",
    "0 0 L * *",
    "1-2-3 * * * *",
    "0 0 * * 6-0",
    "mon * * * *",
    "¹ * * * *",
    "",
]


@pytest.mark.parametrize(
    "text",
    REFUSED,
)
def test_what_github_refuses_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(CronError, match="schedule"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "times"),
    [
        ("*/20 * * * *", ["01-01 00:20", "01-01 00:40", "01-01 01:00"]),
        ("20/15 5 * * *", ["01-01 05:20", "01-01 05:35", "01-01 05:50", "01-02 05:20"]),
        ("0 0 * jan-mar mon-FRI", ["01-02 00:00", "01-05 00:00"]),
        ("0 12 15 * 5", ["01-02 12:00", "01-09 12:00", "01-15 12:00", "01-16 12:00"]),
        ("30 23 31 * *", ["01-31 23:30", "03-31 23:30", "05-31 23:30"]),
        (" 0  0 * * *\t", ["01-02 00:00"]),
    ],
)
def test_a_schedule_fires_at_its_times_in_order(text: str, times: list[str]) -> None:
    at: datetime | None = NEW_YEAR
    for expected in times:
        assert at is not None
        at = parse(text).next_after(at)
        assert f"{at:%m-%d %H:%M}" == expected


def test_a_date_that_never_comes_never_fires() -> None:
    assert parse("0 0 31 2 *").next_after(NEW_YEAR) is None
    assert parse("0 0 29 2 *").next_after(datetime(2096, 3, 1, tzinfo=UTC)) == datetime(2104, 2, 29, tzinfo=UTC)


def test_a_repeated_hour_fires_once_and_a_skipped_time_fires_after_the_skip() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    schedule = parse("30 2 * * *")
    skipped = schedule.next_after(datetime(2026, 3, 28, 12, tzinfo=UTC), berlin)
    assert skipped == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    first = schedule.next_after(datetime(2026, 10, 24, 12, tzinfo=UTC), berlin)
    assert first == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert schedule.next_after(first, berlin) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


@settings(max_examples=50)
@given(SCHEDULES, st.integers(0, 4000 * 24 * 60))
def test_the_next_time_is_later_and_allowed_and_none_lies_between(text: str, minutes: int) -> None:
    schedule, at = parse(text), NEW_YEAR + timedelta(minutes=minutes, seconds=30)
    found = schedule.next_after(at)
    limit = found or at + timedelta(days=3)
    assert limit > at
    assert found is None or schedule.next_after(found - timedelta(minutes=1)) == found
    candidate = at.replace(second=0)
    for _ in range(1000):
        candidate += timedelta(minutes=1)
        if candidate >= limit:
            break
        assert not (
            candidate.minute in schedule.minutes and candidate.hour in schedule.hours and schedule._allows(candidate)
        )
