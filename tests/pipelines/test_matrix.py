"""The laws of the matrix."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.json_value import Json
from pipelines.matrix import MAX_CELLS, Added, MatrixError, expand, expansion, label
from pipelines.values import equal

VALUES = st.sampled_from([1, 2, True, "a", "1", None])
VECTORS = st.dictionaries(st.sampled_from("xyz"), st.lists(VALUES, min_size=1, max_size=3), min_size=1)


def test_the_last_vector_varies_fastest() -> None:
    assert expand({"os": ["linux", "mac"], "py": [3.11, 3.12]}) == [
        {"os": "linux", "py": 3.11},
        {"os": "linux", "py": 3.12},
        {"os": "mac", "py": 3.11},
        {"os": "mac", "py": 3.12},
    ]


def test_include_extends_what_it_does_not_contradict_and_else_stands_alone() -> None:
    """The example of GitHub's documentation, entry by entry."""
    cells = expand(
        {
            "fruit": ["apple", "pear"],
            "animal": ["cat", "dog"],
            "include": [
                {"color": "green"},
                {"color": "pink", "animal": "cat"},
                {"fruit": "apple", "shape": "circle"},
                {"fruit": "banana"},
                {"fruit": "banana", "animal": "cat"},
            ],
        }
    )
    assert cells == [
        {"fruit": "apple", "animal": "cat", "color": "pink", "shape": "circle"},
        {"fruit": "apple", "animal": "dog", "color": "green", "shape": "circle"},
        {"fruit": "pear", "animal": "cat", "color": "pink"},
        {"fruit": "pear", "animal": "dog", "color": "green"},
        {"fruit": "banana"},
        {"fruit": "banana", "animal": "cat"},
    ]


def test_a_matrix_of_includes_alone_has_one_cell_each() -> None:
    assert expand({"include": [{"site": "a"}, {"site": "b", "dc": 1}]}) == [{"site": "a"}, {"site": "b", "dc": 1}]


def test_exclude_compares_leaf_by_leaf_as_the_equality_of_expressions_does() -> None:
    """A text is the number that it reads as, case does not count, and a mapping may name some of the keys."""
    systems: list[Json] = [{"name": "l", "v": [1, 2]}, {"name": "m", "v": [1, 3]}]
    matrix: dict[str, Json] = {"os": systems, "n": [16, "Lts"]}
    left, right = [{"os": systems[0], "n": n} for n in (16, "Lts")], [{"os": systems[1], "n": n} for n in (16, "Lts")]
    assert expand(matrix | {"exclude": [{"n": "16"}, {"n": "LTS", "os": {"name": "L"}}]}) == right[1:]
    assert expand(matrix | {"exclude": [{"os": {"v": [1, 3]}}]}) == left
    assert expand(matrix | {"exclude": [{"OS": {"NAME": "l"}}]}) == right
    assert expand(matrix | {"exclude": [{"os": "l"}, {"os": {"none": 1}}, {"n": True}]}) == left + right


def test_include_extends_what_equals_its_values_as_expressions_compare() -> None:
    matrix: dict[str, Json] = {"node": [16, 18], "include": [{"Node": "16", "npm": 6}, {"x": 1, "node": "20"}]}
    cells = expand(matrix)
    assert cells == [{"node": 16, "npm": 6}, {"node": 18}, {"node": "20", "x": 1}]
    assert list(cells[2]) == ["node", "x"]


def test_a_name_shows_no_value_that_an_include_added_to_a_combination() -> None:
    found = expansion({"os": ["l", "m"], "include": [{"os": "l", "more": True}, {"os": "b", "more": 2}]})
    assert [label("a", named) for named in found.named] == ["a (l)", "a (m)", "a (b, 2)"]


def test_a_cell_that_was_excluded_can_be_included_again() -> None:
    assert expand({"a": [1, 2], "exclude": [{"a": 2}], "include": [{"a": 2, "b": 3}]}) == [{"a": 1}, {"a": 2, "b": 3}]


@pytest.mark.parametrize(
    ("matrix", "words"),
    [
        ({}, "at least one vector"),
        (None, "not nothing"),
        ("x", "not 'x'"),
        ({"a": []}, "'a' holds no values"),
        ({"a": "x"}, "'a' is a list of values, not 'x'"),
        ({"a": [1], "exclude": [{"a": 1}]}, "every combination"),
        ({"a": [1], "exclude": [{"b": 1}]}, "'b', which is no vector"),
        ({"a": [1], "include": {"a": 1}}, "include is a list of mappings, not a mapping"),
        ({"a": [1], "include": ["x"]}, "each entry of include is a mapping"),
        ({"a": list(range(257))}, "257 jobs; 256 are allowed"),
        ({key: list(range(100)) for key in "abcdefgh"}, "more than 256 jobs"),
    ],
)
def test_a_matrix_without_jobs_says_why(matrix: Json, words: str) -> None:
    with pytest.raises(MatrixError, match=words):
        expand(matrix)


def test_a_large_product_is_fine_when_exclude_leaves_few() -> None:
    numbers: list[Json] = list(range(30))
    cells = expand({"a": numbers, "b": numbers, "exclude": [{"a": n} for n in range(25)]})
    assert len(cells) == 150 < MAX_CELLS


@given(VECTORS, st.lists(st.dictionaries(st.sampled_from("xyz"), VALUES, min_size=1), max_size=4))
def test_every_excluded_cell_is_absent_and_no_other(
    vectors: dict[str, list[Json]], exclude: list[dict[str, Json]]
) -> None:
    known = [entry for entry in exclude if entry.keys() <= vectors.keys()]
    whole = expand(dict(vectors))

    wanted = [cell for cell in whole if not any(all(equal(cell[k], v) for k, v in e.items()) for e in known)]
    try:
        found = expand({**vectors, "exclude": list(known)})
    except MatrixError:
        found = []
    assert repr(found) == repr(wanted)


@given(VECTORS, st.lists(st.dictionaries(st.sampled_from("xyzvw"), VALUES, min_size=1), max_size=4))
def test_include_never_changes_a_vector_value(vectors: dict[str, list[Json]], include: list[dict[str, Json]]) -> None:
    whole = expand(dict(vectors))
    found = expand({**vectors, "include": list(include)})
    assert len(whole) <= len(found) <= len(whole) + len(include)
    for before, after in zip(whole, found, strict=False):
        assert repr({key: after[key] for key in before}) == repr(before)


def test_the_label_lists_the_leaves_in_order() -> None:
    assert label("test", {"py": 3.12, "os": "linux"}) == "test (3.12, linux)"
    assert label("test", {"os": {"name": "l", "v": [1, True]}, "none": None, "empty": ""}) == "test (l, 1, true)"
    assert label("test", None) == label("test", {}) == label("test", {"a": ""}) == "test"


def test_a_long_label_is_cut_at_a_hundred() -> None:
    found = label("test", {"a": "x" * 200})
    assert len(found) == 100
    assert found.endswith("xxx...")


def test_an_expansion_tells_what_exclude_and_include_did() -> None:
    found = expansion(
        {
            "os": ["linux", "mac"], "py": [1, 2],
            "exclude": [{"os": "mac", "py": 1}, {"py": 1}],
            "include": [{"os": "linux", "extra": "x"}, {"os": "bsd"}, {"os": "bsd", "py": 9}],
        }
    )  # fmt: skip
    assert found.cells == [
        {"os": "linux", "py": 2, "extra": "x"}, {"os": "mac", "py": 2}, {"os": "bsd"}, {"os": "bsd", "py": 9},
    ]  # fmt: skip
    assert found.removed == [
        ({"os": "linux", "py": 1}, {"py": 1}), ({"os": "mac", "py": 1}, {"os": "mac", "py": 1}),
    ]  # fmt: skip
    assert found.added == [
        Added({"os": "linux", "extra": "x"}, (0,)), Added({"os": "bsd"}, (), 2), Added({"os": "bsd", "py": 9}, (), 3),
    ]  # fmt: skip
