"""Facts of graphs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from widgets.dag_graph import above, bits, circle, dependents, in_order, layers, reduced


@st.composite
def needs(draw, most=12):
    size = draw(st.integers(0, most))
    return [sorted(draw(st.sets(st.integers(0, node - 1)))) if node else [] for node in range(size)]


@given(needs())
def test_every_node_comes_after_its_needs(graph):
    order = in_order(graph)
    place = {node: number for number, node in enumerate(order)}
    assert sorted(order) == list(range(len(graph)))
    assert all(place[need] < place[node] for node, wanted in enumerate(graph) for need in wanted)


@given(needs())
def test_leaving_out_implied_needs_changes_nothing_that_one_waits_for(graph):
    assert above(reduced(graph)) == above(graph)


@given(needs())
def test_no_need_is_kept_that_another_implies(graph):
    masks = above(graph)
    for kept in reduced(graph):
        assert not any(masks[other] >> need & 1 for need in kept for other in kept)


@given(needs())
def test_a_layer_is_one_more_than_the_deepest_need(graph):
    found = layers(graph)
    for node, wanted in enumerate(graph):
        assert found[node] == max((found[need] + 1 for need in wanted), default=0)


@pytest.mark.parametrize(
    ("graph", "found"),
    [([], []), ([[], [0]], []), ([[0]], [0]), ([[1], [0]], [0, 1]), ([[], [0, 3], [1], [2]], [1, 3, 2])],
)
def test_a_circle_is_found(graph, found):
    assert circle(graph) == found


def test_a_circle_is_no_longer_than_itself_though_others_wait_for_it():
    assert set(circle([[1], [2], [1], [0]])) == {1, 2}


def test_dependents_are_needs_the_other_way_round():
    assert dependents([[], [0], [0, 1]]) == [[1, 2], [2], []]


@given(st.sets(st.integers(0, 300)))
def test_a_set_of_bits_gives_its_members(members):
    assert list(bits(sum(1 << member for member in members))) == sorted(members)
