"""Whatever comes and goes, the cursor is on a row that is shown, and on the same one while there is one."""

from hypothesis import given
from hypothesis import strategies as st

from widgets.row_filter import RowFilter
from widgets.row_order import Cell, Row, RowOrder

IDS = st.lists(st.integers(0, 12), unique=True)
CHANGES = st.lists(
    st.tuples(st.just("show"), IDS)
    | st.tuples(st.just("filter"), st.sampled_from(["", "a", "b", "a 1", "none of them"]))
    | st.tuples(st.just("go"), st.integers(0, 12)),
    max_size=12,
)


def row(id: int) -> Row:
    return Row(id, (Cell(f"{'ab'[id % 2]} {id}"),))


@given(CHANGES)
def test_the_cursor_is_where_it_was_or_at_the_top_or_on_the_next_row_that_is_left(changes):
    order = RowOrder()
    for kind, what in changes:
        before, after = order.cursor, list(order.shown)
        if kind == "show":
            order.arrange({id: row(id) for id in what})
        elif kind == "filter":
            order.filter = RowFilter(what)
            order.arrange()
        elif order.shown:
            order.go(what % len(order.shown), at_top=False)
            continue
        assert [id for id in order.rows if order.belongs(id)] == order.shown
        assert (order.cursor is None) is (not order.shown)
        if order.shown and order.at_top:
            assert order.cursor == order.shown[0]
        elif before in order.place:
            assert order.cursor == before
        elif order.shown and before is not None:
            left = [id for id in after[after.index(before) :] if id in order.place]
            assert order.cursor == (left[0] if left else order.shown[-1])


@given(IDS, IDS)
def test_only_the_same_ids_in_the_same_order_are_the_same_rows(ids, others):
    order = RowOrder()
    order.arrange({id: row(id) for id in ids})
    assert order.has_exactly(ids)
    assert order.has_exactly(others) is (ids == others)


def test_a_row_is_taken_when_it_differs_and_is_known():
    order = RowOrder()
    order.arrange({1: row(1)})
    assert not order.take(row(1))
    assert not order.take(row(2))
    assert order.take(Row(1, (Cell("else"),), "failed"))
    order.filter = RowFilter("failed")
    assert order.belongs(1)
