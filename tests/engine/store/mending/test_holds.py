"""Held boxes in the store: how a hold begins and ends, and what an attempt takes over that begins in one."""

from datetime import timedelta

import pytest

from engine.core.holding import over_budget
from engine.core.retry import Outcome
from engine.store.mending.boxes import BoxKey, wanted_boxes
from engine.store.mending.holds import NewHold
from engine.store.mending.kept_steps import Kept
from engine.store.queue import Lease, StepNews
from engine.store.tables.runs import AttemptRow, JobRow
from tests.engine.fakes import FAILURE, Lab, jobs

STATE = {"here": {"index": 1}, "next": {"index": 2}, "shell": {}, "services": False}


def fail(lab: Lab, lease: Lease, outcome: Outcome = FAILURE, **fields: bool) -> str:
    """End an attempt whose box is wanted to be held."""
    hold = NewHold("docker", 1, STATE, lab.clock.now() + timedelta(hours=1))
    given = {"outputs": {}, "tolerated": False, **fields}
    return lab.store.queue.finish(lease, outcome, lab.clock.now(), hold=hold, **given)


@pytest.fixture
def held(lab: Lab) -> Lease:
    """The attempt of a job that failed at its second step and left its box."""
    lab.run(jobs(a=""))
    lease, queue, now = lab.start(), lab.store.queue, lab.clock.now()
    queue.begin(lease, ["one", "two", "three", "four"], None)
    queue.note(lease, box_id="box-1")
    for index, cause in ((0, "succeeded"), (1, "failed")):
        news = [StepNews(index, "started", now), StepNews(index, cause, now, int(index), conclusion="failure")]
        queue.steps(lease, news)
    fail(lab, lease)
    return lease


def go_on(lab: Lab, lease: Lease, *, skip: bool = False) -> Lease:
    begin_at = {"base": "held", "step": 1, "attempt": lease.number, "skip": skip}
    lab.store.wishes.ask_retry(lease.run_id, [lease.job_id], "asked", "ada", lab.clock.now(), begin_at)
    lab.scheduler.tick()
    return lab.start()


def test_a_failure_that_fails_the_job_is_held_and_is_failed_all_the_same(lab: Lab, held: Lease) -> None:
    job = lab.store.queries.job(held.job_id)
    hold = lab.store.holds.get(held.job_id)
    assert (job.status, job.held_until) == ("failed", hold.until)
    assert (hold.box_id, hold.number, hold.maker, hold.step) == ("box-1", 1, (1, held.attempt_id), 1)
    assert [step.status for step in lab.store.queries.steps(held.attempt_id)][2:] == ["cancelled"] * 2
    assert wanted_boxes() == [BoxKey(held.job_id, 1, held.attempt_id, "box-1")]


def test_an_attempt_that_is_tried_again_or_is_lost_holds_nothing(lab: Lab) -> None:
    lab.run(jobs(a="retry: {max: 1, backoff: 0s}"))
    lease = lab.start()
    assert fail(lab, lease) == "retrying"
    lab.scheduler.tick()
    assert fail(lab, lab.start(), Outcome("lost", "infrastructure")) == "queued"
    assert lab.store.holds.all() == []


def test_the_next_attempt_takes_over_box_state_and_the_steps_before(lab: Lab, held: Lease) -> None:
    lease = go_on(lab, held)
    row = AttemptRow.get_by_id(lease.attempt_id)
    assert (row.box_id, row.box_number, row.box_attempt_id) == ("box-1", 1, held.attempt_id)
    assert (row.state, row.patched, row.began_at["step"]) == (STATE["here"], True, 1)
    assert (lab.store.holds.all(), lab.store.queries.job(held.job_id).held_until) == ([], None)
    assert JobRow.get_by_id(held.job_id).begin_at is None
    assert wanted_boxes() == [BoxKey(held.job_id, 1, held.attempt_id, "box-1")]
    lab.store.queue.begin(lease, ["", "", "three", "four"], None)
    lab.store.queue.keep(lease, Kept(1, 0, 2), lab.clock.now())
    steps = lab.store.queries.steps(lease.attempt_id)
    assert [(s.name, s.status, s.conclusion) for s in steps[:2]] == [
        ("one", "success", "success"),
        ("two", "failed", "success"),
    ]
    assert all(step.started_at is None for step in steps)


def test_one_that_goes_on_behind_the_step_takes_the_state_behind_it(lab: Lab, held: Lease) -> None:
    assert AttemptRow.get_by_id(go_on(lab, held, skip=True).attempt_id).state == STATE["next"]


def test_what_goes_on_in_a_held_box_is_not_tried_again_from_the_start(lab: Lab) -> None:
    lab.run(jobs(a="retry: {max: 1, backoff: 0s, on: [oom]}"))
    lease = lab.start()
    lab.store.queue.note(lease, box_id="box-1")
    fail(lab, lease)
    second = go_on(lab, lease)
    assert fail(lab, second, Outcome("failed", "oom", 137)) == "failed"
    assert lab.store.holds.get(lease.job_id).maker == (1, lease.attempt_id)


def test_an_ordinary_retry_lets_the_box_go_and_is_not_patched(lab: Lab, held: Lease) -> None:
    lab.retry(held.run_id, "a")
    assert lab.store.holds.get(held.job_id).until == lab.clock.now()
    lease = lab.start()
    row = AttemptRow.get_by_id(lease.attempt_id)
    assert (row.box_id, row.patched, row.began_at, JobRow.get_by_id(held.job_id).patched) == ("", False, None, False)


def test_a_box_that_is_gone_leaves_nothing_to_take_over(lab: Lab, held: Lease) -> None:
    lab.store.holds.forget_all()
    row = AttemptRow.get_by_id(go_on(lab, held).attempt_id)
    assert (row.box_id, row.state, row.patched) == ("", None, True)


def test_what_is_about_to_go_on_can_neither_be_released_nor_end(lab: Lab, held: Lease) -> None:
    begin_at = {"base": "held", "step": 1, "attempt": 1, "skip": False}
    lab.store.wishes.ask_retry(held.run_id, [held.job_id], "asked", "ada", lab.clock.now(), begin_at)
    [hold] = lab.store.holds.all()
    assert hold.wanted
    assert not lab.store.holds.release(held.job_id, lab.clock.now())
    assert not lab.store.holds.end(hold)
    assert lab.store.holds.get(held.job_id) is not None


def test_a_hold_ends_once_and_never_for_another_attempts_box(lab: Lab, held: Lease) -> None:
    [old] = lab.store.holds.all()
    fail(lab, go_on(lab, held))
    assert not lab.store.holds.end(old)
    [new] = lab.store.holds.all()
    assert lab.store.holds.end(new)
    assert not lab.store.holds.end(new)


def test_a_shell_gives_a_held_box_its_time_again_and_never_less(lab: Lab, held: Lease) -> None:
    until = lab.clock.now() + timedelta(hours=2)
    for wanted in (until, lab.clock.now()):
        lab.store.holds.touch(held.job_id, wanted)
        hold = lab.store.holds.get(held.job_id)
        assert (hold.touched, hold.until, lab.store.queries.job(held.job_id).held_until) == (True, until, until)


def test_the_oldest_go_until_the_rest_fits(lab: Lab) -> None:
    class Held:
        def __init__(self, job_id: int) -> None:
            self.job_id = job_id

    boxes, used = [Held(1), Held(2), Held(3)], {1: 5, 2: 4, 3: 3}
    for budget, gone in ((12, []), (11, [1]), (7, [1]), (6, [1, 2]), (2, [1, 2, 3])):
        assert [box.job_id for box in over_budget(boxes, used, budget)] == gone
