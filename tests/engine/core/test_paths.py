"""The longest chains that begin with planned jobs, in seconds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.paths import remaining_paths
from pipelines.dag import remaining_path
from pipelines.plan import JobPlan


def plan(key: str, *needs: str, **more: object) -> JobPlan:
    return JobPlan(key, key, needs=needs, **more)


CHAIN = (plan("a"), plan("b", "a"), plan("c", "b"), plan("d", "a"))


@pytest.mark.parametrize(
    ("expected_s", "paths"),
    [
        ([10, 20, 30, 100], [110, 50, 30, 100]),
        ([0.2, 0.2, 0.2, 0.2], [1, 1, 1, 1]),
        ([10.5, 0, 0, 0.7], [12, 1, 1, 1]),
        ([10, None, 30, None], [60, 50, 30, 20]),  # unknown: the median of the known ones
    ],
)
def test_a_path_is_the_seconds_of_the_longest_chain_from_there(expected_s, paths) -> None:
    assert remaining_paths(CHAIN, expected_s) == paths


def test_where_nothing_is_known_chains_are_counted_in_jobs() -> None:
    plans = [plan("a", remaining_path=7), plan("b", remaining_path=3)]
    assert remaining_paths(plans, [None, None]) == [7, 3]


def test_what_follows_on_the_whole_is_added_and_the_unknown_may_be_known_elsewhere() -> None:
    assert remaining_paths([plan("a"), plan("a")], [5.0, None], behind_s=100, unknown_s=50) == [105, 150]


def test_each_cell_of_a_matrix_has_its_own_and_others_wait_for_the_longest() -> None:
    plans = [plan("first"), plan("m", "first"), plan("m", "first"), plan("last", "m")]
    assert remaining_paths(plans, [1, 10, 50, 5]) == [56, 15, 55, 5]


def test_a_call_takes_as_long_as_its_jobs_and_these_have_behind_them_what_follows_on_it() -> None:
    inside = {"scope": "call"}
    plans = [
        plan("before"), plan("call", "before", calls="./x.yml"), plan("call/a", **inside),
        plan("call/b", "call/a", **inside), plan("after", "call"),
    ]  # fmt: skip
    assert remaining_paths(plans, [1, None, 10, 20, 5]) == [36, 35, 35, 25, 5]


@given(st.lists(st.tuples(st.integers(1, 60), st.sets(st.integers(0, 20), max_size=3)), min_size=1, max_size=20))
def test_with_equal_seconds_the_order_is_that_of_counted_jobs(shape) -> None:
    needs = {f"j{n}": [f"j{need}" for need in wanted if need < n] for n, (_, wanted) in enumerate(shape)}
    counted = remaining_path(needs)
    found = remaining_paths([plan(key, *wanted) for key, wanted in needs.items()], [1.0] * len(needs))
    assert found == [counted[key] for key in needs]
