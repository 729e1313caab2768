"""Columns never overflow, and what is dropped is dropped in the order asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from widgets.columns import GAP, Column, cut, fill, fit

TABLE = (Column("status", "", 10), Column("name", ""), Column("age", "", 6, drop=2), Column("who", "", 8, drop=1))


@pytest.mark.parametrize(
    ("width", "widths"),
    [
        (60, (10, 33, 6, 8)),
        (39, (10, 12, 6, 8)),
        (38, (10, 20, 6, 0)),
        (30, (10, 12, 6, 0)),
        (29, (10, 18, 0, 0)),
        (12, (10, 1, 0, 0)),
        (8, (7, 0, 0, 0)),
        (0, (0, 0, 0, 0)),
    ],
)
def test_columns_are_dropped_in_order_before_the_sharing_ones_get_too_small(width, widths):
    assert fit(TABLE, width) == widths


def test_sharing_columns_get_equal_parts_of_the_rest():
    assert fit((Column("a", ""), Column("b", "", 5), Column("c", "")), 50) == (22, 5, 21)


COLUMNS = st.lists(
    st.builds(Column, st.just("k"), st.just(""), st.none() | st.integers(1, 40), st.booleans(), st.integers(0, 3)),
    max_size=9,
)


@given(COLUMNS, st.integers(0, 200))
def test_columns_with_their_gaps_fit_whatever_the_width(columns, width):
    widths = fit(columns, width)
    used = [wide for wide in widths if wide]
    assert len(widths) == len(columns)
    assert min(widths, default=0) >= 0
    assert sum(used) + GAP * max(0, len(used) - 1) <= width


@given(COLUMNS, st.integers(0, 200))
def test_a_sharing_column_fills_the_line(columns, width):
    widths = fit([*columns, Column("rest", "")], width)
    if widths[-1] > 1:
        assert sum(widths) + GAP * (sum(map(bool, widths)) - 1) == width


@given(st.text("日本abX ́✓👩…", max_size=30), st.integers(0, 40), st.booleans(), st.booleans())
def test_a_filled_text_has_exactly_its_cells(text, width, right, ascii):
    assert cell_len(fill(text, width, right, ascii)) == width


@pytest.mark.parametrize(
    ("text", "width", "ascii", "seen"),
    [
        ("short", 5, False, "short"),
        ("longer", 5, False, "long…"),
        ("longer", 5, True, "long~"),
        ("日本語", 4, False, "日…"),
    ],
)
def test_what_is_cut_says_so(text, width, ascii, seen):
    assert cut(text, width, ascii) == seen


def test_others_are_dropped_for_a_column_until_it_has_its_least():
    columns = (Column("a", "A", 10, drop=1), Column("b", "B", 10), Column("text", "TEXT", least=30))
    assert fit(columns, 52) == (10, 10, 30)
    assert fit(columns, 51) == (0, 10, 40)
    assert fit(columns, 20) == (0, 10, 9), "what is never dropped is not dropped for it"
