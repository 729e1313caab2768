"""The laws of the queue over HTTP: what is shown is what is, and a pause holds."""

import pytest

from engine.store.inbox import Arrival
from tests.app.server.site import Site
from tests.engine.fakes import jobs


def test_the_queue_tells_workers_what_waits_and_why(site: Site) -> None:
    site.lab.run(jobs(a="", b="needs: a"), "acme/app")
    site.lab.start("worker-1")
    site.lab.run(jobs(c=""))
    told = site.get("/api/v1/queue", scope="read").json
    assert (told["paused"], told["draining"], told["workers_busy"]) == (None, False, 1)
    assert len(told["workers"]) == site.desk.settings.worker_count
    job = told["workers"][0]["job"]
    assert (job["name"], job["repo"], job["attempt"], job["run_number"]) == ("a", "acme/app", 1, 1)
    assert [(one["name"], one["place"], one["waits"]["cause"]) for one in told["waiting"]] == [
        ("c", 1, "worker"), ("b", None, "needs"),
    ]  # fmt: skip
    assert told["waiting"][1]["waits"] == {"cause": "needs", "reason": "needs a", "until": None, "needs": ["a"]}
    assert told["counts"] == {"pending": 1, "blocked": 0, "queued": 1, "running": 1, "retrying": 0}
    assert told["sequence"] == site.lab.store.queries.last_sequence()
    assert len(site.get("/api/v1/queue?limit=1").json["waiting"]) == 1


def test_a_pause_is_seen_everywhere_and_ends_when_it_is_resumed(site: Site) -> None:
    site.lab.run(jobs(a=""))
    assert site.ask("POST", "/api/v1/queue/pause", scope="read").status == 403
    told = site.ask("POST", "/api/v1/queue/pause", scope="write")
    assert (told.status, told.json["paused"]["by"]) == (202, "write")
    assert site.lab.claim() is None
    assert site.get("/readyz", scope=None).json["paused"] is True
    assert "treadle_queue_paused 1" in site.get("/metrics").body.decode().splitlines()
    assert site.get("/api/v1/queue").json["waiting"][0]["waits"]["cause"] == "pause"
    listener = site.lab.bus.listen("queue")
    assert site.ask("POST", "/api/v1/queue/resume").json == {"done": "The queue goes on.", "paused": None}
    assert listener.wait(30)
    assert site.lab.claim() is not None


def test_a_jobs_priority_can_be_changed(site: Site) -> None:
    run_id = site.lab.run(jobs(a="", b=""))
    job_id = site.lab.named(run_id, "b").id
    path = f"/api/v1/jobs/{job_id}/priority"
    assert site.ask("POST", path, {"priority": 5}, scope="write").status == 202
    assert site.get(f"/api/v1/jobs/{job_id}").json["priority"] == 5
    assert site.lab.start().job_id == job_id
    assert site.ask("POST", path, {"priority": 0}).status == 202, "no priority is one, too"
    assert site.ask("POST", path, {"priority": 5000}).status == 409
    assert site.ask("POST", "/api/v1/jobs/99/priority", {"priority": 5}).status == 404


@pytest.mark.parametrize("body", [{}, {"priority": "5"}, {"priority": True}, {"priority": 1.5}, {"priority": None}])
def test_a_priority_is_a_whole_number(site: Site, body: object) -> None:
    assert site.ask("POST", "/api/v1/jobs/1/priority", body).status == 400


def test_events_are_told_with_what_they_are_about_and_what_came_of_them(site: Site) -> None:
    push = {
        "ref": "refs/heads/main", "before": "1" * 40, "after": "2" * 40, "head_commit": {"message": "Fix it\n\nall"},
        "repository": {"full_name": "acme/app", "default_branch": "main"}, "sender": {"login": "ada"},
    }  # fmt: skip
    event = site.deliver(push).json["event"]
    site.lab.run(jobs(a=""), "acme/app", event_id=event)
    [told] = site.get("/api/v1/inbox?status=received").json["inbox"]
    about = {"ref": "refs/heads/main", "sha": "2" * 40, "actor": "ada", "title": "Fix it", "action": None}
    assert told["about"] == about
    assert told["runs"] == [{"id": 1, "number": 1, "workflow": "CI", "status": "queued"}]
    assert site.get("/api/v1/inbox?status=planned").json["inbox"] == []
    assert site.get(f"/api/v1/inbox/{event}").json["fields"]["event"]["payload"]["after"] == "2" * 40


def test_a_large_event_is_listed_without_being_read(site: Site) -> None:
    push = {
        "ref": "refs/heads/main", "before": "1" * 40, "after": "2" * 40, "sender": {"login": "ada"},
        "repository": {"full_name": "acme/app"}, "padding": "x" * 90_000,
    }  # fmt: skip
    kept = {"forge": "github", "event": "push", "delivery_id": "d", "payload": {**push, "more": "x" * (1 << 20)}}
    arrival = Arrival(site.desk.repo_ids["acme/app"], "d", "push", "github", {"event": kept})
    site.lab.store.inbox.accept([arrival], site.lab.clock.now())
    [told] = site.get("/api/v1/inbox").json["inbox"]
    assert set(told["about"].values()) == {None}


def test_an_event_of_a_local_run_is_not_replayed(site: Site) -> None:
    repo_id = site.desk.repo_ids["acme/app"]
    event, _ = site.lab.store.runs.event(repo_id, "local-1", "push", {"sha": "1" * 40}, site.lab.clock.now())
    assert site.ask("POST", f"/api/v1/inbox/{event}/replay").status == 409
    assert site.ask("POST", "/api/v1/inbox/99/replay").status == 404
    assert site.get("/api/v1/inbox").json["inbox"][0]["about"]["sha"] == "1" * 40
