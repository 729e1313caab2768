"""A bar is where its seconds are, however wide the screen."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from widgets.timeline_scale import TICK_CELLS, scale

SECONDS = st.floats(0, 1e6)
WIDTHS = st.integers(0, 300)
SCALES = st.builds(scale, SECONDS, WIDTHS, st.booleans(), st.integers(0, 10), SECONDS)


@given(SCALES, SECONDS, SECONDS)
def test_what_is_later_is_never_further_left(measure, one, other):
    assert 0 <= measure.cell(min(one, other)) <= measure.cell(max(one, other)) <= measure.width


@given(SCALES, SECONDS, SECONDS)
def test_a_bar_in_view_has_at_least_a_cell_and_none_outside(measure, one, other):
    start, end = min(one, other), max(one, other)
    first, past = measure.cells(start, end)
    in_view = measure.width > 0 and end >= measure.start_s and start <= measure.end_s
    assert 0 <= first <= past <= measure.width
    assert (past > first) is in_view


@given(SECONDS, st.integers(1, 300), SECONDS)
def test_a_bar_is_to_scale_within_a_cell(longest_s, width, start):
    measure = scale(longest_s, width)
    first, past = measure.cells(min(start, longest_s), longest_s)
    share = (longest_s - min(start, longest_s)) / (measure.end_s - measure.start_s)
    assert abs((past - first) - share * width) <= 1.01


@given(SCALES)
def test_ticks_are_in_view_and_their_texts_have_room(measure):
    cells = [cell for cell, _ in measure.ticks()]
    assert all(0 <= cell < measure.width for cell in cells)
    assert all(after - before >= TICK_CELLS - 1 for before, after in pairwise(cells))


@given(SECONDS, WIDTHS, st.integers(0, 10), SECONDS)
def test_all_is_in_view_when_nothing_is_zoomed_and_never_more_than_all(longest_s, width, zoom, left_s):
    whole = scale(longest_s, width, live=True)
    assert whole.start_s == 0 and whole.end_s >= longest_s
    part = scale(longest_s, width, live=True, zoom=zoom, left_s=left_s)
    assert part.start_s >= 0 and part.end_s <= whole.end_s * (1 + 1e-9)


def test_while_it_is_live_the_end_moves_only_from_tick_to_tick():
    assert len({scale(seconds, 100, live=True).end_s for seconds in range(60, 70)}) == 1
