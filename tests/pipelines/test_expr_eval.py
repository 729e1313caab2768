import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import ExpressionError
from pipelines.expr_eval import evaluate
from pipelines.expr_syntax import parse
from pipelines.values import to_string, truthy

CONTEXTS: dict[str, Any] = {
    "github": {"ref": "refs/heads/main", "event": {"labels": [{"name": "bug"}, {"name": "Later"}, {"id": 3}]}},
    "matrix": {"os": "linux", "version": 3.5, "list": [10, 20], "map": {"a": {"n": 1}, "b": {"n": 2}}},
    "env": {"EMPTY": "", "N": "5", "n": "lower"},
}


def value(text: str, **functions: Any) -> Any:
    return evaluate(parse(text), CONTEXTS, functions)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("github.ref", "refs/heads/main"),
        ("GITHUB.REF", "refs/heads/main"),
        ("github['Ref']", "refs/heads/main"),
        ("env.N", "5"),
        ("env.n", "lower"),
        ("github.nothing.at.all", None),
        ("vars.x", None),
        ("matrix.list[1]", 20),
        ("matrix.list['1']", 20),
        ("matrix.list[1.9]", 20),
        ("matrix.list[true]", 20),
        ("matrix.list[-1]", None),
        ("matrix.list[2]", None),
        ("matrix.list[matrix.map]", None),
        ("matrix.os[0]", None),
        ("github.event.labels.*.name", ["bug", "Later"]),
        ("github.event.labels.*.name.*", []),
        ("matrix.map.*.n", [1, 2]),
        ("matrix.os.*", []),
        ("(matrix.map.*.n)[0]", []),
    ],
)
def test_look_ups(text: str, expected: Any) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("null == false", True),
        ("null == 0", True),
        ("'' == 0", True),
        ("' 0x10 ' == 16", True),
        ("'1_0' == 10", False),
        ("'true' == true", False),
        ("'ABC' == 'abc'", True),
        ("'ς' == 'Σ'", True),
        ("'ı' == 'I'", False),
        ("'ß' == 'SS'", False),
        ("NaN == NaN", False),
        ("matrix.list == matrix.list", True),
        ("fromJSON('[]') == fromJSON('[]')", False),
        ("'a' < 'B'", True),
        ("'a' < '['", True),
        ("2 > '10'", False),
        ("null <= 0", True),
        ("matrix.list <= 1", False),
        ("NaN >= NaN", False),
        ("!''", True),
        ("!matrix.missing", True),
    ],
)
def test_comparisons_are_those_of_github(text: str, expected: bool) -> None:
    assert value(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("env.EMPTY || 'default'", "default"),
        ("'a' && 0 || 'c'", "c"),
        ("0 || ''", ""),
        ("true && matrix.os", "linux"),
        ("false && fromJSON('broken')", False),
        ("1 || fromJSON('broken')", 1),
        ("case(false, fromJSON('broken'), 'b')", "b"),
        ("case(matrix.os == 'mac', 1, matrix.os == 'linux', 2, 3)", 2),
    ],
)
def test_only_what_is_needed_is_evaluated_and_operands_keep_their_type(text: str, expected: Any) -> None:
    assert value(text) == expected


def test_a_case_condition_must_be_a_boolean() -> None:
    with pytest.raises(ExpressionError) as caught:
        value("case('yes', 1, 2)")
    assert caught.value.kind == "evaluation"


def test_special_functions_are_those_that_the_caller_hands_in() -> None:
    assert value("Success('build')", success=lambda *jobs: jobs == ("build",)) is True
    assert value("hashFiles('a', 'b')", hashFiles=lambda *globs: "+".join(globs)) == "a+b"


def test_a_special_function_that_nobody_handed_in_is_an_error_with_a_position() -> None:
    with pytest.raises(ExpressionError) as caught:
        value("true && success()")
    assert (caught.value.kind, caught.value.position) == ("evaluation", 9)


def test_values_are_shared_with_the_contexts_not_copied() -> None:
    assert value("github.event") is CONTEXTS["github"]["event"]


@pytest.mark.parametrize(
    ("json", "text", "true"),
    [
        (None, "", False),
        (True, "true", True),
        (0, "0", False),
        (-0.0, "0", False),
        (1.0, "1", True),
        (3.10, "3.1", True),
        (0.1 + 0.2, "0.3", True),
        (1e15, "1E+15", True),
        (123456789012, "123456789012", True),
        (0.00001, "1E-05", True),
        (math.nan, "NaN", False),
        (-math.inf, "-Infinity", True),
        (10**400, "Infinity", True),
        ("", "", False),
        ("false", "false", True),
        ([], "Array", True),
        ({}, "Object", True),
    ],
)
def test_values_as_text_and_as_truth(json: Any, text: str, true: bool) -> None:
    assert to_string(json) == text
    assert truthy(json) is true


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
COMPARISONS = {operator: parse(f"env {operator} vars") for operator in ("==", "!=", "<", ">", "<=", ">=")}


@given(JSON, JSON)
def test_the_operators_agree_with_each_other_on_all_values(left: Any, right: Any) -> None:
    says = {op: evaluate(node, {"env": left, "vars": right}) for op, node in COMPARISONS.items()}
    assert says["=="] is not says["!="]
    assert says["<="] is (says["<"] or says["=="])
    assert says[">="] is (says[">"] or says["=="])
    assert not (says["<"] and says[">"])
