"""One job of a plan with nothing but what it needs."""

from pipelines.job_alone import job_alone
from pipelines.plan import RunPlan
from tests.pipelines.test_plan import job, plan


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
    rest = "retry: 3, priority: 50, concurrency: g"
    alone = job_alone(plan(job("a", rest) + job("b", f"needs: a, {rest}"), head), "b", None, -100)
    assert alone is not None
    assert (alone.concurrency_group, alone.cancel_in_progress, alone.priority, alone.title) == (None, False, -100, "")
    need, wanted = alone.jobs
    assert {(one.priority, one.concurrency_group) for one in alone.jobs} == {(-100, None)}
    assert wanted.retry is None
    assert need.retry is not None, "what it needs may do again what chance spoilt"
