"""What a person may ask of runs and jobs, and what they are told."""

import threading

import pytest

from engine.control.asks.commands import cancel
from engine.control.asks.retries import ALL, Again, retry
from engine.core.errors import EngineError
from engine.core.retry import Outcome
from engine.doorbell import Doorbell
from tests.engine.fakes import FAILURE, jobs


def run_of(lab, run_id):
    return lab.store.queries.run(run_id)


def test_cancelling_a_run_says_so_and_rings(lab):
    run_id = lab.run(jobs(a=""))
    rung = threading.Event()
    bell = Doorbell(lab.store.home, rung.set)
    bell.start()
    said = cancel(lab.store, run_of(lab, run_id), "ada", lab.clock)
    assert rung.wait(30)
    bell.stop()
    assert said == f"Run {run_id} is being cancelled. Cancel it again to end it at once."
    lab.tick()
    assert lab.status(run_id) == "cancelled"
    assert run_of(lab, run_id).reason == "cancelled by ada"


def test_cancelling_what_has_ended_is_refused(lab):
    run_id = lab.run(jobs(a=""))
    lab.work()
    for target in (run_of(lab, run_id), lab.named(run_id, "a")):
        with pytest.raises(EngineError, match=rf"(Run|Job) {target.id} has ended already: it is success\."):
            cancel(lab.store, target, "ada", lab.clock)


def test_cancelling_again_ends_it_at_once_and_once_more_changes_nothing(lab):
    run_id = lab.run(jobs(a="", clean="if: always()"))
    leases = [lab.start(), lab.start()]
    job, run = lab.named(run_id, "a"), run_of(lab, run_id)
    for target, what in ((job, f"Job {job.id}"), (run, f"Run {run_id}")):
        said = [cancel(lab.store, target, "ada", lab.clock) for _ in range(3)]
        assert said == [
            f"{what} is being cancelled. Cancel it again to end it at once.",
            f"{what} is ended at once.",
            f"{what} is being ended at once already.",
        ]
    assert [at_once for _, at_once in lab.store.queue.cancel_asked().values()] == [True, True]
    for lease in leases:
        lab.finish(lease, Outcome("cancelled"))
    with pytest.raises(EngineError, match="has ended already: it is cancelled"):
        cancel(lab.store, run, "ada", lab.clock)


def test_a_job_is_cancelled_alone(lab):
    run_id = lab.run(jobs(a="", b=""))
    cancel(lab.store, lab.named(run_id, "b"), "ada", lab.clock)
    lab.tick()
    assert lab.statuses(run_id) == {"a": "queued", "b": "cancelled"}


def test_a_job_is_run_again_with_what_hangs_on_it(lab):
    run_id = lab.run(jobs(a="", b="needs: a"))
    lab.work({"a": FAILURE})
    assert retry(lab.store, lab.named(run_id, "a"), ALL, "ada", lab.clock) == f"2 jobs of run {run_id} will run again."
    lab.tick()
    assert lab.work() == ["a", "b"]


def test_a_run_is_run_again_whole_or_only_what_failed(lab):
    run_id = lab.run(jobs(a="", b="", c="needs: b"))
    lab.work({"b": FAILURE})
    retry(lab.store, run_of(lab, run_id), Again(failed=True), "ada", lab.clock)
    lab.tick()
    assert lab.work() == ["b", "c"]
    retry(lab.store, run_of(lab, run_id), ALL, "ada", lab.clock)
    lab.tick()
    assert sorted(lab.work()) == ["a", "b", "c"]


def test_there_may_be_nothing_to_run_again(lab):
    run_id = lab.run(jobs(a=""))
    with pytest.raises(EngineError, match="Cancel it first"):
        retry(lab.store, lab.named(run_id, "a"), ALL, "ada", lab.clock)
    lab.work()
    with pytest.raises(EngineError, match="no job to run again"):
        retry(lab.store, run_of(lab, run_id), Again(failed=True), "ada", lab.clock)


def test_a_run_that_is_being_cancelled_is_not_run_again(lab):
    run_id = lab.run(jobs(a="", b=""))
    lab.fail(lab.start())
    running = lab.start()
    lab.cancel(run_id)
    with pytest.raises(EngineError, match="being cancelled"):
        retry(lab.store, lab.named(run_id, "a"), ALL, "ada", lab.clock)
    lab.finish(running, Outcome("cancelled"))
    retry(lab.store, lab.named(run_id, "a"), ALL, "ada", lab.clock)
