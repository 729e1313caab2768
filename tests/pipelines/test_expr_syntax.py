import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import ExpressionError
from pipelines.expr_eval import evaluate
from pipelines.expr_nodes import (
    Call,
    Compare,
    Filter,
    Index,
    Literal,
    Logical,
    Name,
    Not,
    functions_used,
    names_used,
    paths_used,
)
from pipelines.expr_syntax import MAX_LENGTH, parse


def fault(text: str, **known: object) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        parse(text, **known)  # type: ignore[arg-type]
    return caught.value


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("null", Literal(None)),
        ("'it''s ''so'''", Literal("it's 'so'")),
        ("0x1F", Literal(31)),
        ("-.5e1", Literal(-5)),
        ("GitHub.SHA", Index(Name("github"), Literal("SHA"))),
        ("github['sha']", Index(Name("github"), Literal("sha"))),
        ("github . sha", Index(Name("github"), Literal("sha"))),
        ("github.null", Index(Name("github"), Literal("null"))),
        ("env.a-b_1", Index(Name("env"), Literal("a-b_1"))),
        ("needs.*.result", Index(Filter(Name("needs")), Literal("result"))),
        ("needs[*]", Filter(Name("needs"))),
        ("!env", Not(Name("env"))),
        ("TOJSON(env)", Call("toJSON", (Name("env"),))),
        ("1 < 2 == true", Compare("==", Compare("<", Literal(1), Literal(2)), Literal(True))),
        ("1 == 2 == 3", Compare("==", Compare("==", Literal(1), Literal(2)), Literal(3))),
        (
            "1 || 2 && 3 || 4",
            Logical("||", (Literal(1), Logical("&&", (Literal(2), Literal(3))), Literal(4))),
        ),
        ("!1 == 2", Compare("==", Not(Literal(1)), Literal(2))),
    ],
)
def test_an_expression_becomes_this_tree(text: str, tree: object) -> None:
    assert parse(text) == tree


@pytest.mark.parametrize(
    ("text", "kind", "position"),
    [
        ("", "parsing", 1),
        ("  ", "parsing", 3),
        ("1 +2", "parsing", 3),
        ("1 + 2", "lexing", 3),
        ('"text"', "lexing", 1),
        ("'open", "lexing", 1),
        ("'open''", "lexing", 1),
        ("env = 1", "lexing", 5),
        ("env.1a", "lexing", 5),
        ("env.", "parsing", 5),
        ("env..a", "lexing", 5),
        ("(env", "parsing", 5),
        ("env)", "parsing", 4),
        ("env[0", "parsing", 6),
        ("true false", "parsing", 6),
        ("'a'[0]", "parsing", 4),
        ("contains('a',)", "parsing", 14),
        ("contains('a')", "parsing", 1),
        ("1 && always('a')", "parsing", 6),
        ("case(true, 1, false, 2)", "parsing", 1),
        ("0x", "lexing", 1),
        ("12abc", "lexing", 1),
        ("*", "parsing", 1),
    ],
)
def test_a_fault_is_told_with_its_kind_and_position(text: str, kind: str, position: int) -> None:
    error = fault(text)
    assert (error.kind, error.position) == (kind, position)


def test_a_misspelt_name_is_met_with_the_nearest_known_one() -> None:
    assert "did you mean 'github'" in fault("githb.sha").message
    assert "did you mean 'fromJSON'" in fault("fromJSN('1')").message
    assert "did you mean 'true'" in fault("True").message


def test_a_name_of_another_position_is_not_called_unknown() -> None:
    assert "cannot be used here" in fault("secrets.T", names=["github"]).message
    assert "cannot be used here" in fault("hashFiles('a')", functions=[]).message


def test_the_built_in_functions_are_known_whatever_special_ones_are_allowed() -> None:
    assert parse("contains('a', 'b')", functions=[]) == Call("contains", (Literal("a"), Literal("b")))


def test_only_the_given_names_are_known() -> None:
    assert parse("Foo.x", names={"foo"}) == Index(Name("foo"), Literal("x"))
    assert fault("github.x", names={"foo"}).kind == "parsing"


@pytest.mark.parametrize(
    "text",
    [
        "(" * 51 + "1" + ")" * 51,
        "!" * 50 + "true",
        "(" * 20_000,
        "env" + ".a" * 50,
        " == ".join("1" * 60),
        "env" + "[env" * 60 + "]" * 60,
        "format('a', " * 60 + "1" + ")" * 60,
    ],
)
def test_more_than_fifty_levels_are_refused(text: str) -> None:
    error = fault(text)
    assert error.kind == "parsing"
    assert "50 levels" in error.message


def test_the_deepest_expression_allowed_needs_little_of_the_stack() -> None:
    text = "1 || 1 && 1 == 1 < (" * 12 + "1" + ")" * 12
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(400)
    try:
        assert evaluate(parse(text), {}) == 1
    finally:
        sys.setrecursionlimit(limit)


def test_long_chains_that_are_not_deep_are_accepted() -> None:
    assert len(parse(" && ".join("1" * 2000)).operands) == 2000  # type: ignore[attr-defined]
    assert parse("env" + ".a" * 49)


def test_more_than_the_longest_length_is_refused() -> None:
    assert parse("'" + "x" * (MAX_LENGTH - 2) + "'")
    assert fault("'" + "x" * (MAX_LENGTH - 1) + "'").kind == "lexing"


def test_what_an_expression_uses_is_told_without_evaluating_it() -> None:
    node = parse("needs.a.outputs[env.KEY].x && contains(github.event.*.id, 1) || ALWAYS() || (vars)")
    assert names_used(node) == {"needs", "env", "github", "vars"}
    assert functions_used(node) == {"contains", "always"}
    assert paths_used(node) == {
        ("needs", "a", "outputs"),
        ("env", "KEY"),
        ("github", "event", "*", "id"),
        ("vars",),
    }


WORDS = st.sampled_from(
    [
        "env",
        "github",
        ".a",
        ".*",
        "[",
        "]",
        "(",
        ")",
        "!",
        "&&",
        "||",
        "==",
        "<",
        ">=",
        "'x'",
        "1",
        "-",
        ",",
        " ",
        "format(",
        "*",
        "'",
        "NaN",
    ]
)


@given(st.one_of(st.text(max_size=60), st.lists(WORDS, max_size=80).map("".join)))
def test_any_text_is_read_or_refused_with_a_position_inside_it(text: str) -> None:
    try:
        parse(text)
    except ExpressionError as error:
        assert error.kind in ("lexing", "parsing")
        assert error.position is not None
        assert 1 <= error.position <= len(text) + 1
