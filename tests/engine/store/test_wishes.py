"""What people ask of runs and jobs: to end, and to run again."""

import pytest

from engine.core.retry import Outcome
from engine.store import transitions
from engine.store.tables.runs import JobRow
from tests.engine.fakes import FAILURE, START, jobs

GROUP = "concurrency: deploy\n"
WHY = ("the run was cancelled", "cancelled by bob")


def fail(*names: str) -> dict[str, Outcome]:
    return dict.fromkeys(names, FAILURE)


def unmet(lab, run_id, name) -> tuple[int, bool, bool]:
    row = JobRow.get_by_id(lab.named(run_id, name).id)
    return row.unmet, row.ancestry_ok, row.ancestry_failed


# cancel


def test_a_cancelled_run_ends_what_waits_and_asks_what_runs(lab):
    run_id = lab.run(jobs(a="", b="", c="needs: a"))
    lease = lab.start()
    assert lab.cancel(run_id)
    assert lab.statuses(run_id) == {"a": "running", "b": "cancelled", "c": "pending"}
    assert lab.store.queue.cancel_asked() == {lease.job_id: ("the run was cancelled", False)}
    lab.finish(lease, Outcome("cancelled", reason="cancelled by ada"))
    assert set(lab.statuses(run_id).values()) == {"cancelled"}
    assert lab.status(run_id) == "cancelled"
    assert lab.store.queries.run(run_id).reason == "cancelled by ada"


def test_a_run_that_waits_is_cancelled_with_all_its_jobs_or_not_at_all(lab, monkeypatch):
    lab.run(GROUP + jobs(a=""))
    waiting = lab.run(GROUP + jobs(a="", b="", c=""))
    before, changes = lab.statuses(waiting), []
    assert lab.status(waiting) == "pending"
    change_job = transitions.change_job

    def broken(job_id, *args, **fields):
        changes.append(job_id)
        if len(changes) == 2:
            raise ZeroDivisionError
        return change_job(job_id, *args, **fields)

    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(transitions, "change_job", broken)
        lab.store.wishes.ask_cancel(waiting, None, "cancelled by ada", "ada", lab.clock.now())
    assert (lab.statuses(waiting), lab.store.queries.run(waiting).cancel_asked_at) == (before, None)
    assert lab.store.wishes.ask_cancel(waiting, None, "cancelled by ada", "ada", lab.clock.now())
    assert set(lab.statuses(waiting).values()) == {"cancelled"}
    assert not lab.store.wishes.ask_cancel(waiting, None, "cancelled by bob", "bob", lab.clock.now())
    assert lab.store.queries.run(waiting).reason == "cancelled by ada"


def test_always_jobs_of_a_cancelled_run_still_run(lab):
    text = jobs(
        a="", clean="needs: a, if: always()", tell="needs: a, if: cancelled()", not_this="needs: a, if: failure()"
    )
    run_id = lab.run(text)
    lease = lab.start()
    lab.cancel(run_id)
    lab.finish(lease, Outcome("cancelled"))
    assert sorted(lab.work()) == ["clean", "tell"]
    assert lab.statuses(run_id)["not_this"] == "cancelled"
    assert lab.status(run_id) == "cancelled"


def test_a_running_always_job_is_let_finish(lab):
    run_id = lab.run(jobs(a="", clean="if: always()"))
    leases = {lab.job(lease.job_id).name: lease for lease in (lab.start(), lab.start())}
    lab.cancel(run_id)
    assert list(lab.store.queue.cancel_asked()) == [leases["a"].job_id]


def test_a_person_may_cancel_only_what_has_not_ended_and_only_once(lab):
    run_id = lab.run(jobs(a=""))
    lease = lab.start()
    assert lab.cancel(run_id)
    assert not lab.cancel(run_id)
    lab.finish(lease)
    assert not lab.cancel(run_id)
    assert not lab.cancel_job(lease.job_id)


def end_now(lab, run_id=None, job_id=None) -> bool:
    return lab.store.wishes.end_now(run_id, job_id, "cancelled by bob", lab.clock.now())


def test_a_run_that_is_ended_at_once_lets_no_job_see_it_through(lab):
    run_id = lab.run(jobs(a="", clean="if: always()", last="needs: a, if: always()"))
    leases = [lab.start(), lab.start()]
    assert not end_now(lab, run_id)
    lab.cancel(run_id)
    assert end_now(lab, run_id)
    assert not end_now(lab, run_id)
    wishes = {lease.job_id: reason for lease, reason in zip(leases, WHY, strict=True)}
    assert lab.store.queue.cancel_asked() == {job_id: (reason, True) for job_id, reason in wishes.items()}
    lab.scheduler.tick()
    assert lab.statuses(run_id)["last"] == "cancelled"
    for lease in leases:
        lab.finish(lease, Outcome("cancelled"))
    assert lab.status(run_id) == "cancelled"
    assert not end_now(lab, run_id)


def test_one_job_is_ended_at_once_and_runs_again_as_any_other(lab):
    run_id = lab.run(jobs(a="", b=""))
    lease, other = lab.start(), lab.start()
    assert not end_now(lab, job_id=lease.job_id)
    lab.cancel_job(lease.job_id)
    assert end_now(lab, job_id=lease.job_id)
    assert not end_now(lab, job_id=lease.job_id)
    assert lab.store.queue.cancel_asked() == {lease.job_id: ("cancelled by ada", True)}
    lab.finish(lease, Outcome("cancelled"))
    lab.finish(other)
    assert not end_now(lab, job_id=lease.job_id)
    lab.retry(run_id, "a")
    again = lab.start()
    assert lab.store.queue.cancel_asked() == {}
    lab.cancel_job(again.job_id)
    assert lab.store.queue.cancel_asked() == {again.job_id: ("cancelled by ada", False)}


def test_a_job_cancelled_alone_says_by_whom_and_holds_back_its_dependents(lab):
    run_id = lab.run(jobs(a="", b="", c="needs: a"))
    lab.cancel_job(lab.named(run_id, "a").id)
    assert lab.reason(run_id, "a") == "cancelled by ada"
    assert lab.work() == ["b"]
    assert lab.statuses(run_id) == {"a": "cancelled", "b": "success", "c": "skipped"}
    assert lab.status(run_id) == "cancelled"


def test_a_retry_that_waits_can_be_cancelled(lab):
    run_id = lab.run(jobs(a="retry: 1"))
    lab.fail(lab.start())
    assert lab.statuses(run_id) == {"a": "retrying"}
    lab.cancel(run_id)
    assert lab.status(run_id) == "cancelled"
    lab.clock.advance(100)
    lab.tick()
    assert lab.claim() is None


def test_a_run_that_waits_for_its_group_is_cancelled_at_once(lab):
    first = lab.run(GROUP + jobs(a="", b="needs: a"))
    second = lab.run(GROUP + jobs(a="", b="needs: a"))
    assert lab.status(second) == "pending"
    assert lab.cancel(second)
    assert lab.status(second) == "cancelled"
    assert set(lab.statuses(second).values()) == {"cancelled"}
    assert lab.store.queries.run(second).reason == "cancelled by ada"
    assert lab.status(first) == "queued"


def test_a_blocked_run_starts_nothing_and_is_cancelled_at_once(lab):
    run_id = lab.run(jobs(a=""), blocked=True)
    assert lab.status(run_id) == "blocked"
    assert lab.claim() is None
    assert lab.cancel(run_id)
    assert lab.status(run_id) == "cancelled"


def test_a_job_of_a_waiting_run_can_be_cancelled_alone(lab):
    first = lab.run(GROUP + jobs(a=""))
    second = lab.run(GROUP + jobs(a="", b=""))
    lab.cancel_job(lab.named(second, "a").id)
    assert lab.statuses(second) == {"a": "cancelled", "b": "pending"}
    lab.work()
    assert (lab.status(first), lab.statuses(second)["b"]) == ("success", "success")


# retry


def test_a_retry_keeps_the_job_and_its_earlier_attempts(lab):
    run_id = lab.run(jobs(a=""))
    job_id = lab.start().job_id
    lab.fail(lab.store.queue.take_over(lab.store.queries.running()[0].id, "w", START))
    lab.clock.advance(60)
    assert lab.retry(run_id, "a") == ["a"]
    job = lab.job(job_id)
    assert (job.status, job.retry_count, job.attempts, job.finished_at) == ("queued", 1, 1, None)
    assert lab.status(run_id) == "running"
    lab.work()
    assert [(a.number, str(a.status)) for a in lab.store.queries.attempts(job_id)] == [(1, "failed"), (2, "success")]
    assert lab.status(run_id) == "success"
    assert lab.store.queries.run(run_id).attempt == 2


def test_a_retry_wakes_what_was_skipped_for_its_sake(lab):
    run_id = lab.run(jobs(a="", b="needs: a", c="needs: b", other=""))
    lab.work(fail("a"))
    assert lab.statuses(run_id) == {"a": "failed", "b": "skipped", "c": "skipped", "other": "success"}
    assert lab.retry(run_id, "a") == ["a", "b", "c"]
    assert lab.work() == ["a", "b", "c"]
    assert lab.status(run_id) == "success"
    assert lab.named(run_id, "b").retry_count == 0
    assert lab.named(run_id, "other").attempts == 1


def test_a_retry_has_its_whole_budget_again(lab):
    run_id = lab.run(jobs(a="retry: {max: 1, backoff: 0s}"))
    lab.fail(lab.start())
    lab.tick()
    lab.fail(lab.start())
    assert lab.statuses(run_id) == {"a": "failed"}
    lab.retry(run_id, "a")
    assert lab.fail(lab.start()) == "retrying"
    assert lab.named(run_id, "a").retry_count == 3


def test_what_still_waits_waits_for_the_retry_too(lab):
    run_id = lab.run(jobs(a="", b="", c="needs: [a, b]"))
    lab.fail(lab.start())
    assert unmet(lab, run_id, "c") == (1, False, True)
    running = lab.start()
    assert lab.retry(run_id, "a") == ["a"]
    assert unmet(lab, run_id, "c") == (2, True, False)
    lab.finish(lab.start())
    assert lab.statuses(run_id)["c"] == "pending"
    lab.finish(running)
    assert lab.work() == ["c"]
    assert lab.status(run_id) == "success"


def test_what_a_retry_hangs_on_keeps_its_word(lab):
    run_id = lab.run(jobs(a="", b="needs: a, if: always()", c="needs: b"))
    lab.work(fail("a"))
    assert lab.statuses(run_id)["c"] == "skipped"
    lab.retry(run_id, "c")
    assert lab.statuses(run_id)["c"] == "skipped", "a failed still"


def test_a_cell_that_is_run_again_is_not_ended_for_the_failure_before(lab):
    run_id = lab.run(jobs(a="strategy: {matrix: {n: [1, 2]}}"))
    lab.fail(lab.start())
    assert lab.statuses(run_id) == {"a (1)": "failed", "a (2)": "cancelled"}
    lab.retry(run_id, "a (2)")
    assert lab.work() == ["a (2)"]
    assert lab.statuses(run_id) == {"a (1)": "failed", "a (2)": "success"}


def test_a_retried_run_takes_its_turn_in_its_group(lab):
    first = lab.run(GROUP + jobs(a=""))
    lab.work(fail("a"))
    second = lab.run(GROUP + jobs(a=""))
    running = lab.start()
    lab.retry(first, "a")
    assert (lab.status(first), lab.status(second)) == ("pending", "running")
    assert lab.claim() is None
    lab.finish(running)
    assert lab.work() == ["a"]
    assert lab.status(first) == "success"


def test_a_run_that_is_being_cancelled_has_nothing_to_run_again(lab):
    run_id = lab.run(jobs(a="", b=""))
    lab.fail(lab.start())
    running = lab.start()
    lab.cancel(run_id)
    assert lab.retry(run_id, "a") == []
    lab.finish(running, Outcome("cancelled"))
    assert lab.status(run_id) == "cancelled"
    assert lab.retry(run_id, "a") == ["a"]
    assert lab.work() == ["a"]
    assert lab.statuses(run_id) == {"a": "success", "b": "cancelled"}


def test_what_is_not_finished_is_not_run_again(lab):
    run_id = lab.run(jobs(a=""))
    assert lab.retry(run_id, "a") == []
    assert lab.status(run_id) == "queued"


def test_a_green_job_can_be_run_again_with_all_that_follows(lab):
    run_id = lab.run(jobs(a="", b="needs: a"))
    lab.work()
    assert lab.retry(run_id, "a") == ["a", "b"]
    assert lab.work(fail("a")) == ["a"]
    assert lab.statuses(run_id) == {"a": "failed", "b": "skipped"}
    assert lab.status(run_id) == "failed"


def test_the_outputs_of_the_attempt_before_are_gone(lab):
    run_id = lab.run(jobs(a=""))
    lab.finish(lab.start(), outputs={"x": "1"})
    assert lab.named(run_id, "a").outputs == {"x": "1"}
    lab.retry(run_id, "a")
    assert lab.named(run_id, "a").outputs == {}
