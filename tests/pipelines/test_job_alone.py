"""One job of a plan with nothing but what it needs."""

from pipelines.called import Called, WorkflowRef
from pipelines.job_alone import job_alone
from pipelines.parse import parse_workflow
from pipelines.plan import RunPlan, plan_run
from tests.pipelines.test_plan import CONTEXTS, job, plan


def names(planned: RunPlan | None) -> list[str]:
    assert planned is not None
    return [one.name for one in planned.jobs]


def test_a_job_is_left_with_what_it_needs_at_any_distance() -> None:
    whole = plan(job("a") + job("b", "needs: a") + job("c", "needs: b") + job("d", "needs: a"))
    assert names(job_alone(whole, "c", None, -100)) == ["a", "b", "c"]
    assert job_alone(whole, "x", None, -100) is None


def test_of_a_matrix_one_cell_is_left_but_all_cells_of_a_need() -> None:
    matrix = "strategy: {matrix: {v: [1, 2]}}"
    whole = plan(job("a", matrix) + job("b", f"needs: a, {matrix}"))
    assert names(job_alone(whole, "b", {"v": 2}, -100)) == ["a (1)", "a (2)", "b (2)"]
    assert job_alone(whole, "b", {"v": 3}, -100) is None


def test_a_matrix_that_is_settled_late_stays_whole() -> None:
    whole = plan(job("a") + job("b", "needs: a, strategy: {matrix: {v: '${{ fromJSON(needs.a.outputs.v) }}'}}"))
    assert names(job_alone(whole, "b", {"v": 2}, -100)) == ["a", "b"]


def test_it_is_in_no_group_at_this_priority_and_not_retried() -> None:
    head = "concurrency: {group: all, cancel-in-progress: true}\nrun-name: Mine"
    rest = "retry: 3, priority: 50, hold: on-failure, concurrency: g"
    alone = job_alone(plan(job("a", rest) + job("b", f"needs: a, {rest}"), head), "b", None, -100)
    assert alone is not None
    assert (alone.concurrency_group, alone.cancel_in_progress, alone.priority, alone.title) == (None, False, -100, "")
    need, wanted = alone.jobs
    assert {(one.priority, one.concurrency_group) for one in alone.jobs} == {(-100, None)}
    assert wanted.retry is None and not wanted.hold and not need.hold
    assert need.retry is not None, "what it needs may do again what chance spoilt"


CALLED = """
on: workflow_call
jobs:
  x: {runs-on: x, steps: [{run: 'true'}]}
  y: {runs-on: x, steps: [{run: 'true'}], needs: x}
  z: {runs-on: x, steps: [{run: 'true'}]}
"""


def calling() -> RunPlan:
    """a, then calls of the same workflow: `one` after a, and `two`, a matrix, after `one`; b needs `one`."""
    text = """
on: push
jobs:
  a: {runs-on: x, steps: [{run: 'true'}]}
  one: {needs: a, uses: ./.github/workflows/c.yml}
  two: {needs: one, strategy: {matrix: {v: [1, 2]}}, uses: ./.github/workflows/c.yml}
  b: {needs: one, runs-on: x, steps: [{run: 'true'}]}
"""
    called = Called(WorkflowRef(".github/workflows/c.yml"), parse_workflow(CALLED, ".github/workflows/c.yml"))
    workflow = parse_workflow(text, "ci.yml")
    return plan_run(workflow, CONTEXTS, calls={".github/workflows/c.yml": called})


def test_a_called_job_is_left_with_its_caller_and_what_both_need() -> None:
    whole = calling()
    assert names(job_alone(whole, "one/y", None, -100)) == ["a", "one", "one / x", "one / y"]
    deep = names(job_alone(whole, "two#1/z", None, -100))
    assert deep == ["a", "one", "one / x", "one / y", "one / z", "two (2)", "two (2) / z"]


def test_a_call_that_is_needed_is_needed_whole() -> None:
    assert names(job_alone(calling(), "b", None, -100)) == ["a", "one", "one / x", "one / y", "one / z", "b"]
