from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.contexts import AVAILABILITY, CONTEXTS, SPECIAL_FUNCTIONS, allowed
from pipelines.errors import ExpressionError, Place
from pipelines.template import Condition, Template, resolve

STATES = ("success", "failure", "cancelled")
VALUES: dict[str, Any] = {
    "github": {"actor": "octocat", "title": "${{ secrets.T }}", "event_name": "push"},
    "matrix": {"v": 3.5, "list": [1, 2], "nul": None, "no": False},
    "secrets": {"T": "hidden"},
}


def fault(text: str) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        Template.parse(text)
    return caught.value


def runs(text: str) -> list[str]:
    """Return the states so far in which `if: text` holds."""
    condition = Condition.parse(text)

    def functions(state: str) -> dict[str, Any]:
        return {"always": lambda: True} | {name: lambda name=name: name == state for name in STATES}

    return [state for state in STATES if condition.evaluate(VALUES, functions(state))]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", ""),
        ("plain }} text", "plain }} text"),
        ("${{ matrix.v }}", 3.5),
        ("${{ matrix.list }}", [1, 2]),
        ("${{ matrix.nul }}", None),
        (" ${{ matrix.v }}", " 3.5"),
        ("${{ matrix.v }}${{ matrix.nul }}", "3.5"),
        ("a ${{ '}}' }} b", "a }} b"),
        ("{0} ${{ 'it''s' }} {1}", "{0} it's {1}"),
        ("$${{ github.actor }}}", "$octocat}"),
        ("${{\n github.actor\n}}", "octocat"),
        ("${{ format('{0}}}', 1) }}", "1}"),
    ],
)
def test_one_lone_expression_keeps_its_type_and_all_else_is_text(text: str, value: Any) -> None:
    assert Template.parse(text).value(VALUES) == value


def test_a_value_is_never_evaluated_a_second_time() -> None:
    assert Template.parse("${{ github.title }}").value(VALUES) == "${{ secrets.T }}"
    assert Template.parse("x ${{ github.title }}").string(VALUES) == "x ${{ secrets.T }}"


def test_a_literal_is_never_parsed() -> None:
    template = Template.literal("${{ broken", Place(3, 4))
    assert template.is_literal
    assert template.value(VALUES) == "${{ broken"
    assert template.place == Place(3, 4)


def test_a_template_tells_what_it_uses() -> None:
    template = Template.parse("${{ needs.a.outputs.x }} and ${{ github.actor }}")
    assert not template.is_literal
    assert template.names == {"needs", "github"}
    assert template.paths == {("needs", "a", "outputs", "x"), ("github", "actor")}
    assert Template.parse("none").names == frozenset()


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("${{ github.actor", 1),
        ("ab ${{ 'open }}", 4),
        ("ab ${{ 1 }} ${{", 13),
        ("ab ${{ github.actr + 1 }}", 20),
        ("ab ${{ }}", 8),
        ("ab ${{ githb.a }}", 8),
    ],
)
def test_a_fault_is_placed_in_the_whole_text(text: str, position: int) -> None:
    assert fault(text).position == position


@given(st.text(alphabet="${} '}a\n", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        template = Template.parse(text)
    except ExpressionError as error:
        assert error.position is not None and 1 <= error.position <= len(text) + 1
    else:
        assert template.is_literal is ("${{" not in text)


@pytest.mark.parametrize("tail", ["'" * 199_999, "}x" * 100_000, "'x'" * 66_666 + "'"])
def test_a_long_unclosed_expression_is_refused_at_its_opening(tail: str) -> None:
    assert fault("${{ " + tail).position == 1


def test_a_tree_is_resolved_leaf_by_leaf() -> None:
    tree: Any = {"a": [Template.parse("${{ matrix.v }}"), 1, None], "b": {"c": Template.parse("x${{ 1 }}")}}
    assert resolve(tree, VALUES) == {"a": [3.5, 1, None], "b": {"c": "x1"}}


def test_an_expression_that_is_a_list_gives_its_elements_to_the_list_it_stands_in() -> None:
    tree: Any = [0, Template.parse("${{ matrix.list }}"), [Template.parse("${{ matrix.list }}")]]
    assert resolve(tree, VALUES) == [0, 1, 2, [1, 2]]


@pytest.mark.parametrize(
    ("text", "states"),
    [
        ("", ["success"]),
        ("true", ["success"]),
        ("${{ true }}", ["success"]),
        ("false", []),
        ("'false'", ["success"]),
        ("  github.event_name == 'PUSH'\n", ["success"]),
        ("failure()", ["failure"]),
        ("${{ Failure() }}", ["failure"]),
        ("always()", list(STATES)),
        ("!cancelled()", ["success", "failure"]),
        ("true && (failure() || cancelled())", ["failure", "cancelled"]),
        ("'failure()'", ["success"]),
        ("matrix.no || matrix.nul", []),
        ("${{ matrix.no }} == 'true'", ["success"]),
        ("${{ always() }} {x}", list(STATES)),
    ],
)
def test_a_condition_that_asks_for_no_status_wants_success(text: str, states: list[str]) -> None:
    assert runs(text) == states


def test_a_condition_with_text_around_its_expression_says_so() -> None:
    assert Condition.parse("${{ matrix.no }} == 'true'").is_mixed
    assert Condition.parse("${{ matrix.no }}\n").is_mixed
    assert not Condition.parse("${{ matrix.no }}").is_mixed
    assert not Condition.parse("matrix.no\n").is_mixed


def test_a_condition_tells_what_it_uses() -> None:
    assert Condition.parse("needs.a.result == 'success'").names == {"needs"}
    assert Condition.parse("x ${{ needs.a.result }}").paths == {("needs", "a", "result")}


def test_a_fault_in_a_condition_is_placed_in_its_text() -> None:
    with pytest.raises(ExpressionError) as caught:
        Condition.parse("  true }}")
    assert caught.value.position == 8


def test_each_position_allows_known_names_alone() -> None:
    for names, functions in AVAILABILITY.values():
        assert names <= CONTEXTS
        assert functions <= SPECIAL_FUNCTIONS


def test_conditions_never_see_secrets_and_jobs_know_no_steps() -> None:
    step_names, step_functions = allowed("jobs.<job_id>.steps.if")
    assert "secrets" not in step_names and "steps" in step_names and "hashFiles" in step_functions
    assert allowed("jobs.<job_id>.if")[0] == {"github", "needs", "vars", "inputs"}
    assert allowed("jobs.<job_id>.steps.run")[1] == {"hashFiles"}
    with pytest.raises(KeyError):
        allowed("jobs.<job_id>.needs")
