"""Explanations over HTTP: of runs, jobs and events, for whoever may read."""

import pytest

from tests.app.server.site import Site
from tests.engine.fakes import jobs
from tests.engine.forges.deliveries import push


def test_a_run_a_job_and_an_event_are_explained_to_who_may_read(site: Site) -> None:
    event = site.deliver(push()).json["event"]
    run = site.lab.run(jobs(a="", b="needs: a, if: github.ref == 'refs/heads/x'"), "acme/app", event_id=event)
    site.lab.work()
    told = site.get(f"/api/v1/runs/{run}/explain", scope="read").json
    assert (told["kind"], told["run"]["id"], told["event"]["id"]) == ("run", run, event)
    assert [job["because"] for job in told["jobs"]] == ["", "its condition is false"]
    told = site.get(f"/api/v1/jobs/{site.lab.named(run, 'b').id}/explain", scope="read").json
    assert (told["kind"], told["condition"]["holds"]) == ("job", False)
    assert {"depth": 2, "text": "github.ref", "value": "'refs/heads/main'", "note": ""} in told["condition"]["parts"]
    told = site.get(f"/api/v1/inbox/{event}/explain", scope="read").json
    assert (told["kind"], told["event"]["status"], told["changed_files"]) == ("event", "received", ["src/a.py"])
    assert told["waits"]["reason"].startswith("is planned as soon as")


@pytest.mark.parametrize("what", ["runs", "jobs", "inbox"])
def test_what_there_is_not_is_not_found(site: Site, what: str) -> None:
    assert site.get(f"/api/v1/{what}/99/explain").status == 404
    assert site.get(f"/api/v1/{what}/99/explain", scope=None).status == 401
