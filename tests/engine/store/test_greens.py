"""What is an ordinary green, and what looks like one and is none."""

import pytest

from engine.store import greens, reports, run_news
from engine.store.greens import Green, latest_green
from engine.store.tables.runs import JobRow, RunRow
from tests.engine.fakes import FAILURE, Lab, jobs


def done(lab: Lab, *, green: bool = True, ref: str = "refs/heads/main") -> int:
    run_id = lab.run(jobs(a="", b="needs: a"), ref=ref)
    lab.work({} if green else {"b": FAILURE})
    return run_id


def patch(run_id: int, key: str = "a") -> None:
    JobRow.update(patched=True).where((JobRow.run_id == run_id) & (JobRow.key == key)).execute()


def bisect(run_id: int) -> None:
    RunRow.update(bisect_id=1).where(RunRow.id == run_id).execute()


def green_runs(lab: Lab) -> list[int]:
    """Ask both ways of saying it."""
    by_clause = [run.id for run in RunRow.select(RunRow.id).where(greens.is_green()).order_by(RunRow.id)]
    in_words = lab.store.database.rows(f"SELECT id FROM run AS r WHERE {greens.green_sql('r')} ORDER BY id")
    assert by_clause == [run_id for (run_id,) in in_words]
    return by_clause


def last(name: str = "a", **where: object) -> int | None:
    found = latest_green(1, RunRow.get().workflow_path, name, **where)
    return found.run_id if found else None


def test_a_run_is_green_when_it_succeeded_untouched_and_for_its_commit(lab: Lab) -> None:
    runs = [done(lab), done(lab, green=False), done(lab), done(lab)]
    patch(runs[2])
    bisect(runs[3])
    assert green_runs(lab) == [runs[0]]


def test_one_patched_job_of_many_is_enough(lab: Lab) -> None:
    run_id = done(lab)
    patch(run_id, "b")
    assert green_runs(lab) == []


def test_the_latest_green_names_the_job_and_the_attempt_that_succeeded(lab: Lab) -> None:
    run_id = lab.run(jobs(a="retry: {max: 2, backoff: 1s, jitter: 0}"))
    lab.finish(lab.start(), FAILURE)
    lab.clock.advance(10)
    lab.tick()
    lab.work({})
    job = lab.named(run_id, "a")
    run = lab.store.queries.run(run_id)
    assert latest_green(1, run.workflow_path, "a") == Green(run_id, job.id, 2, run.sha)


def test_the_latest_green_is_the_newest_of_those_asked_for(lab: Lab) -> None:
    first = done(lab)
    other = done(lab, ref="refs/heads/other")
    red = done(lab, green=False)
    assert last() == other
    assert last(ref="refs/heads/main") == first
    assert last(before=other) == first
    assert last(before=first) is None
    assert last("b", before=red) == other
    assert last("unheard-of") is None
    assert latest_green(2, RunRow.get().workflow_path, "a") is None


@pytest.mark.parametrize("mark", [patch, bisect])
def test_what_is_no_ordinary_green_is_never_the_latest(lab: Lab, mark) -> None:
    good, marked = done(lab), done(lab)
    mark(marked)
    assert last() == good


def test_a_job_that_was_skipped_in_a_green_run_was_green_before_that(lab: Lab) -> None:
    before = done(lab)
    run_id = lab.run(jobs(a="", b="needs: a, if: false"))
    lab.work({})
    assert lab.statuses(run_id) == {"a": "success", "b": "skipped"}
    assert (last("a"), last("b")) == (run_id, before)


def test_a_patched_job_is_looked_for_in_an_index_of_those_alone(lab: Lab) -> None:
    plan = lab.store.database.rows(f"EXPLAIN QUERY PLAN SELECT id FROM run WHERE {greens.green_sql('run')}")
    assert any("job_patched" in row[3] for row in plan)


def test_what_a_run_says_of_its_commit_is_red_once_it_was_patched_and_nothing_of_a_bisection(lab: Lab) -> None:
    good, red, patched, trial = done(lab), done(lab, green=False), done(lab), done(lab)
    patch(patched)
    bisect(trial)
    assert greens.standings([good, red, patched, trial]) == {good: "success", red: "failed", patched: "failed"}


def test_the_outside_hears_of_no_bisection_and_of_no_patched_success(lab: Lab) -> None:
    good, patched, trial = done(lab), done(lab), done(lab)
    patch(patched)
    bisect(trial)
    last = lab.store.queries.last_sequence()
    assert {change.run_id for change in reports.run_changes(0, last)} == {good, patched}
    ended = [(one.run_id, str(one.status)) for one in run_news.run_news(0, last) if one.action == run_news.COMPLETED]
    assert ended == [(good, "success"), (patched, "failed")]


def test_what_a_bisection_came_to_is_nothing_that_a_later_run_mends(lab: Lab) -> None:
    done(lab)
    lab.store.runs.event(1, "1", "push", {}, lab.clock.now())  # whose all runs of a lab are
    bisect(done(lab, green=False))
    facts = reports.run_facts(done(lab))
    assert facts is not None and not reports.failed_before(facts, lab.store.queries.last_sequence())
