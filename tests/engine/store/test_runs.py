"""Recording runs, all or nothing."""

import pytest

from engine.core.moves import JobMove
from engine.store.repos import KnownRepo, known_repo
from engine.store.tables.runs import EdgeRow, JobRow, RunRow, TransitionRow
from pipelines.plan import JobPlan, RunPlan
from tests.engine.fakes import START, jobs


def test_a_plan_that_raises_leaves_nothing_behind(lab):
    def broken(run_id, number):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        lab.run(jobs(a=""), plan=broken)
    with pytest.raises(ValueError, match="without jobs"):
        lab.run(jobs(a=""), plan=lambda *_: RunPlan("", None, False, False, 1, 0, ()))
    assert RunRow.select().count() == JobRow.select().count() == TransitionRow.select().count() == 0
    assert lab.store.queries.run(lab.run(jobs(a=""))).number == 1


def test_runs_are_numbered_by_workflow(lab):
    numbers = [lab.store.queries.run(lab.run(jobs(a=""), **more)).number for more in ({}, {}, {"workflow_path": "b"})]
    other = lab.store.queries.run(lab.run(jobs(a=""), repo="team/other")).number
    assert (numbers, other) == ([1, 2, 1], 1)


def test_a_redelivered_event_is_the_event_that_is_known(lab):
    repo_id = lab.store.runs.repo("team/site", "/srv")
    first = lab.store.runs.event(repo_id, "delivery-1", "push", {"ref": "a"}, START)
    again = lab.store.runs.event(repo_id, "delivery-1", "push", {"ref": "b"}, START)
    other = lab.store.runs.event(lab.store.runs.repo("team/other", "/srv"), "delivery-1", "push", {}, START)
    assert first == (again[0], True)
    assert again[1] is False
    assert other[1] is True


def test_a_repository_that_moved_keeps_its_id(lab):
    first = lab.store.runs.repo("team/site", "/srv/a")
    assert lab.store.runs.repo("team/site", "/srv/b") == first
    assert known_repo("team/site") == KnownRepo(first, "team/site", "/srv/b", "")


def test_each_job_waits_for_every_cell_that_it_needs(lab):
    run_id = lab.plan(
        *(JobPlan("a", f"a ({n})", job_index=n, job_total=3) for n in range(3)), JobPlan("b", "b", needs=("a",))
    )
    last = lab.named(run_id, "b")
    assert len(lab.store.queries.needs(run_id)[last.id]) == 3
    assert JobRow.get_by_id(last.id).unmet == 3
    assert RunRow.get_by_id(run_id).open_jobs == 4


def test_more_edges_than_one_statement_takes_are_recorded(lab):
    wide = [JobPlan("a", f"a{n}", job_index=n, job_total=60) for n in range(60)]
    then = [JobPlan("b", f"b{n}", needs=("a",), job_index=n, job_total=60) for n in range(60)]
    lab.plan(*wide, *then)
    assert EdgeRow.select().count() == 3600


def test_a_run_is_told_from_its_first_moment(lab):
    run_id = lab.run(jobs(a="", b=""), tick=False)
    told = [(line.noun, line.name, line.from_status, line.to_status) for line in lab.store.queries.transitions()]
    assert told == [("run", "CI", "", "queued"), ("job", "a", "", "pending"), ("job", "b", "", "pending")]
    assert {line.run_id for line in lab.store.queries.transitions()} == {run_id}


def test_a_job_that_was_cancelled_meanwhile_is_not_expanded(lab):
    run_id = lab.plan(JobPlan("a", "a", dynamic=True))
    job = lab.named(run_id, "a")
    lab.store.decisions.apply([JobMove(job.id, job.status, "cancelled")], "scheduler", START)
    lab.store.runs.expand(job.id, (JobPlan("a", "a (1)"), JobPlan("a", "a (2)")), "scheduler", START)
    assert lab.statuses(run_id) == {"a": "cancelled"}
    assert (lab.status(run_id), RunRow.get_by_id(run_id).open_jobs) == ("cancelled", 0)


def test_a_job_that_is_to_end_is_not_expanded(lab):
    run_id = lab.plan(JobPlan("a", "a", dynamic=True))
    job = lab.named(run_id, "a")
    lab.store.wishes.ask_cancel(None, job.id, "cancelled by ada", "ada", START)
    lab.store.runs.expand(job.id, (JobPlan("a", "a (1)"), JobPlan("a", "a (2)")), "scheduler", START)
    assert lab.statuses(run_id) == {"a": "pending"}


def test_an_expansion_counts_once(lab):
    run_id = lab.plan(JobPlan("a", "a", dynamic=True), JobPlan("b", "b", needs=("a",)))
    job = lab.named(run_id, "a")
    plans = tuple(JobPlan("a", f"a ({n})", job_index=n, job_total=3) for n in range(3))
    for _ in range(2):
        lab.store.runs.expand(job.id, plans, "scheduler", START)
    assert [job.name for job in lab.store.queries.jobs(run_id)] == ["a (0)", "b", "a (1)", "a (2)"]
    assert JobRow.get_by_id(lab.named(run_id, "b").id).unmet == 3
    assert RunRow.get_by_id(run_id).open_jobs == 4


def test_new_run_plans_with_its_own_id_and_number(lab):
    seen = []

    def plan(run_id, number):
        seen.append((run_id, number))
        return RunPlan(f"Run {number}", None, False, False, 1, 3, (JobPlan("a", "a"),))

    run_id = lab.run(jobs(a=""), plan=plan, tick=False)
    run = lab.store.queries.run(run_id)
    assert seen == [(run_id, 1)]
    assert (run.title, run.priority) == ("Run 1", 3)
