"""What of a log is in view, whatever its rows take."""

from hypothesis import given
from hypothesis import strategies as st

from widgets.log_layout import LogLayout

heights = st.lists(st.integers(1, 9), min_size=1, max_size=20)


@given(heights, st.integers(1, 12), st.data())
def test_a_row_that_is_to_end_at_the_bottom_does_where_there_is_enough_above_it(parts, height, data):
    layout = LogLayout(len(parts), height, parts.__getitem__)
    last = data.draw(st.integers(0, len(parts) - 1))
    shown = layout.shown(*layout.top_for(last))
    if sum(parts[: last + 1]) >= height:
        assert shown[-1] == (last, parts[last] - 1)
        assert len(shown) == height
    else:
        assert shown[0] == (0, 0)
        assert (last, parts[last] - 1) in shown


@given(st.integers(0, 20), st.integers(1, 12), st.integers(0, 19))
def test_rows_of_one_line_stand_as_those_that_are_not_wrapped(count, height, top):
    plain, wrapped = LogLayout(count, height), LogLayout(count, height, lambda _: 1)
    assert plain.shown(top, 0) == wrapped.shown(top, 0)
    if count:
        assert plain.top_for(min(top, count - 1)) == wrapped.top_for(min(top, count - 1))
