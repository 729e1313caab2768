"""What the API tells of failures: the ledger, and of each attempt what it looked like."""

from dataclasses import replace

from engine.core.flaky import symptom
from engine.core.retry import Outcome
from tests.app.server.site import Site
from tests.engine.fakes import jobs

FAILED = Outcome("failed", "failure", 1, "exit code 1", symptom("Error: lost localhost:4711", "test", 1, "failure"))
RETRIED = jobs(a="retry: {max: 1, backoff: 0s}")


def comes_and_goes(site: Site, text: str = RETRIED, outcome: Outcome = FAILED, **new: str) -> int:
    """Have a job fail and pass on retry; return it."""
    site.lab.run(text, **new)
    lease = site.lab.start()
    site.lab.finish(lease, outcome)
    site.lab.finish(site.lab.start())
    return lease.job_id


def test_the_ledger_tells_what_comes_and_goes(site: Site):
    job = comes_and_goes(site)
    told = site.get("/api/v1/flaky").json
    [one] = told["failures"]
    assert told["more"] is False
    assert (one["repo"], one["job"], one["step"], one["line"]) == (
        "team/site",
        "a",
        "test",
        "Error: lost localhost:4711",
    )
    assert (one["times"], one["passed"], one["share"], one["known"]) == (1, 1, 1.0, True)
    assert one["first"] == {"sha": "1" * 40, "at": "2030-01-02T03:04:05.000Z"}
    assert one["last"] == {**one["first"], "run": 1, "job": job, "attempt": 1}


def test_what_is_new_is_told_only_when_all_is_asked_for(site: Site):
    site.lab.run(jobs(a=""))
    site.lab.finish(site.lab.start(), FAILED)
    assert site.get("/api/v1/flaky").json == {"failures": [], "more": False}
    [one] = site.get("/api/v1/flaky?all=1").json["failures"]
    assert (one["times"], one["passed"], one["known"]) == (1, 0, False)


def test_a_repository_may_be_named_and_more_is_said(site: Site):
    comes_and_goes(site)
    comes_and_goes(site, repo="team/other")
    assert [one["repo"] for one in site.get("/api/v1/flaky?repo=team/site").json["failures"]] == ["team/site"]
    told = site.get("/api/v1/flaky?limit=1").json
    assert (len(told["failures"]), told["more"]) == (1, True)


def test_each_attempt_tells_what_its_failure_looked_like(site: Site):
    job = comes_and_goes(site)
    first, second = site.get(f"/api/v1/jobs/{job}").json["attempts_made"]
    assert first["failure"]["line"] == "Error: lost localhost:4711"
    assert (first["failure"]["times"], first["failure"]["passed"], first["failure"]["known"]) == (1, 1, True)
    assert second["failure"] is None
    other = replace(FAILED, symptom=symptom("Error: lost localhost:1234", "test", 1, "failure"))
    again = comes_and_goes(site, outcome=other)
    [failure] = [one["failure"] for one in site.get(f"/api/v1/jobs/{again}").json["attempts_made"] if one["failure"]]
    assert (failure["times"], failure["passed"]) == (2, 2)
