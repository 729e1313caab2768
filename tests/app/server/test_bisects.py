"""Searches for the commit that broke a job, over HTTP: what they would be, what they are, and their end."""

from pathlib import Path

import pytest

from engine.control.bisecting.start import propose, start
from tests.app.server.site import Site
from tests.engine.bisect_lab import BisectLab

API = "/api/v1"


@pytest.fixture
def lab(site: Site, tmp_path: Path) -> BisectLab:
    return BisectLab(site.lab, tmp_path / "app")


def test_a_search_is_told_before_it_begins_and_while_it_goes_on(site: Site, lab: BisectLab) -> None:
    job = lab.green_then_red()
    told = site.get(f"{API}/jobs/{job.id}/bisect").json
    assert (told["commits"], told["left"], told["trials"]) == (5, 5, 4)
    assert (told["good"], told["bad"], told["good_run"]) == (lab.shas[1], lab.shas[6], job.run_id - 1)
    assert site.get(f"{API}/bisects").json["bisects"] == []

    begun = site.ask("POST", f"{API}/bisects", {"job": job.id}, scope="write")
    assert (begun.status, begun.json["status"], begun.json["trials"]) == (201, "running", [])
    lab.turn()
    told = site.get(f"{API}/bisects/{begun.json['id']}").json
    [trial] = told["trials"]
    assert (trial["sha"], trial["subject"], trial["verdict"]) == (lab.shas[3], "Commit 3", None)
    assert told["expected"] == 4
    assert site.get(f"{API}/runs/{trial['run']}").json["bisect"] == told["id"]

    lab.try_all(told["id"], culprit=4)
    told = site.get(f"{API}/bisects?job={job.id}").json["bisects"][0]
    assert (told["status"], told["culprit"]["sha"]) == ("found", lab.shas[4])
    assert told["culprit"]["author"] == "Ada" and told["culprit"]["confirmed"]


def test_whoever_only_reads_begins_and_ends_no_search(site: Site, lab: BisectLab) -> None:
    job = lab.green_then_red()
    assert site.ask("POST", f"{API}/bisects", {"job": job.id}, scope="read").status == 403
    begun = start(site.lab.store, propose(site.lab.store, job), "ada", site.lab.clock)
    assert site.ask("POST", f"{API}/bisects/{begun}/cancel", scope="read").status == 403
    assert site.get(f"{API}/bisects/{begun}", scope="read").status == 200


def test_a_search_is_cancelled_with_the_run_of_its_trial(site: Site, lab: BisectLab) -> None:
    job = lab.green_then_red()
    begun = start(site.lab.store, propose(site.lab.store, job), "ada", site.lab.clock)
    lab.turn()
    trial = lab.now(begun).open_trial
    answer = site.ask("POST", f"{API}/bisects/{begun}/cancel")
    assert (answer.status, answer.json["kind"]) == (202, "bisect")
    lab.turn()
    assert site.get(f"{API}/runs/{trial.run}").json["status"] == "cancelled"
    assert site.get(f"{API}/bisects/{begun}").json["status"] == "cancelled"
    assert site.ask("POST", f"{API}/bisects/{begun}/cancel").status == 409


def test_what_cannot_be_is_refused_with_the_reason(site: Site, lab: BisectLab) -> None:
    job = lab.ran(6, good=False)
    answer = site.ask("POST", f"{API}/bisects", {"job": job.id})
    assert answer.status == 409 and "--good REV" in answer.error
    assert site.get(f"{API}/jobs/{job.id}/bisect").status == 409
    assert site.ask("POST", f"{API}/bisects", {"job": 999}).status == 404
    assert site.get(f"{API}/bisects/999").status == 404
    wrong = site.ask("POST", f"{API}/bisects", {"job": job.id, "good": "nowhere"})
    assert wrong.status == 409 and "nowhere" in wrong.error
    assert site.ask("POST", f"{API}/bisects", {"job": job.id, "good": lab.shas[2]}).status == 201


def test_the_steps_of_a_search_are_told_live_under_its_run(site: Site, lab: BisectLab) -> None:
    job = lab.green_then_red()
    before = site.lab.store.queries.last_sequence()
    begun = start(site.lab.store, propose(site.lab.store, job), "ada", site.lab.clock)
    lab.try_all(begun, culprit=5)
    heard = []
    for change in site.client.changes(before, {"run": [job.run_id], "types": ["bisect"]}):
        heard.append((change.data["cause"], change.data["status"]))
        if change.data["status"] != "running":
            break
    trials = len(lab.now(begun).trials)
    assert heard == [("started", "running"), *[("tried", "running")] * (2 * trials), ("found", "found")]
