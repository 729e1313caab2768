import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import ExpressionError
from pipelines.functions import ARITIES, BUILTINS, EVERYWHERE, from_json, to_json
from pipelines.values import MAX_TEXT

contains, starts_with, ends_with = BUILTINS["contains"], BUILTINS["startsWith"], BUILTINS["endsWith"]
format_text, join = BUILTINS["format"], BUILTINS["join"]


def test_every_function_is_known_to_the_parser() -> None:
    assert BUILTINS.keys() | {"case"} == EVERYWHERE
    assert ARITIES.keys() > EVERYWHERE


@pytest.mark.parametrize(
    ("search", "item", "expected"),
    [
        ("Hello World", "WORLD", True),
        ("Hello", "", True),
        (["push", "Pull"], "PULL", True),
        (["pushed"], "push", False),
        ([1, 2], "2", True),
        ([""], None, True),
        (1234, 23, True),
        ({"a": 1}, "a", False),
        ("a", ["a"], False),
        ([["a"]], "a", False),
    ],
)
def test_contains(search: Any, item: Any, expected: bool) -> None:
    assert contains(search, item) is expected


def test_start_and_end_are_blind_to_case_and_to_type_but_not_to_collections() -> None:
    assert starts_with("Refs/tags", "refs/") and ends_with("x.PNG", ".png")
    assert starts_with(1234, 12) and ends_with(True, "RUE") and starts_with("x", None)
    assert not starts_with(["a"], "a") and not ends_with("a", ["a"])


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("{0}-{1}-{0}", "a", 1.0), "a-1-a"),
        (("{{{0}}}", "x"), "{x}"),
        (("{0}", "{1}"), "{1}"),
        (("{00}", True), "true"),
        (("none", 1), "none"),
        ((None,), ""),
        (("{0}", {}), "Object"),
    ],
)
def test_format(arguments: tuple[Any, ...], expected: str) -> None:
    assert format_text(*arguments) == expected


@pytest.mark.parametrize("pattern", ["{", "}", "{0", "0}", "{a}", "{-1}", "{1}", "{999999999999}", "{{0}", "{0:x}"])
def test_a_wrong_format_string_is_an_evaluation_error(pattern: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        format_text(pattern, "x")
    assert caught.value.kind == "evaluation"


def test_join() -> None:
    assert join(["a", 1, None, True, ["x"]]) == "a,1,,true,Array"
    assert join(["a", "b"], " | ") == "a | b"
    assert join([]) == "" and join({"a": 1}) == "" and join("one", "-") == "one"


def test_no_function_makes_more_text_than_the_limit() -> None:
    half = "x" * (MAX_TEXT // 2 + 1)
    for make in (lambda: format_text("{0}{0}", half), lambda: join([half, half]), lambda: to_json([half, half])):
        with pytest.raises(ExpressionError):
            make()


@pytest.mark.parametrize(
    "text",
    ["", "  ", "{", "abc", "1 2", "NaN", "-Infinity", "'a'", "[1,]", "[" * 100_000, '{"a":' * 5000 + "1" + "}" * 5000],
)
def test_what_is_no_json_is_an_evaluation_error(text: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        from_json(text)
    assert caught.value.kind == "evaluation"


def test_json_numbers_are_doubles() -> None:
    assert from_json("[1.0, 1e2, -0, 9007199254740993, 1e999]") == [1, 100, 0, 9007199254740992.0, float("inf")]
    assert from_json("9" * 5000) == float("inf")


def test_json_keys_that_differ_in_case_alone_are_one() -> None:
    assert from_json('{"Key": 1, "key": 2, "x": 3, "x": 4}') == {"Key": 1, "x": 4}


def test_a_half_of_a_surrogate_pair_becomes_the_replacement_character() -> None:
    assert from_json(r'"a\ud800b \ud83d\ude00"') == "a\ufffdb \U0001f600"


def test_to_json_is_indented_and_prints_whole_numbers_whole() -> None:
    assert to_json({"a": [1.0, 2.5, None], "é": {}, "l": []}) == (
        '{\n  "a": [\n    1,\n    2.5,\n    null\n  ],\n  "é": {},\n  "l": []\n}'
    )
    assert to_json(float("nan")) == '"NaN"'


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(alphabet="abcdé"), inner),
    )
)
def test_json_survives_a_round_trip(value: Any) -> None:
    assert from_json(to_json(value)) == value
    assert json.loads(to_json(value)) == value
