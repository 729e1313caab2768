"""The laws of the job graph."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines import dag


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, list[str]]:
    """An acyclic graph whose keys come in any order."""
    size = draw(st.integers(0, 12))
    needs = {f"j{n}": draw(st.lists(st.sampled_from([f"j{m}" for m in range(n)]))) if n else [] for n in range(size)}
    return {key: needs[key] for key in draw(st.permutations(list(needs)))}


CHAIN = {f"j{n}": [f"j{n - 1}"] if n else [] for n in range(6000)}


def test_a_cycle_is_told_from_its_first_job_back_to_it() -> None:
    assert dag.find_cycle({"a": ["b"], "b": ["c"], "c": ["a"], "d": []}) == ["a", "b", "c", "a"]
    assert dag.find_cycle({"x": [], "a": ["a"]}) == ["a", "a"]
    assert dag.find_cycle({"a": ["b"], "b": ["c"], "c": ["b"]}) == ["b", "c", "b"]


def test_a_diamond_is_no_cycle_and_unknown_needs_are_passed_over() -> None:
    assert dag.find_cycle({"a": [], "b": ["a"], "c": ["a", "ghost"], "d": ["b", "c"]}) is None
    assert dag.layers({"a": [], "b": ["a"], "c": ["a", "ghost"], "d": ["b", "c"]}) == [["a"], ["b", "c"], ["d"]]


@pytest.mark.parametrize("function", [dag.layers, dag.remaining_path, dag.topological_order])
def test_a_cycle_has_no_layers(function: object) -> None:
    with pytest.raises(ValueError, match="a → b → a"):
        function({"a": ["b"], "b": ["a"]})  # type: ignore[operator]


@given(graphs())
def test_every_job_stands_one_below_its_deepest_need(needs: dict[str, list[str]]) -> None:
    found = dag.layers(needs)
    depth = {key: number for number, layer in enumerate(found) for key in layer}
    assert sorted(depth) == sorted(needs)
    assert sum(map(len, found)) == len(needs)
    for key, wanted in needs.items():
        assert depth[key] == max((depth[need] + 1 for need in wanted), default=0)
    order = list(needs)
    assert all(layer == sorted(layer, key=order.index) for layer in found)


@given(graphs())
def test_the_remaining_path_is_one_more_than_that_of_the_longest_dependent(needs: dict[str, list[str]]) -> None:
    longest = dag.remaining_path(needs)
    for key in needs:
        assert longest[key] == 1 + max((longest[other] for other, wanted in needs.items() if key in wanted), default=0)


@given(graphs())
def test_every_job_comes_after_all_that_it_needs(needs: dict[str, list[str]]) -> None:
    order = dag.topological_order(needs)
    assert sorted(order) == sorted(needs)
    assert all(order.index(need) < order.index(key) for key, wanted in needs.items() for need in wanted)


@given(graphs())
def test_the_closure_of_a_job_is_itself_with_those_of_its_needs(needs: dict[str, list[str]]) -> None:
    for key, wanted in needs.items():
        assert dag.closure(needs, [key]) == frozenset([key]).union(*(dag.closure(needs, [need]) for need in wanted))


@given(st.dictionaries(st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdef"))))
def test_a_graph_has_either_layers_or_a_cycle(needs: dict[str, list[str]]) -> None:
    cycle = dag.find_cycle(needs)
    if cycle is None:
        assert sum(map(len, dag.layers(needs))) == len(needs)
    else:
        assert cycle[0] == cycle[-1]
        assert all(later in needs[earlier] for earlier, later in pairwise(cycle))


def test_a_chain_of_thousands_needs_no_stack() -> None:
    assert dag.find_cycle(CHAIN) is None
    assert len(dag.layers(CHAIN)) == 6000
    assert dag.remaining_path(CHAIN)["j0"] == 6000
    assert len(dag.closure(CHAIN, ["j5999"])) == 6000
