"""What the store says of the promises: from real rows, by a clock that the test sets."""

import pytest

from engine.core.retry import Outcome
from engine.core.slo import Spread
from engine.settings.model import Slo
from engine.store.slo import SloReporter, slo_report
from engine.store.tables.columns import DATABASE
from engine.store.tables.runs import JobRow, RunRow
from tests.engine.fakes import Lab, jobs

OVERRAN = Outcome("overran", "timed_out", None, "over its time")
UNAVAILABLE = Outcome("failed", "unavailable", None, "no image")


@pytest.fixture
def lab(tmp_path):
    lab = Lab(tmp_path / "home")
    yield lab
    lab.close()


def event(lab: Lab, delivery: str) -> int:
    repo = lab.store.runs.repo("team/site", "/srv/site")
    return lab.store.runs.event(repo, delivery, "push", {}, lab.clock.now())[0]


def hour(lab: Lab, index: int = 0):
    return slo_report(Slo(), lab.clock.now()).windows[index]


def test_a_trigger_ends_with_the_first_job_of_any_of_its_runs(lab):
    one = event(lab, "1")
    lab.clock.advance(1)
    lab.run(jobs(a=""), event_id=one)
    lab.run(jobs(a=""), event_id=one)
    lab.clock.advance(2)
    lab.finish(lab.start())
    lab.clock.advance(5)
    lab.finish(lab.start())
    assert hour(lab).trigger == Spread(1, 3.0, 3.0, 3.0)
    assert hour(lab).queue_wait == Spread(2, 2.0, 7.0, 7.0)
    assert hour(lab).trigger_in_time == 1


def test_an_event_that_waited_for_a_person_is_no_late_trigger(lab):
    run = lab.run(jobs(a=""), event_id=event(lab, "1"), blocked=True)
    assert lab.status(run) == "blocked"
    with lab.store.database.write():
        from engine.store import transitions
        from engine.store.transitions import Change

        lab.clock.advance(3600 * 5)
        transitions.change_run(run, "blocked", Change("approved", lab.clock.now(), "ada"))
    lab.tick()
    lab.finish(lab.start())
    assert hour(lab).trigger == Spread(0)
    assert hour(lab).succeeded == 1


def test_failures_are_told_apart_and_a_retried_success_is_a_success(lab):
    run = lab.run(jobs(a="", b="", c="", d="", e="needs: a"), event_id=event(lab, "1"))
    ends = {"a": UNAVAILABLE, "b": OVERRAN, "c": Outcome("failed", "failure", 1, "exit code 1")}
    lab.work(ends)
    assert lab.statuses(run) == {"a": "failed", "b": "timed_out", "c": "failed", "d": "success", "e": "skipped"}
    now = hour(lab)
    assert (now.succeeded, now.failed_by_code, now.failed_by_system) == (1, 2, 1)
    lab.retry(run, "c")
    lab.work()
    now = hour(lab)
    assert (now.succeeded, now.failed_by_code, now.failed_by_system) == (2, 1, 1)


def test_a_failure_that_the_workflow_allows_counts_neither_way(lab):
    lab.run(jobs(a=""), event_id=event(lab, "1"))
    lab.finish(lab.start(), Outcome("failed", "failure", 1, ""), tolerated=True)
    assert hour(lab).ended == 0
    assert hour(lab).completion is None


def test_each_attempt_waits_for_itself(lab):
    run = lab.run(jobs(a=""), event_id=event(lab, "1"))
    lab.clock.advance(4)
    lab.fail(lab.start())
    lab.clock.advance(1000)
    lab.retry(run, "a")
    lab.clock.advance(2)
    lab.finish(lab.start())
    assert hour(lab).queue_wait == Spread(2, 2.0, 4.0, 4.0)
    assert hour(lab).trigger == Spread(1, 4.0, 4.0, 4.0)


def test_what_is_older_than_a_window_is_not_in_it(lab):
    lab.run(jobs(a=""), event_id=event(lab, "1"))
    lab.work()
    lab.clock.advance(2 * 3600)
    assert [hour(lab, index).succeeded for index in range(3)] == [0, 1, 1]


def test_an_answer_is_kept_for_a_moment(lab):
    reporter = SloReporter(Slo)
    assert reporter.report(lab.clock.now()).windows[0].succeeded == 0
    lab.run(jobs(a=""), event_id=event(lab, "1"))
    lab.work()
    lab.clock.advance(1)
    assert reporter.report(lab.clock.now()).windows[0].succeeded == 0
    lab.clock.advance(10)
    assert [one.succeeded for one in reporter.report(lab.clock.now()).windows] == [1, 0, 0]
    lab.clock.advance(30)
    assert [one.succeeded for one in reporter.report(lab.clock.now()).windows] == [1, 1, 1]


def test_no_window_is_measured_by_a_whole_table(lab, monkeypatch):
    """Every step of every plan is a search of an index, or a scan of that of the few jobs that were patched."""
    run = lab.run(jobs(a=""), event_id=event(lab, "1"))
    lab.work()
    database = DATABASE.obj
    asked = []
    execute = database.execute_sql
    monkeypatch.setattr(database, "execute_sql", lambda sql, *more: asked.append((sql, more)) or execute(sql, *more))
    hour(lab)
    monkeypatch.undo()
    plans = [row[3] for sql, more in asked for row in execute(f"EXPLAIN QUERY PLAN {sql}", *more)]
    scans = [line for line in plans if line.startswith("SCAN") and not line.endswith("USING INDEX job_patched")]
    assert run and plans and not scans


def test_a_patched_job_is_no_success_and_a_bisection_counts_neither_way(lab):
    patched, trial, _ = (lab.run(jobs(a=""), event_id=event(lab, str(n))) for n in range(3))
    lab.work()
    JobRow.update(patched=True).where(JobRow.run_id == patched).execute()
    RunRow.update(bisect_id=1).where(RunRow.id == trial).execute()
    now = hour(lab)
    assert (now.succeeded, now.failed_by_code, now.failed_by_system) == (1, 1, 0)
    assert (now.trigger.count, now.queue_wait.count) == (2, 2)
