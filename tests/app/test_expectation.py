"""What is expected reads the same everywhere, and never more exact than it is."""

from datetime import timedelta

import pytest

from app.expectation import about, clock, done_in, late, of_usual, starts_in
from tests.engine.fakes import START


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0:00"), (-3, "0:00"), (42.4, "0:42"), (65, "1:05"), (7630, "2:07:10")]
)
def test_a_clock_counts_minutes_and_seconds(seconds: float, words: str) -> None:
    assert clock(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "~5 s"), (42, "~40 s"), (57, "~55 s"), (58, "~1 min"), (200, "~3 min"), (3569, "~59 min"), (3570, "~1 h"),
     (7800, "~2 h 10 min"), (7300, "~2 h")],
)  # fmt: skip
def test_a_guess_is_told_as_one(seconds: float, words: str) -> None:
    assert about(seconds) == words


def test_what_should_be_over_is_due_any_moment() -> None:
    soon = START + timedelta(seconds=180)
    assert (done_in(soon, START), starts_in(soon, START)) == ("done in ~3 min", "starts in ~3 min")
    assert (done_in(START, START), starts_in(START, soon)) == ("done any moment", "starts any moment")


def test_how_much_of_the_usual_is_over_and_how_late_it_is() -> None:
    assert of_usual(42, 70) == "0:42/~1:10"
    assert of_usual(72, 120, " of ") == "1:12 of ~2:00"
    assert late(3.97) == "3x slower than usual"
