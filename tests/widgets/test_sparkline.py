"""What took twice as long is twice as high."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from widgets.sparkline import sparkline


@pytest.mark.parametrize(
    ("values", "width", "ascii", "text"),
    [
        ([], 8, False, ""),
        ([1, 2, 4], 8, False, "▃▅█"),
        ([1, 2, 4], 2, False, "▅█"),
        ([0, 0], 8, False, "▁▁"),
        ([1, None, 4], 8, True, "- #"),
        ([1], 0, False, ""),
        ([-3, 3], 4, False, "▁█"),
    ],
)
def test_the_last_values_are_shown_as_bars(values, width, ascii, text):
    assert sparkline(values, width, ascii) == text


@given(st.lists(st.none() | st.floats(0, 1e12), max_size=30), st.integers(0, 20))
def test_a_larger_value_never_has_a_lower_bar(values, width):
    text = sparkline(values, width)
    assert len(text) == min(width, len(values))
    last = values[len(values) - len(text) :]
    pairs = sorted((value, bar) for value, bar in zip(last, text, strict=True) if value is not None)
    assert [bar for _, bar in pairs] == sorted(bar for _, bar in pairs)
