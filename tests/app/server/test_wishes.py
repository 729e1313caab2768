"""The laws of asking: a wish is written down before it is answered, and one that makes no sense is refused."""

import threading
from typing import Any

import pytest

from engine.control.scheduler import Scheduler
from engine.forges.delivery import kept_event
from engine.settings.model import EnvironmentSettings
from engine.store.inbox import Outcome
from tests.app.server.site import Site
from tests.engine.fakes import jobs

TEXT = jobs(a="", b="needs: a")
ASKED = {"repo": "acme/app", "workflow": "ci.yml"}


def plan_next(site: Site, verdicts: dict[str, str] | None = None, dropped: str = "") -> threading.Thread:
    """Be the planner of the next event: one run, or none with these verdicts."""
    listener = site.lab.bus.listen("inbox")

    def plan() -> None:
        assert listener.wait(10)
        (event,) = site.lab.store.inbox.due(site.lab.clock.now())
        with site.lab.store.database.write():
            if not dropped and verdicts is None:
                site.lab.run(TEXT, "acme/app", event_id=event.id, tick=False)
            site.lab.store.inbox.settle({event.id: Outcome(dropped, verdicts or {})}, site.lab.clock.now())
        site.lab.bus.wake("news")
        site.lab.store.close()

    thread = threading.Thread(target=plan)
    thread.start()
    return thread


def test_a_dispatch_answers_with_its_run_once_that_is_planned(site: Site) -> None:
    planner = plan_next(site)
    answer = site.ask("POST", "/api/v1/runs", ASKED)
    planner.join()
    assert (answer.status, answer.json["repo"], answer.json["status"]) == (201, "acme/app", "queued")


def test_a_dispatch_is_an_event_like_any_other(site: Site) -> None:
    more = {"ref": "dev", "inputs": {"level": "high", "count": 3, "dry": True}}
    answer = site.ask("POST", "/api/v1/runs?wait=0", {**ASKED, **more}, scope="write")
    assert answer.status == 202
    kept = site.lab.store.inbox.get(answer.json["event"])
    assert kept is not None and (kept.kind, kept.source) == ("workflow_dispatch", "api"), "it came over the network"
    event = kept_event(kept.fields["event"])
    assert (event.name, event.branch, event.workflow, event.sender) == ("workflow_dispatch", "dev", "ci.yml", "write")
    assert event.inputs == {"level": "high", "count": "3", "dry": "true"}


@pytest.mark.parametrize("problem", [{"dropped": "ci.yml takes no input x"}, {"verdicts": {"ci.yml": "no such"}}])
def test_a_dispatch_that_comes_to_nothing_says_why(site: Site, problem: dict[str, Any]) -> None:
    planner = plan_next(site, **problem)
    answer = site.ask("POST", "/api/v1/runs", ASKED)
    planner.join()
    assert answer.status == 422
    assert "ci.yml" in answer.json["error"]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, {"repo": "acme/none", "workflow": "x"}),
        (400, {"repo": "acme/app"}),
        (400, {**ASKED, "branch": "x"}),
        (400, {**ASKED, "ref": 5}),
        (400, {**ASKED, "inputs": []}),
        (409, {**ASKED, "inputs": {"x": [1]}}),
        (400, b"[1]"),
        (400, b"{"),
        (400, b"[" * 100_000),
        (413, b" " * (1 << 20) + b"{}"),
    ],
)
def test_a_dispatch_that_cannot_be_is_refused_and_leaves_nothing(site: Site, status: int, body: Any) -> None:
    answer = site.ask("POST", "/api/v1/runs", body, headers={"Content-Type": "application/json"})
    assert (answer.status, bool(answer.json["error"])) == (status, True)
    assert site.lab.store.inbox.list() == []


def test_a_body_that_is_not_json_by_its_type_is_refused(site: Site) -> None:
    assert site.ask("POST", "/api/v1/runs", b"{}", headers={"Content-Type": "text/plain"}).status == 415


def test_ending_a_run_is_written_down_and_the_engine_woken(site: Site) -> None:
    run_id = site.lab.run(TEXT)
    listener = site.lab.bus.listen("schedule")
    answer = site.ask("POST", f"/api/v1/runs/{run_id}/cancel", scope="write")
    assert (answer.status, answer.json["kind"]) == (202, "run")
    assert listener.wait(30)
    site.lab.tick()
    run = site.lab.store.queries.run(run_id)
    assert run is not None and (run.status, run.reason) == ("cancelled", "cancelled by write")
    again = site.ask("POST", f"/api/v1/runs/{run_id}/cancel")
    assert (again.status, "ended" in again.error) == (409, True)


def test_a_run_that_is_being_ended_is_ended_at_once_when_asked_again(site: Site) -> None:
    run_id = site.lab.run(TEXT)
    lease = site.lab.start()
    path = f"/api/v1/runs/{run_id}/cancel"
    assert site.ask("POST", path, scope="write").status == 202
    wishes = site.lab.bus.listen("wishes")
    assert site.ask("POST", path, scope="read").status == 403
    assert site.lab.store.queue.cancel_asked() == {}
    again = site.ask("POST", path, scope="write")
    assert (again.status, again.json["done"]) == (202, f"Run {run_id} is ended at once.")
    assert wishes.wait(30)
    assert site.lab.store.queue.cancel_asked() == {lease.job_id: ("cancelled by write", True)}
    more = site.ask("POST", path, scope="write")
    assert (more.status, more.json["done"]) == (202, f"Run {run_id} is being ended at once already.")


def test_a_job_can_be_ended_and_run_again_under_its_id(site: Site) -> None:
    run_id = site.lab.run(TEXT)
    job_id = site.lab.named(run_id, "a").id
    assert site.ask("POST", f"/api/v1/jobs/{job_id}/retry").status == 409
    assert site.ask("POST", f"/api/v1/jobs/{job_id}/cancel").status == 202
    site.lab.tick()
    assert site.ask("POST", f"/api/v1/jobs/{job_id}/retry", {}).status == 202
    assert site.lab.job(job_id).status == "pending"


def test_a_run_is_run_again_whole_or_only_what_failed(site: Site) -> None:
    run_id = site.lab.run(jobs(a="", b=""))
    site.lab.finish(site.lab.start())
    site.lab.fail(site.lab.start())
    assert site.ask("POST", f"/api/v1/runs/{run_id}/retry", {"failed": True}).status == 202
    assert sorted(site.lab.statuses(run_id).values()) == ["pending", "success"]
    site.lab.tick()
    site.lab.work()
    assert site.ask("POST", f"/api/v1/runs/{run_id}/retry").status == 202
    assert site.lab.statuses(run_id) == {"a": "pending", "b": "pending"}
    assert site.ask("POST", f"/api/v1/runs/{run_id}/retry", {"failed": "yes"}).status == 400


def test_a_run_that_waits_for_a_person_is_let_go_once(site: Site) -> None:
    run_id = site.lab.run(TEXT, blocked=True)
    assert site.lab.status(run_id) == "blocked"
    assert site.ask("POST", f"/api/v1/runs/{run_id}/approve", scope="read").status == 403
    assert site.ask("POST", f"/api/v1/runs/{run_id}/approve").status == 202
    site.lab.tick()
    assert site.lab.work() == ["a", "b"]
    assert site.ask("POST", f"/api/v1/runs/{run_id}/approve").status == 409


def test_wishes_are_refused_while_the_engine_is_stopped(site: Site) -> None:
    run_id = site.lab.run(TEXT)
    site.desk.draining = True
    assert site.ask("POST", f"/api/v1/runs/{run_id}/cancel").status == 503
    assert site.get(f"/api/v1/runs/{run_id}").status == 200


def test_a_job_is_let_into_its_environment_once(site: Site) -> None:
    lab = site.lab
    rules = EnvironmentSettings(approval=True)
    lab.scheduler = Scheduler(lab.store, lab.bus, lab.clock, lambda repo, name: rules)
    job = lab.named(lab.run(jobs(deploy="environment: prod"), "acme/app"), "deploy")
    assert site.get(f"/api/v1/jobs/{job.id}").json["status"] == "blocked"
    assert site.ask("POST", f"/api/v1/jobs/{job.id}/approve", scope="read").status == 403
    assert site.ask("POST", f"/api/v1/jobs/{job.id}/approve").status == 202
    lab.tick()
    told = site.get(f"/api/v1/jobs/{job.id}").json
    assert (told["status"], told["approved_by"]) == ("queued", "admin")
    assert site.ask("POST", f"/api/v1/jobs/{job.id}/approve").status == 409
