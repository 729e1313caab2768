"""What runs again, and where it begins: by the words of whoever asks."""

import io

import pytest

from engine.control.asks.reruns import inputs_of, rerun
from engine.control.asks.retries import Again, retry
from engine.core.beginning import CHECKPOINT, HELD
from engine.core.errors import EngineError
from engine.core.retry import Outcome
from engine.store.tables.mending import HoldRow
from engine.store.tables.runs import AttemptRow, JobRow, RunRow
from tests.engine.fakes import FAILURE, LOST, Lab, jobs

STEPS = ["Fetch action own/x@v1", "Pre x", "checkout", "build", "test"]


def ended(lab: Lab, text: str = jobs(a=""), outcome: Outcome = FAILURE, kept: tuple[int, ...] = ()) -> int:
    """Have a job end after steps some of which left checkpoints; return it."""
    lab.run(text)
    lease = lab.start()
    lab.store.queue.begin(lease, STEPS, None)
    for step in kept:
        lab.store.checkpoints.save(lease, step, ("docker", "x", "/"), (), io.BytesIO(b"x"), b"", {}, lab.clock.now())
    lab.finish(lease, outcome)
    lab.scheduler.tick()
    return lease.job_id


def ask(lab: Lab, job_id: int, **again: object) -> str:
    job = lab.store.queries.job(job_id)
    return retry(lab.store, job, Again(**again), "ada", lab.clock)


def begin_at(job_id: int) -> dict | None:
    return JobRow.get_by_id(job_id).begin_at


def hold(lab: Lab, job_id: int, step: int) -> None:
    now = lab.clock.now()
    HoldRow.create(
        job_id=job_id, attempt_id=1, number=1, executor="docker", box_id="b", box_attempt_id=1, box_number=1, step=step,
        state={"here": {}, "next": {}}, held_at=now, until=now,
    )  # fmt: skip


def test_a_step_is_begun_at_on_the_checkpoint_right_before_it(lab):
    job_id = ended(lab, kept=(2, 3))
    assert ask(lab, job_id, step=4) == (
        f"Job {job_id} will run again from step 4 on, on the checkpoint after step 3 of attempt 1."
    )
    assert begin_at(job_id) == {"base": CHECKPOINT, "step": 4, "attempt": 1, "skip": False}


def test_where_there_is_none_right_before_it_the_nearest_earlier_one_is_taken_and_said(lab):
    job_id = ended(lab, kept=(2,))
    assert "from step 3 on, on the checkpoint after step 2" in ask(lab, job_id, step=4)
    assert begin_at(job_id)["step"] == 3


@pytest.mark.parametrize("step", [0, 1, 2])
def test_before_the_first_step_of_its_own_lies_the_whole_job(lab, step):
    job_id = ended(lab)
    assert ask(lab, job_id, step=step) == f"Job {job_id} will run again from its first step on."
    assert begin_at(job_id) is None


def test_without_anything_kept_it_is_said_how_to_have_it_kept(lab):
    job_id = ended(lab)
    with pytest.raises(EngineError) as refused:
        ask(lab, job_id, step=3)
    assert str(refused.value).startswith(f"Nothing was kept of job {job_id} before step 3. `checkpoint: true`")
    assert lab.store.queries.job(job_id).status == "failed"


@pytest.mark.parametrize("step", [-1, 5, 99])
def test_a_step_that_is_not_there_is_refused(lab, step):
    job_id = ended(lab, kept=(2,))
    with pytest.raises(EngineError, match=r"Its steps are 0 to 4\."):
        ask(lab, job_id, step=step)


def test_the_held_step_is_begun_at_in_the_box_that_is_held(lab):
    job_id = ended(lab, kept=(2,))
    hold(lab, job_id, step=3)
    assert "from step 3 on, in the box that is held" in ask(lab, job_id, step=3)
    assert begin_at(job_id) == {"base": HELD, "step": 3, "attempt": 1, "skip": False}


def test_another_step_than_the_held_one_is_begun_at_on_a_checkpoint(lab):
    job_id = ended(lab, kept=(2, 3))
    hold(lab, job_id, step=3)
    ask(lab, job_id, step=4)
    assert begin_at(job_id)["base"] == CHECKPOINT


def test_here_and_next_need_a_box_that_is_held(lab):
    job_id = ended(lab)
    for again in ({"here": True}, {"next": True}):
        with pytest.raises(EngineError, match="no box that is held"):
            ask(lab, job_id, **again)
    hold(lab, job_id, step=3)
    assert "from step 4 on, in the box that is held" in ask(lab, job_id, next=True)
    assert begin_at(job_id) == {"base": HELD, "step": 3, "attempt": 1, "skip": True}


def test_a_run_has_no_steps(lab):
    job_id = ended(lab, kept=(2,))
    run = lab.store.queries.run(lab.store.queries.job(job_id).run_id)
    with pytest.raises(EngineError, match="Name one of its jobs"):
        retry(lab.store, run, Again(step=3), "ada", lab.clock)


def test_what_hangs_on_the_job_runs_again_from_its_own_beginning(lab):
    job_id = ended(lab, jobs(a="", b="needs: a, if: always()"), kept=(2,))
    lab.work()
    assert "and 1 more after it" in ask(lab, job_id, step=3)
    assert [row.begin_at is None for row in JobRow.select().order_by(JobRow.id)] == [False, True]


def test_an_attempt_begins_once_where_it_was_wished_and_an_automatic_retry_at_the_first_step(lab):
    job_id = ended(lab, jobs(a="retry: {max: 1, backoff: 0s, jitter: 0}"), Outcome("cancelled"), kept=(2,))
    ask(lab, job_id, step=3)
    lab.scheduler.tick()
    lease = lab.claim()
    assert AttemptRow.get_by_id(lease.attempt_id).began_at["step"] == 3
    lab.finish(lease, FAILURE)
    lab.clock.advance(1)
    lab.scheduler.tick()
    assert AttemptRow.get_by_id(lab.claim().attempt_id).began_at is None


def test_a_lost_attempt_is_followed_by_one_that_begins_at_the_same_checkpoint(lab):
    job_id = ended(lab, kept=(2,))
    ask(lab, job_id, step=3)
    lab.scheduler.tick()
    lab.finish(lab.claim(), LOST)
    assert AttemptRow.get_by_id(lab.claim().attempt_id).began_at == {
        "base": CHECKPOINT, "step": 3, "attempt": 1, "skip": False,
    }  # fmt: skip


# -- debug ----------------------------------------------------------------------------------------------------------


def test_debug_is_for_what_runs_again_now_and_for_nothing_later(lab):
    run_id = lab.run(jobs(a="", b="needs: a", c=""))
    lab.work({"a": FAILURE})
    run = lab.store.queries.run(run_id)
    assert retry(lab.store, run, Again(failed=True, debug=True), "ada", lab.clock).endswith(
        "again, with debug logging."
    )
    assert {job.name: job.debug for job in lab.store.queries.jobs(run_id)} == {"a": True, "b": True, "c": False}
    lab.scheduler.tick()
    lab.work()
    ask(lab, lab.named(run_id, "a").id)
    assert not any(job.debug for job in lab.store.queries.jobs(run_id))


# -- other inputs ---------------------------------------------------------------------------------------------------

DISPATCH = """on:
  workflow_dispatch:
    inputs:
      where: {type: choice, options: [here, there], default: here}
      count: {type: number, default: 1}
      loud: {type: boolean}
""" + jobs(a="", b="")  # fmt: skip


def dispatched(lab: Lab, text: str = DISPATCH, event: str = "workflow_dispatch", **inputs: object) -> int:
    run_id = lab.run(text)
    row = RunRow.get_by_id(run_id)
    github = {**row.contexts["github"], "event_name": event, "sha": "s" * 40, "event": {"ref": "refs/heads/main"}}
    given = {"where": "here", "count": 1, "loud": False} | inputs
    contexts = {**row.contexts, "github": github, "inputs": given}
    RunRow.update(event=event, contexts=contexts, sha="s" * 40, source={"root": "/x"}).where(
        RunRow.id == run_id
    ).execute()
    return run_id


def test_a_run_is_planned_again_with_what_is_other_and_keeps_the_rest(lab):
    run_id = dispatched(lab, count=3)
    made = rerun(lab.store, lab.store.queries.run(run_id), {"where": "there", "loud": "TRUE"}, "ada", lab.clock)
    assert (made.id, made.number, made.sha, made.actor) == (run_id + 1, 2, "s" * 40, "ada")
    contexts = RunRow.get_by_id(made.id).contexts
    assert contexts["inputs"] == {"where": "there", "count": 3, "loud": True}
    assert contexts["github"]["event"]["inputs"] == {"where": "there", "count": "3", "loud": "true"}
    assert lab.statuses(made.id) == {"a": "pending", "b": "pending"}
    assert RunRow.get_by_id(run_id).contexts["inputs"]["where"] == "here"


@pytest.mark.parametrize(
    ("inputs", "problem"),
    [
        ({"where": "nowhere"}, "is one of here, there"),
        ({"count": "many"}, "is a number"),
        ({"loud": "yes"}, "is true or false"),
        ({"wehre": "x"}, "Did you mean 'where'?"),
    ],
)
def test_inputs_are_held_to_what_is_declared(lab, inputs, problem):
    run = lab.store.queries.run(dispatched(lab))
    with pytest.raises(EngineError) as refused:
        rerun(lab.store, run, inputs, "ada", lab.clock)
    assert problem in str(refused.value)
    assert [one.id for one in lab.store.queries.runs()] == [run.id]


def test_a_run_of_a_push_has_no_inputs(lab):
    run = lab.store.queries.run(lab.run(jobs(a="")))
    with pytest.raises(EngineError, match=r"has no inputs: it is of push\."):
        rerun(lab.store, run, {"where": "there"}, "ada", lab.clock)
    with pytest.raises(EngineError, match="has no inputs"):
        inputs_of(lab.store, run)


def test_only_the_jobs_that_were_planned_are_planned_again(lab):
    run_id = dispatched(lab)
    JobRow.delete().where((JobRow.run_id == run_id) & (JobRow.key == "b")).execute()
    made = rerun(lab.store, lab.store.queries.run(run_id), {"count": "2"}, "ada", lab.clock, debug=True)
    assert [(job.name, job.debug) for job in lab.store.queries.jobs(made.id)] == [("a", True)]


def test_whoever_may_not_have_jobs_on_this_machine_may_not_by_other_inputs(lab):
    run = lab.store.queries.run(dispatched(lab))
    for allowed in (True, False):
        made = rerun(lab.store, run, {"count": "2"}, "ada", lab.clock, on_host=allowed)
        assert RunRow.get_by_id(made.id).source["host"] is allowed
