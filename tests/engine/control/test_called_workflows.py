"""The laws of jobs that call workflows: they wait, run, end, are cancelled and retried with the jobs that they call."""

import pytest

from engine.core.retry import Outcome
from pipelines.errors import WorkflowError
from tests.engine.fakes import FAILURE, jobs

GOOD = Outcome("succeeded", exit_code=0)
INNER = "on: workflow_call\n" + jobs(build="", test="needs: build")
CALL = "\n  call: {uses: ./inner.yml%s}"


def calling(before: str = "", rest: str = "", after: str = "") -> str:
    text = jobs(a=before) + CALL % (f", needs: a{rest}")
    return text + f"\n  z: {{runs-on: x, steps: [{{run: 'true'}}], needs: call{after}}}"


@pytest.fixture
def inner():
    return {"inner.yml": INNER}


def fail(*names):
    return dict.fromkeys(names, FAILURE)


def test_a_called_workflow_runs_between_what_its_call_needs_and_what_needs_the_call(lab, inner):
    run_id = lab.run(calling(), files=inner)
    assert lab.statuses(run_id) == dict.fromkeys(["a", "call", "call / build", "call / test", "z"], "pending") | {
        "a": "queued"
    }
    lab.finish(lab.start())
    assert lab.statuses(run_id)["call"] == "running"
    assert lab.work() == ["call / build", "call / test", "z"]
    assert lab.status(run_id) == "success"
    assert [job.key for job in lab.store.queries.jobs(run_id)] == ["a", "call", "call/build", "call/test", "z"]
    assert lab.named(run_id, "call").attempts == 0


def test_a_failure_within_is_the_calls_own(lab, inner):
    run_id = lab.run(calling(), files=inner)
    assert lab.work(fail("call / build")) == ["a", "call / build"]
    assert lab.statuses(run_id) == {
        "a": "success", "call": "failed", "call / build": "failed", "call / test": "skipped", "z": "skipped",
    }  # fmt: skip
    assert lab.reason(run_id, "call") == "call / build failed"
    assert lab.status(run_id) == "failed"


def test_what_is_not_called_is_skipped_whatever_it_says_itself(lab):
    files = {"inner.yml": "on: workflow_call\n" + jobs(build="if: always()")}
    run_id = lab.run(calling(rest=", if: false", after=", if: always()"), files=files)
    assert lab.work() == ["a", "z"]
    assert lab.statuses(run_id) == {"a": "success", "call": "skipped", "call / build": "skipped", "z": "success"}


def test_what_became_of_other_jobs_is_not_the_called_workflows_business(lab, inner):
    run_id = lab.run(calling(rest=", if: always()"), files=inner)
    assert lab.work(fail("a")) == ["a", "call / build", "call / test"]
    assert lab.statuses(run_id)["call"] == "success"
    assert lab.statuses(run_id)["z"] == "skipped"  # a, far above, failed


def test_a_call_all_of_whose_jobs_are_skipped_is_skipped(lab):
    run_id = lab.run(calling(), files={"inner.yml": "on: workflow_call\n" + jobs(build="if: false")})
    lab.work()
    assert lab.statuses(run_id)["call"] == "skipped"


WITH_VALUES = """
on:
  workflow_call:
    inputs: {name: {type: string, required: true}, many: {type: number, default: 3}, fast: {type: boolean}}
    outputs:
      said: {value: "${{ jobs.build.outputs.word }}-${{ inputs.name }}"}
      how: {value: "${{ jobs.build.result }}"}
jobs:
  build: {runs-on: x, name: "build ${{ inputs.name }}", steps: [{run: x}], if: "inputs.many == 3 && !inputs.fast"}
"""


def test_inputs_go_in_and_outputs_come_out(lab):
    text = calling(rest=", with: {name: site}", after=", if: needs.call.outputs.said == 'yes-site'")
    run_id = lab.run(text, files={"inner.yml": WITH_VALUES})
    lab.finish(lab.start())
    lab.finish(lab.start(), outputs={"word": "yes"})
    assert lab.work() == ["z"]
    assert lab.named(run_id, "call").outputs == {"said": "yes-site", "how": "success"}
    assert lab.statuses(run_id)["call / build site"] == "success"


def test_inputs_that_hang_on_needs_are_settled_when_those_are_done(lab):
    text = calling(rest=", with: {name: '${{ needs.a.outputs.n }}'}")
    run_id = lab.run(text, files={"inner.yml": WITH_VALUES})
    assert list(lab.statuses(run_id)) == ["a", "call", "z"]
    lab.finish(lab.start(), outputs={"n": "late"})
    assert lab.statuses(run_id)["call / build late"] == "queued"
    assert lab.work() == ["call / build late", "z"]
    assert lab.status(run_id) == "success"


def test_an_input_of_the_wrong_type_that_comes_late_fails_the_call_alone(lab):
    text = calling(rest=", with: {name: x, many: '${{ needs.a.outputs.n }}'}", after=", if: always()")
    run_id = lab.run(text, files={"inner.yml": WITH_VALUES})
    lab.finish(lab.start(), outputs={"n": "5"})
    assert lab.work() == ["z"]
    assert lab.statuses(run_id)["call"] == "failed"
    assert "many must be a number, not '5'" in lab.reason(run_id, "call")


def test_a_matrix_of_calls_has_the_jobs_of_each(lab, inner):
    text = jobs(a="") + CALL % ", strategy: {max-parallel: 1, matrix: {os: [x, y]}}" + "\n"
    run_id = lab.run(text + "  z: {runs-on: x, steps: [{run: y}], needs: call}", files=inner)
    assert lab.statuses(run_id)["call (y)"] == "pending"  # only one at a time
    assert lab.work() == ["call (x) / build", "call (x) / test", "call (y) / build", "call (y) / test", "a", "z"]
    assert lab.status(run_id) == "success"


def test_a_matrix_of_calls_fails_fast(lab, inner):
    text = "jobs:" + CALL % ", strategy: {matrix: {os: [x, y]}}"
    run_id = lab.run(text, files=inner)
    lab.fail(lab.start())
    lab.tick()
    assert lab.statuses(run_id) == {
        "call (x)": "failed", "call (x) / build": "failed", "call (x) / test": "skipped",
        "call (y)": "cancelled", "call (y) / build": "cancelled", "call (y) / test": "cancelled",
    }  # fmt: skip
    assert lab.status(run_id) == "failed"


def test_calls_nest(lab, inner):
    files = {
        **inner,
        "outer.yml": "on: workflow_call\njobs:" + CALL % "" + "\n  end: {runs-on: x, needs: call, steps: [{run: x}]}",
    }
    run_id = lab.run("jobs:\n  top: {uses: ./outer.yml}", files=files)
    assert lab.work() == ["top / call / build", "top / call / test", "top / end"]
    assert lab.status(run_id) == "success"


def test_a_matrix_within_may_hang_on_needs_there(lab):
    matrix = "needs: list, strategy: {matrix: {n: '${{ fromJSON(needs.list.outputs.all) }}'}}"
    files = {"inner.yml": "on: workflow_call\n" + jobs(list="", each=matrix)}
    run_id = lab.run("jobs:" + CALL % "", files=files)
    lab.finish(lab.start(), outputs={"all": "[1, 2]"})
    assert lab.work() == ["call / each (1)", "call / each (2)"]
    assert lab.status(run_id) == "success"


def test_a_cancelled_run_ends_its_calls_and_lets_through_what_wants_to_see_it(lab):
    files = {
        "inner.yml": "on: workflow_call\n" + jobs(build="", clean="needs: build, if: always()", test="needs: build")
    }
    run_id = lab.run(calling(), files=files)
    lab.finish(lab.start())
    lease = lab.start()
    lab.cancel(run_id)
    lab.finish(lease, Outcome("cancelled"))
    assert lab.work() == ["call / clean"]
    assert lab.statuses(run_id) == {
        "a": "success", "call": "cancelled", "call / build": "cancelled", "call / clean": "success",
        "call / test": "cancelled", "z": "cancelled",
    }  # fmt: skip
    assert lab.status(run_id) == "cancelled"


def test_a_cancelled_call_ends_what_it_calls(lab, inner):
    run_id = lab.run(calling(), files=inner)
    lab.finish(lab.start())
    lease = lab.start()
    assert lab.cancel_job(lab.named(run_id, "call").id)
    assert lab.statuses(run_id)["call / test"] == "cancelled"
    assert list(lab.store.queue.cancel_asked()) == [lease.job_id]
    lab.finish(lease, Outcome("cancelled"))
    assert lab.statuses(run_id)["call"] == "cancelled"


def test_a_call_that_is_ended_at_once_takes_along_what_it_calls(lab, inner):
    run_id = lab.run(calling(), files=inner)
    lab.finish(lab.start())
    lease = lab.start()
    call = lab.named(run_id, "call").id
    lab.cancel_job(call)
    assert lab.store.wishes.end_now(None, call, "cancelled by ada", lab.clock.now())
    assert lab.store.queue.cancel_asked() == {lease.job_id: ("cancelled by ada", True)}
    lab.finish(lease, Outcome("cancelled"))
    assert lab.statuses(run_id)["call"] == "cancelled"


def test_what_waits_to_be_called_ends_with_its_call(lab, inner):
    run_id = lab.run(calling(), files=inner)
    lab.cancel_job(lab.named(run_id, "call").id)
    lab.work()
    assert [lab.statuses(run_id)[name] for name in ("call", "call / build", "call / test")] == ["cancelled"] * 3


def failed(lab, run_id):
    from engine.control.asks.retries import Again, retry

    run = lab.store.queries.run(run_id)
    retry(lab.store, run, Again(failed=True), "ada", lab.clock)
    lab.scheduler.tick()


def test_a_retry_of_what_failed_goes_through_the_levels(lab):
    inner = {"inner.yml": "on: workflow_call\n" + jobs(lint="", build="", test="needs: build")}
    run_id = lab.run(calling(), files=inner)
    lab.work(fail("call / build"))
    failed(lab, run_id)
    assert lab.work() == ["call / build", "call / test", "z"]
    assert lab.status(run_id) == "success"
    assert lab.named(run_id, "call / lint").attempts == 1


def test_a_job_within_may_be_retried_while_its_call_goes_on(lab):
    inner = {"inner.yml": "on: workflow_call\n" + jobs(slow="", build="")}
    run_id = lab.run(calling(), files=inner)
    lab.finish(lab.start())
    slow = lab.start()
    lab.fail(lab.start())
    assert lab.retry(run_id, "call / build") == ["call / build"]
    lab.finish(slow)
    assert lab.statuses(run_id)["call"] == "running"
    assert lab.work() == ["call / build", "z"]
    assert lab.status(run_id) == "success"


def test_a_call_that_runs_again_calls_everything_again(lab, inner):
    run_id = lab.run(calling(), files=inner)
    lab.work()
    assert lab.retry(run_id, "call") == ["call", "call / build", "call / test", "z"]
    assert lab.work() == ["call / build", "call / test", "z"]
    lab.retry(run_id, "a")
    assert lab.work() == ["a", "call / build", "call / test", "z"]


def test_a_call_holds_its_concurrency_group_while_its_jobs_run(lab, inner):
    text = "jobs:" + CALL % ", concurrency: {group: g, cancel-in-progress: false}"
    first, second = lab.run(text, files=inner), lab.run(text, files=inner)
    assert lab.statuses(second)["call"] == "pending"
    lab.work()
    assert lab.status(first) == lab.status(second) == "success"


def test_the_called_workflows_own_group_is_the_calls(lab):
    files = {"inner.yml": "on: workflow_call\nconcurrency: h\n" + jobs(build="")}
    first, second = lab.run("jobs:" + CALL % "", files=files), lab.run("jobs:" + CALL % "", files=files)
    assert lab.statuses(second)["call"] == "pending"
    lab.work()
    assert lab.status(first) == lab.status(second) == "success"


def test_a_job_that_would_wait_for_its_own_call_is_ended(lab):
    files = {"inner.yml": "on: workflow_call\n" + jobs(build="concurrency: g")}
    run_id = lab.run("jobs:" + CALL % ", concurrency: g", files=files)
    assert lab.statuses(run_id) == {"call": "cancelled", "call / build": "cancelled"}
    assert "wait for ever" in lab.reason(run_id, "call / build")


def test_a_call_that_is_running_takes_no_worker(lab, inner):
    lab.run(calling(), files=inner)
    lab.finish(lab.start())
    assert lab.store.queries.counts()["pending"] == 2
    assert "running" not in lab.store.queries.counts()


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "there is no workflow inner.yml"),
        ({"inner.yml": "on: push\n" + jobs(a="")}, "cannot be called"),
        ({"inner.yml": "on: workflow_call\njobs: {a: {uses: ./inner.yml}}"}, "circle: inner.yml → inner.yml"),
        ({"inner.yml": "on: workflow_call\nconcurrency: x\n" + jobs(a="")}, "in two concurrency groups .*'x'"),
        ({"inner.yml": "on: workflow_call\nconcurrency: Y\n" + jobs(a="")}, "wait for its own call, .* group 'y'"),
    ],
)
def test_calls_that_cannot_be_are_refused_before_anything_runs(lab, files, words):
    with pytest.raises(WorkflowError, match=words):
        lab.run("jobs:" + CALL % ", concurrency: y", files=files)
