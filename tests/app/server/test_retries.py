"""Running again over HTTP: from a step on, with debug logging, with other inputs; and what can be begun at."""

import io

import pytest

from engine.core.retry import Outcome
from engine.settings.model import RepoSettings
from engine.store.tables.runs import JobRow, RunRow
from tests.app.server.site import Site
from tests.app.server.site import site as serve
from tests.engine.fakes import FAILURE, jobs

DISPATCH = """on:
  workflow_dispatch:
    inputs:
      where: {type: choice, options: [here, there], default: here, description: to where}
      loud: {type: boolean}
""" + jobs(a="")  # fmt: skip


def failed(site: Site, kept: tuple[int, ...] = ()) -> int:
    """Have a job of three steps fail that kept what it was after some of them; return it."""
    lab = site.lab
    lab.run(jobs(a=""))
    lease = lab.start()
    lab.store.queue.begin(lease, ["one", "two", "three"], None)
    for step in kept:
        lab.store.checkpoints.save(lease, step, ("host", "", "/"), (), io.BytesIO(b"x"), b"", {}, lab.clock.now())
    lab.finish(lease, FAILURE)
    return lease.job_id


def dispatched(site: Site) -> int:
    run_id = site.lab.run(DISPATCH)
    row = RunRow.get_by_id(run_id)
    github = {**row.contexts["github"], "event_name": "workflow_dispatch", "sha": "s" * 40}
    contexts = {**row.contexts, "github": github, "inputs": {"where": "here", "loud": False}}
    RunRow.update(event="workflow_dispatch", contexts=contexts).where(RunRow.id == run_id).execute()
    return run_id


def test_a_job_is_run_again_from_a_step_on_and_tells_which_it_can_begin_at(site: Site) -> None:
    job_id = failed(site, kept=(0, 1))
    told = site.get(f"/api/v1/jobs/{job_id}/checkpoints", scope="read").json["checkpoints"]
    assert [(one["step"], one["begin_at"], one["attempt"]) for one in told] == [(0, 1, 1), (1, 2, 1)]
    answer = site.ask("POST", f"/api/v1/jobs/{job_id}/retry", {"step": 2}, scope="write")
    assert (answer.status, answer.json["id"]) == (202, job_id)
    assert "on the checkpoint after step 1 of attempt 1" in answer.json["done"]
    assert JobRow.get_by_id(job_id).begin_at["step"] == 2


def test_what_cannot_be_begun_at_is_a_conflict_with_its_reason(site: Site) -> None:
    job_id = failed(site)
    answer = site.ask("POST", f"/api/v1/jobs/{job_id}/retry", {"step": 2})
    assert (answer.status, "checkpoint: true" in answer.error) == (409, True)
    assert site.ask("POST", f"/api/v1/jobs/{job_id}/retry", {"here": True}).status == 409
    assert site.ask("POST", f"/api/v1/jobs/{job_id}/retry", {"here": True, "step": 2}).status == 400
    assert site.ask("POST", f"/api/v1/jobs/{job_id}/retry", {"step": "2"}).status == 400


def test_debug_is_asked_for_and_told(site: Site) -> None:
    job_id = failed(site)
    assert site.ask("POST", f"/api/v1/jobs/{job_id}/retry", {"debug": True}).status == 202
    assert site.get(f"/api/v1/jobs/{job_id}").json["debug"] is True
    site.lab.scheduler.tick()
    site.lab.work({"a": Outcome("cancelled")})
    run_id = site.lab.job(job_id).run_id
    assert site.ask("POST", f"/api/v1/runs/{run_id}/retry", {"failed": True}).status == 202
    assert site.get(f"/api/v1/jobs/{job_id}").json["debug"] is False


def test_inputs_of_a_run_are_told_and_others_make_a_new_run(site: Site) -> None:
    run_id = dispatched(site)
    told = site.get(f"/api/v1/runs/{run_id}/inputs", scope="read").json["inputs"]
    assert [(one["name"], one["type"], one["value"]) for one in told] == [
        ("where", "choice", "here"), ("loud", "boolean", "false"),
    ]  # fmt: skip
    answer = site.ask("POST", f"/api/v1/runs/{run_id}/retry", {"inputs": {"where": "there", "loud": True}})
    assert (answer.status, answer.json["number"], answer.json["event"]) == (201, 2, "workflow_dispatch")
    assert answer.json["done"] == f"Run {answer.json['id']} (#2) is planned with these inputs, like run {run_id}."
    assert RunRow.get_by_id(answer.json["id"]).contexts["inputs"] == {"where": "there", "loud": True}


@pytest.mark.parametrize("inputs", [{"where": "x"}, {"none": "x"}, {"where": ["x"]}])
def test_inputs_that_are_not_taken_are_a_conflict(site: Site, inputs) -> None:
    run_id = dispatched(site)
    assert site.ask("POST", f"/api/v1/runs/{run_id}/retry", {"inputs": inputs}).status == 409
    assert site.ask("POST", f"/api/v1/runs/{run_id}/retry", {"inputs": {}, "failed": True}).status == 400


def test_a_run_without_inputs_says_so(site: Site) -> None:
    run_id = site.lab.run(jobs(a=""))
    for answer in (
        site.get(f"/api/v1/runs/{run_id}/inputs"),
        site.ask("POST", f"/api/v1/runs/{run_id}/retry", {"inputs": {"where": "there"}}),
    ):
        assert (answer.status, "has no inputs: it is of push" in answer.error) == (409, True)


@pytest.mark.parametrize("allow_host", [True, False])
def test_what_the_network_asks_for_runs_on_this_machine_only_where_that_is_allowed(tmp_path, allow_host) -> None:
    with serve(tmp_path / "home", repos=(RepoSettings("team/site", "/x", allow_host=allow_host),)) as site:
        run_id = dispatched(site)
        made = site.ask("POST", f"/api/v1/runs/{run_id}/retry", {"inputs": {"where": "there"}}).json["id"]
        assert RunRow.get_by_id(made).source["host"] is allow_host
        made = site.client.post(f"/runs/{run_id}/retry", {"inputs": {"where": "there"}})["id"]
        assert RunRow.get_by_id(made).source["host"] is True
