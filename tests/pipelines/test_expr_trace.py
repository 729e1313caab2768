"""What an expression's trace tells is what the evaluator did, no more and no less; and it keeps secrets."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import ExpressionError
from pipelines.expr_eval import evaluate
from pipelines.expr_nodes import Call, Compare, Filter, Index, Literal, Logical, Name, Node, Not
from pipelines.expr_syntax import parse
from pipelines.expr_text import written
from pipelines.expr_trace import MOST_ROWS, Row, shown, trace
from pipelines.values import whole

CONTEXTS: dict[str, Any] = {
    "github": {"ref": "refs/heads/dev", "event": {"labels": [{"name": "bug"}, {"name": "later"}]}, "token": "tok"},
    "matrix": {"os": "linux", "n": 3, "list": [10, 20]},
    "needs": {"build": {"result": "failure"}, "linux": {"result": "success"}},
    "secrets": {"KEY": "swordfish", "EMPTY": ""},
    "env": {"KEY": "swordfish", "N": "5"},
}
FUNCTIONS: dict[str, Any] = {
    "success": lambda *_: False,
    "failure": lambda *_: True,
    "always": lambda *_: True,
    "cancelled": lambda *_: False,
    "hashFiles": lambda *_: "abc",
}


def lines(text: str, **more: Any) -> list[str]:
    return [row.line for row in trace(parse(text), CONTEXTS, FUNCTIONS).rows(**more)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("true", ["true → true"]),
        ("'it''s'", ["'it''s' → 'it''s'"]),
        ("github.ref", ["github.ref → 'refs/heads/dev'"]),
        ("github['ref']", ["github.ref → 'refs/heads/dev'"]),
        ("github.gone.far", ["github.gone.far → null"]),
        ("matrix.list[1]", ["matrix.list[1] → 20"]),
        ("needs[matrix.os].result", ["needs[matrix.os].result → 'success'", "  matrix.os → 'linux'"]),
        ("fromJSON('[1]')[0]", ["fromJSON('[1]')[0] → 1", "  fromJSON('[1]') → [1]"]),
        ("github.event.labels.*.name", ["github.event.labels.*.name → ['bug', 'later']"]),
        ("needs.*", ["needs.* → [{result: 'failure'}, {result: 'success'}]"]),
        ("!matrix.n", ["!matrix.n → false", "  matrix.n → 3"]),
        ("!(matrix.n == 3)", ["!(matrix.n == 3) → false", "  matrix.n == 3 → true", "    matrix.n → 3"]),
        *(
            (f"matrix.n {operator} 3", [f"matrix.n {operator} 3 → {value}", "  matrix.n → 3"])
            for operator, value in {"==": "true", "!=": "false", "<": "false", "<=": "true", ">": "false",
                                    ">=": "true"}.items()
        ),
        (
            "github.ref == 'refs/heads/main' && success()",
            [
                "github.ref == 'refs/heads/main' && success() → false",
                "  github.ref == 'refs/heads/main' → false",
                "    github.ref → 'refs/heads/dev'",
                "  success() not looked at",
            ],
        ),
        (
            "always() || env.N || failure()",
            ["always() || env.N || failure() → true", "  always() → true", "  env.N not looked at",
             "  failure() not looked at"],
        ),
        ("success() || env.N", ["success() || env.N → '5'", "  success() → false", "  env.N → '5'"]),
        ("contains(env.N, '5')", ["contains(env.N, '5') → true", "  env.N → '5'"]),
        ("startsWith(env.N, 'x')", ["startsWith(env.N, 'x') → false", "  env.N → '5'"]),
        ("endsWith(env.N, '5')", ["endsWith(env.N, '5') → true", "  env.N → '5'"]),
        ("format('{0}!', env.N)", ["format('{0}!', env.N) → '5!'", "  env.N → '5'"]),
        ("join(matrix.list, '-')", ["join(matrix.list, '-') → '10-20'", "  matrix.list → [10, 20]"]),
        ("toJSON(matrix.n)", ["toJSON(matrix.n) → '3'", "  matrix.n → 3"]),
        ("hashFiles('*.lock')", ["hashFiles('*.lock') → 'abc'"]),
        (
            "case(matrix.n == 1, env.A, matrix.n == 3, env.N, env.B)",
            [
                "case(matrix.n == 1, env.A, matrix.n == 3, env.N, env.B) → '5'",
                "  matrix.n == 1 → false", "    matrix.n → 3", "  env.A not looked at",
                "  matrix.n == 3 → true", "    matrix.n → 3", "  env.N → '5'", "  env.B not looked at",
            ],
        ),
        (
            "case(matrix.n, 1, 2) || true",
            [
                "case(matrix.n, 1, 2) || true → failed: case: each condition must be true or false",
                "  case(matrix.n, 1, 2) → failed: case: each condition must be true or false",
                "    matrix.n → 3",
            ],
        ),
    ],
)  # fmt: skip
def test_a_trace_shows_every_part_that_has_a_value_of_its_own(text, told):
    assert lines(text) == told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("secrets.KEY", ["secrets.KEY → ***"]),
        ("secrets.EMPTY", ["secrets.EMPTY → ''"]),
        ("secrets.NONE", ["secrets.NONE → null"]),
        ("github.token", ["github.token → ***"]),
        ("toJSON(github)", ["toJSON(github) → ***", "  github → ***"]),
        ("secrets.*", ["secrets.* → ***"]),
        ("secrets.KEY == 'x'", ["secrets.KEY == 'x' → false", "  secrets.KEY → ***"]),
        ("format('{0}', secrets[env.X])", ["format('{0}', secrets[env.X]) → ***", "  secrets[env.X] → null",
                                           "    env.X → null"]),
        ("success() || secrets.KEY", ["success() || secrets.KEY → ***", "  success() → false", "  secrets.KEY → ***"]),
    ],
)  # fmt: skip
def test_what_comes_of_a_secret_is_never_shown(text, told):
    told_lines = lines(text)
    assert "swordfish" not in "\n".join(told_lines)
    if "env.X" not in text:
        assert told_lines == told


def test_the_mask_covers_values_texts_errors_and_keys():
    def mask(text: str) -> str:
        return text.replace("swordfish", "***")

    told = lines("env.KEY == 'swordfish' || fromJSON(format('{{{0}', env.KEY))", mask=mask)
    told += [*lines("fromJSON(env.KEY)", mask=mask), shown({"swordfish": ["swordfish" * 40]}, mask)]
    assert "swordfish" not in "\n".join(told)
    assert "***" in told[0]


def test_a_value_is_cut_only_after_its_secrets_are_hidden():
    text = shown("x" * 112 + "swordfish" * 3, lambda text: text.replace("swordfish", "***"))
    assert "sword" not in text


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "null"), (True, "true"), (1.5, "1.5"), ("", "''"), ("a\nb", "'a\\nb'"), ([], "[]"), ({}, "{}"),
        ({"a": [1, {"b": None}]}, "{a: [1, {b: null}]}"), ("x" * 500, f"'{'x' * 119}…' (500 characters)"),
    ],
)  # fmt: skip
def test_values_read_as_expressions_spell_them(value, told):
    assert shown(value) == told


def test_a_large_value_and_a_large_expression_stay_small():
    assert len(shown([{"key": "x" * 50}] * 100_000)) < 400
    rows = trace(parse(" && ".join(["always()"] * 500)), CONTEXTS, FUNCTIONS).rows()
    assert len(rows) == MOST_ROWS + 1
    assert all(len(row.text) <= 300 for row in rows)


def test_a_note_says_what_a_function_saw_where_it_was_asked():
    assert lines("success() && always()", notes={"success": "build failure", "always": "x"}) == [
        "success() && always() → false", "  success() → false (build failure)", "  always() not looked at",
    ]  # fmt: skip


def test_rows_survive_as_json():
    rows = trace(parse("env.N == '5' || always()"), CONTEXTS, FUNCTIONS).rows()
    assert [Row.from_json(told) for told in json.loads(json.dumps([row.to_json() for row in rows]))] == rows


LEAVES = st.one_of(
    st.builds(Literal, st.one_of(st.none(), st.booleans(), st.integers(-99, 2**53), st.text(max_size=5))),
    st.builds(Literal, st.floats(allow_nan=False, allow_infinity=False).map(whole)),
    st.sampled_from([Name("github"), Name("matrix"), Name("needs"), Name("env")]),
    st.builds(Call, st.sampled_from(["success", "failure", "always", "cancelled"]), st.just(())),
)


def grown(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(
        st.builds(Index, inner, st.one_of(inner, st.sampled_from(["ref", "os", "a b", "build"]).map(Literal))),
        st.builds(Filter, inner),
        st.builds(Not, inner),
        st.builds(Compare, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), inner, inner),
        st.builds(Logical, st.sampled_from(["&&", "||"]), several),
        st.builds(Call, st.sampled_from(["contains", "startsWith", "join"]), st.tuples(inner, inner)),
        st.builds(Call, st.just("fromJSON"), st.tuples(inner)),
        st.builds(Call, st.just("case"), st.tuples(inner, inner, inner)),
    )


NODES = st.recursive(LEAVES, grown, max_leaves=12)


@given(NODES)
def test_a_traced_evaluation_comes_to_what_a_plain_one_does(node):
    seen = trace(node, CONTEXTS, FUNCTIONS)
    try:
        expected, error = evaluate(node, CONTEXTS, FUNCTIONS), ""
    except ExpressionError as failed:
        expected, error = None, failed.message
    assert (repr(seen.value), seen.error) == (repr(expected), error)
    seen.rows()


@given(NODES)
def test_the_text_of_a_tree_parses_to_the_same_tree(node):
    text = written(node)
    assert written(parse(text)) == text
