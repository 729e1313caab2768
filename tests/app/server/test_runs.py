"""The laws of reading: what the API tells is what the store holds, and what cannot be is said in a sentence."""

from typing import Any

import pytest

from engine.core.states import RunStatus
from engine.store.inbox import Outcome
from tests.app.server.site import Site
from tests.engine.fakes import FAILURE, LOST, jobs

TEXT = jobs(a="", b="needs: a")


def test_runs_come_newest_first_with_the_place_to_stream_from(site: Site) -> None:
    first, second = site.lab.run(TEXT), site.lab.run(TEXT, "acme/app")
    told = site.get("/api/v1/runs").json
    assert [run["id"] for run in told["runs"]] == [second, first]
    assert told["sequence"] == site.lab.store.queries.last_sequence()
    latest = told["runs"][0]
    assert (latest["repo"], latest["number"], latest["status"]) == ("acme/app", 1, "queued")


def test_runs_can_be_asked_for_by_what_they_are(site: Site) -> None:
    mine, other = site.lab.run(TEXT, "acme/app"), site.lab.run(TEXT, ref="refs/heads/dev", workflow_name="Nightly")
    site.lab.cancel(other)

    def ids(query: str) -> list[int]:
        return [run["id"] for run in site.get(f"/api/v1/runs?{query}").json["runs"]]

    assert ids("repo=acme/app") == ids("branch=main") == ids("branch=refs/heads/main") == ids("status=queued") == [mine]
    assert ids("workflow=Nightly") == ids("status=cancelled") == [other]
    assert ids("workflow=ci") == ids("workflow=ci.yml") == ids("workflow=.github/workflows/ci.yml") == [other, mine]
    assert ids("limit=1") == [other] and ids(f"before={other}") == [mine]


@pytest.mark.parametrize(
    "query",
    ["page=2", "limit=0", "limit=-1", "limit=x", "before=1.5", "status=green", "before=1&before=2", f"before={10**30}"],
)
def test_a_query_that_cannot_be_is_refused_in_a_sentence(site: Site, query: str) -> None:
    answer = site.get(f"/api/v1/runs?{query}")
    assert answer.status == 400
    assert query.partition("=")[0] in answer.error


@pytest.mark.parametrize("path", ["runs/9", "jobs/9", "jobs/9/timeline", "jobs/9/logs", "runs/9/artifacts",
                                  "artifacts/9", "inbox/9", "none", f"runs/{10**20}", "runs/-1", "runs/x"])  # fmt: skip
def test_what_is_not_there_is_not_found(site: Site, path: str) -> None:
    answer = site.get(f"/api/v1/{path}")
    assert answer.status == 404
    assert answer.error


def test_a_run_tells_its_jobs(site: Site) -> None:
    run_id = site.lab.run(TEXT)
    told = site.get(f"/api/v1/runs/{run_id}").json
    assert [(job["name"], job["status"], job["needs"]) for job in told["jobs"]] == [
        ("a", "queued", []), ("b", "pending", ["a"]),
    ]  # fmt: skip


def test_a_job_keeps_its_id_and_tells_each_attempt(site: Site) -> None:
    run_id = site.lab.run(jobs(a="retry: {max: 1, backoff: 1s}"))
    job_id = site.lab.named(run_id, "a").id
    site.lab.finish(site.lab.start(), FAILURE)
    site.lab.clock.advance(60)
    site.lab.tick()
    site.lab.finish(site.lab.start(), LOST)
    told = site.get(f"/api/v1/jobs/{job_id}").json
    assert told["id"] == job_id
    made = told["attempts_made"]
    assert [(one["number"], one["status"]) for one in made] == [(1, "failed"), (2, "lost")]
    assert made[0]["started_at"] < made[1]["started_at"]
    assert "token" not in str(made)


def test_the_timeline_is_every_transition_of_the_job_in_order(site: Site) -> None:
    run_id = site.lab.run(TEXT)
    site.lab.work()
    job_id = site.lab.named(run_id, "b").id
    told = site.get(f"/api/v1/jobs/{job_id}/timeline").json
    steps = [(one["type"], one["from"], one["status"]) for one in told["transitions"]]
    assert [one[1:] for one in steps if one[0] == "job"] == [
        ("", "pending"), ("pending", "queued"), ("queued", "running"), ("running", "success"),
    ]  # fmt: skip
    sequences = [one["sequence"] for one in told["transitions"]]
    assert sequences == sorted(sequences)
    assert all(one["at"].endswith("Z") for one in told["transitions"])
    assert told["job"]["id"] == job_id and len(told["attempts"]) == 1


def test_the_inbox_tells_what_came_and_what_became_of_it(site: Site) -> None:
    ident = site.deliver({"zen": "x", "action": "started", "repository": {"full_name": "acme/app"}},
                         X_GitHub_Event="watch").json["event"]  # fmt: skip
    (told,) = site.get("/api/v1/inbox?repo=acme/app").json["inbox"]
    assert (told["id"], told["kind"], told["status"]) == (ident, "watch", "received")
    site.lab.store.inbox.settle({ident: Outcome(verdicts={"ci.yml": "no"})}, site.lab.clock.now())
    shown: dict[str, Any] = site.get(f"/api/v1/inbox/{ident}").json
    assert (shown["verdicts"], shown["runs"], shown["fields"]["event"]["event"]) == ({"ci.yml": "no"}, [], "watch")
    listener = site.lab.bus.listen("inbox")
    assert site.ask("POST", f"/api/v1/inbox/{ident}/replay").status == 202
    assert listener.wait(30) and site.lab.store.inbox.backlog() == 1
    assert site.ask("POST", "/api/v1/inbox/99/replay").status == 404


def test_every_status_of_a_run_can_be_asked_for(site: Site) -> None:
    assert {site.get(f"/api/v1/runs?status={status}").status for status in RunStatus} == {200}
