"""Spans read the same everywhere, and ticks are never too close."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.spans import span
from widgets.seconds import in_words, tick_step, tick_text


@given(st.floats(-10, 1e7))
def test_a_span_reads_here_as_it_does_elsewhere(seconds):
    assert in_words(seconds) == span(seconds)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0"),
        (0.5, "0.5 s"),
        (5, "5 s"),
        (30, "30 s"),
        (60, "1 m"),
        (90, "1 m 30 s"),
        (3600, "1 h"),
        (5400, "1 h 30 m"),
    ],
)
def test_a_tick_has_no_part_that_is_zero(seconds, text):
    assert tick_text(seconds) == text


@given(st.floats(0, 1e9), st.integers(0, 40))
def test_there_are_no_more_ticks_than_room(span_s, room):
    assert span_s / tick_step(span_s, room) <= max(1, room)
