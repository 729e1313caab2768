"""The laws of the plan."""

import json
import re

import pytest

from pipelines.errors import WorkflowError
from pipelines.json_value import Json
from pipelines.model import RetryPolicy, Workflow
from pipelines.parse import parse_workflow
from pipelines.plan import JobPlan, RunPlan, expand_job, late_concurrency, plan_run

CONTEXTS: dict[str, Json] = {
    "github": {"ref": "refs/heads/Main", "actor": "ada", "run_number": "4"},
    "inputs": {"who": "bob"},
    "vars": {"V": "9"},
}
STEPS = "steps: [{run: 'true'}]"


def workflow(jobs: str, head: str = "") -> Workflow:
    return parse_workflow(f"on: push\n{head}\njobs:\n{jobs}", "ci.yml")


def plan(jobs: str, head: str = "", **more: frozenset[str]) -> RunPlan:
    return plan_run(workflow(jobs, head), CONTEXTS, **more)


def job(key: str, rest: str = "") -> str:
    return f"  {key}: {{runs-on: x, {STEPS}{', ' + rest if rest else ''}}}\n"


def names(planned: RunPlan) -> list[str]:
    return [one.name for one in planned.jobs]


def test_a_matrix_becomes_a_job_a_cell_in_order() -> None:
    planned = plan(job("test", "strategy: {max-parallel: 2, fail-fast: false, matrix: {py: [3.11, 3.12], os: [a]}}"))
    assert names(planned) == ["test (3.11, a)", "test (3.12, a)"]
    second = planned.jobs[1]
    assert second.matrix == {"py": 3.12, "os": "a"}
    assert (second.job_index, second.job_total, second.max_parallel, second.fail_fast) == (1, 2, 2, False)


def test_a_name_is_evaluated_or_gets_the_values_behind_it() -> None:
    matrix = "strategy: {matrix: {os: [x, y]}}"
    planned = plan(
        job("a", "name: '${{ matrix.os }} ${{ strategy.job-index }}-${{ strategy.job-total }}', " + matrix)
        + job("b", "name: Plain, strategy: {matrix: {os: [x]}}")
        + job("c", "name: '${{ inputs.none }}'")
        + job("d", "name: 'For ${{ github.actor }}'")
    )
    assert names(planned) == ["x 0-2", "y 1-2", "Plain (x)", "c", "For ada"]


def test_names_are_unique_within_a_run() -> None:
    planned = plan(
        job("a", "name: Same")
        + job("b", "name: Same (2)")
        + job("c", "name: '${{ github.actor }}', strategy: {matrix: {n: [1, 2]}}")
        + job("d", "name: Same")
    )
    assert names(planned) == ["Same", "Same (2)", "ada", "ada (2)", "Same (3)"]


def test_needs_make_a_job_dynamic_until_they_are_done() -> None:
    text = job("a") + job(
        "b",
        "needs: a, name: 'B ${{ matrix.n }}', strategy: {max-parallel: '${{ fromJSON(needs.a.outputs.most) }}', "
        "matrix: {n: '${{ fromJSON(needs.a.outputs.list) }}'}}",
    )
    stands_for = plan(text).jobs[1]
    assert stands_for.dynamic
    assert (stands_for.name, stands_for.matrix, stands_for.needs) == ("b", None, ("a",))
    needs: Json = {"a": {"result": "success", "outputs": {"list": "[5, 6]", "most": "1"}}}
    cells = expand_job(workflow(text), stands_for, {**CONTEXTS, "needs": needs}, taken=["B 5"])
    assert [one.name for one in cells] == ["B 5 (2)", "B 6"]
    assert [one.matrix for one in cells] == [{"n": 5}, {"n": 6}]
    assert not any(one.dynamic for one in cells)
    assert cells[0].max_parallel == 1


@pytest.mark.parametrize("value", ["[]", "", '"x"', "{"])
def test_a_dynamic_matrix_that_gives_no_jobs_is_the_workflows_fault(value: str) -> None:
    text = job("a") + job("b", "needs: a, strategy: {matrix: {n: '${{ fromJSON(needs.a.outputs.list) }}'}}")
    needs: Json = {"a": {"result": "success", "outputs": {"list": value}}}
    with pytest.raises(WorkflowError, match=r"ci.yml:\d+:\d+: error: "):
        expand_job(workflow(text), plan(text).jobs[1], {**CONTEXTS, "needs": needs})


@pytest.mark.parametrize(
    ("value", "matrices"),
    [
        ('{"include": [{"a": 1}, {"a": 2}]}', [{"a": 1}, {"a": 2}]),
        ('{"n": [1, 2], "exclude": [{"n": 1}], "include": [{"n": 2, "more": true}]}', [{"n": 2, "more": True}]),
        ('{"n": []}', None), ('{"include": []}', None), ('{"n": [1], "exclude": [{"n": 1}]}', None), ("[]", None),
    ],
)  # fmt: skip
def test_a_whole_matrix_may_come_from_a_job(value: str, matrices: Json) -> None:
    text = job("a") + job("b", "needs: a, strategy: {matrix: '${{ fromJSON(needs.a.outputs.all) }}'}")
    contexts = {**CONTEXTS, "needs": {"a": {"result": "success", "outputs": {"all": value}}}}
    if matrices is None:
        with pytest.raises(WorkflowError):
            expand_job(workflow(text), plan(text).jobs[1], contexts)
    else:
        assert [one.matrix for one in expand_job(workflow(text), plan(text).jobs[1], contexts)] == matrices


def test_a_strategy_may_be_one_expression() -> None:
    contexts = {**CONTEXTS, "vars": {"S": '{"matrix": {"n": [1, 2]}, "fail-fast": false, "max-parallel": 1}'}}
    planned = plan_run(workflow(job("a", "strategy: '${{ fromJSON(vars.S) }}'")), contexts)
    assert [(one.matrix, one.fail_fast, one.max_parallel) for one in planned.jobs] == [
        ({"n": 1}, False, 1),
        ({"n": 2}, False, 1),
    ]


@pytest.mark.parametrize(("value", "words"), [("[1]", "mapping, not a list"), ('{"matrx": {}}', "no key 'matrx'")])
def test_an_expression_that_is_no_strategy_is_refused(value: str, words: str) -> None:
    with pytest.raises(WorkflowError, match=words):
        plan_run(workflow(job("a", "strategy: '${{ fromJSON(vars.S) }}'")), {**CONTEXTS, "vars": {"S": value}})


def test_the_title_and_the_groups_are_evaluated() -> None:
    group = "{group: 'Env-${{ matrix.n }}', cancel-in-progress: true}"
    planned = plan(
        job("a", "strategy: {matrix: {n: [1, 2]}}, concurrency: " + group) + job("b", "concurrency: shared"),
        "run-name: Run ${{ github.run_number }} by ${{ inputs.who }}\n"
        "concurrency: {group: 'G-${{ github.ref }}', cancel-in-progress: \"${{ github.ref != 'refs/heads/main' }}\"}",
    )
    assert planned.title == "Run 4 by bob"
    assert planned.concurrency_group == "g-refs/heads/main"
    assert planned.cancel_in_progress is False
    assert [one.concurrency_group for one in planned.jobs] == ["env-1", "env-2", "shared"]
    assert [one.cancel_in_progress for one in planned.jobs] == [True, True, False]


def test_a_group_that_hangs_on_needs_is_settled_late() -> None:
    text = job("a") + job("b", "needs: a, concurrency: 'e-${{ needs.a.outputs.e }}', strategy: {matrix: {n: [1]}}")
    late = plan(text).jobs[1]
    assert late.concurrency_late
    assert late.concurrency_group is None
    needs: Json = {"a": {"result": "success", "outputs": {"e": "Live"}}}
    settled = late_concurrency(workflow(text), late, {**CONTEXTS, "needs": needs})
    assert (settled.concurrency_group, settled.concurrency_late, settled.matrix) == ("e-live", False, {"n": 1})


def test_a_jobs_priority_wins_over_the_workflows() -> None:
    planned = plan(job("a") + job("b", "priority: 0, retry: {max: 2, backoff: 1s}"), "priority: 7")
    assert planned.priority == 7
    assert [one.priority for one in planned.jobs] == [7, 0]
    assert planned.jobs[1].retry == RetryPolicy(max=2, backoff_s=1.0)


def test_the_remaining_path_is_that_of_the_planned_jobs() -> None:
    text = job("a") + job("b", "needs: a") + job("c", "needs: [a, b]") + job("d")
    assert [one.remaining_path for one in plan(text).jobs] == [3, 2, 1, 1]
    assert [one.remaining_path for one in plan(text, only=frozenset({"b"})).jobs] == [2, 1]


def test_only_what_was_asked_for_and_its_needs_are_planned() -> None:
    text = job("a") + job("b", "needs: a") + job("c", "needs: b") + job("d")
    assert [one.key for one in plan(text, only=frozenset({"b", "d"})).jobs] == ["a", "b", "d"]
    with pytest.raises(WorkflowError, match=re.escape("there is no job 'bb' (did you mean 'b'?)")):
        plan(text, only=frozenset({"bb"}))


def test_every_place_that_fails_is_named_at_once_in_order() -> None:
    with pytest.raises(WorkflowError) as caught:
        plan(
            job("a", "name: \"${{ fromJSON('{') }}\"")
            + job("b", "strategy: {fail-fast: '${{ github.actor }}', matrix: {n: [1]}}")
            + job("c", "strategy: {max-parallel: '${{ github.actor }}', matrix: {n: [1]}}")
            + job("d", "strategy: {matrix: {n: '${{ github.actor }}'}}")
            + job("e", "concurrency: '${{ inputs.none }}'"),
            "run-name: \"${{ fromJSON('{') }}\"",
        )
    messages = [finding.message for finding in caught.value.findings]
    lines = [finding.place.line for finding in caught.value.findings]
    assert lines == [2, 4, 5, 6, 7, 8]
    assert "fromJSON" in messages[0]
    assert "fromJSON" in messages[1]
    assert "true or false, not 'ada'" in messages[2]
    assert "whole number from 1, not 'ada'" in messages[3]
    assert "'n' is a list of values, not 'ada'" in messages[4]
    assert "the concurrency group is empty" in messages[5]


def test_a_plan_survives_json() -> None:
    planned = plan(
        job("a", "retry: 2, strategy: {matrix: {n: [1, {x: [y]}]}}, concurrency: g")
        + job("b", "needs: a, name: '${{ needs.a.result }}'"),
        "concurrency: top",
    )
    assert RunPlan.from_json(json.loads(json.dumps(planned.to_json()))) == planned
    first = planned.jobs[0]
    assert JobPlan.from_json(json.loads(json.dumps(first.to_json()))) == first


def test_thousands_of_jobs_are_planned() -> None:
    text = "".join(job(f"j{n}", f"needs: j{n - 1}" if n else "") for n in range(1500))
    planned = plan(text)
    assert len(planned.jobs) == 1500
    assert planned.jobs[0].remaining_path == 1500
