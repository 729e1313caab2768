"""Which request tells a forge how a run stands: by table."""

import json

import pytest

from engine.core.states import RunStatus
from engine.forges.statuses import (
    HEARING,
    LONGEST,
    STATES,
    Standing,
    description,
    heard_before,
    hearing_forge,
    run_url,
    status_request,
    status_url,
)

SHA = "a" * 40


def test_every_forge_has_a_state_for_every_status():
    assert all(set(states) == set(RunStatus) for states in STATES.values())


@pytest.mark.parametrize(
    ("standing", "words"),
    [
        (Standing(RunStatus.QUEUED, 7), "Queued"),
        (Standing(RunStatus.RUNNING, 7, good=1, total=5), "Running, 1/5 jobs"),
        (Standing(RunStatus.SUCCESS, 7, good=5, total=5, seconds=80), "5/5 jobs, 1 m 20 s"),
        (Standing(RunStatus.FAILED, 7, 3, 5, ("lint", "test (3)"), 80), "3/5 jobs, 1 m 20 s; failed: lint, test (3)"),
        (Standing(RunStatus.CANCELLED, 7, 0, 5, (), 3, "cancelled by ada"), "0/5 jobs, 3.0 s; cancelled by ada"),
        (Standing(RunStatus.BLOCKED, 7), "Waits for approval: treadle approve 7"),
        (Standing(RunStatus.PENDING, 7), "Waits for its concurrency group"),
        (Standing(RunStatus.SKIPPED, 7), "Nothing to do: every job was skipped"),
    ],
)  # fmt: skip
def test_a_description_says_how_the_run_stands(standing, words):
    assert description(standing) == words


def test_a_description_is_one_line_that_github_takes():
    words = description(Standing(RunStatus.FAILED, 1, 0, 50, tuple(f"job\n{n}" for n in range(50))))
    assert len(words) == LONGEST
    assert "\n" not in words


@pytest.mark.parametrize(
    ("configured", "url", "source", "forge"),
    [
        ("gitea", "https://git.home/a/b.git", "github", "gitea"),
        ("none", "https://github.com/a/b", "github", None),
        ("auto", "https://git.home/a/b", "gitea", "gitea"),
        ("auto", "https://git.home/a/b", "poll", None),
        ("auto", "https://github.com/a/b", "poll", "github"),
        ("auto", "git@github.com:a/b.git", "person", "github"),
        ("auto", "https://codeberg.org/a/b", "schedule", "forgejo"),
        ("auto", "https://gitlab.home.example/a/b", "poll", "gitlab"),
        ("auto", "https://gitea.lan:3000/a/b", "poll", "gitea"),
        ("auto", "https://notgithub.com.evil/a/b", "gogs", "github"),
        ("auto", "/srv/site", "poll", None),
    ],
)
def test_a_forge_is_told_by_the_configuration_then_the_event_then_the_host(configured, url, source, forge):
    assert hearing_forge(configured, url, source) == forge


@pytest.mark.parametrize(
    ("forge", "url", "where"),
    [
        ("github", "https://github.com/team/site.git", f"https://api.github.com/repos/team/site/statuses/{SHA}"),
        ("github", "git@github.com:team/site.git", f"https://api.github.com/repos/team/site/statuses/{SHA}"),
        ("github", "https://ghe.example/team/site", f"https://ghe.example/api/v3/repos/team/site/statuses/{SHA}"),
        ("gitea", "http://git.lan:3000/team/site.git", f"http://git.lan:3000/api/v1/repos/team/site/statuses/{SHA}"),
        ("gitea", "https://lan/git/team/site", f"https://lan/git/api/v1/repos/team/site/statuses/{SHA}"),
        ("forgejo", "ssh://git@git.lan:2222/team/site.git", f"https://git.lan/api/v1/repos/team/site/statuses/{SHA}"),
        ("gitlab", "https://gl.lan/a/b/c.git", f"https://gl.lan/api/v4/projects/a%2Fb%2Fc/statuses/{SHA}"),
        ("gitea", "https://me:pw@git.lan/team/site", f"https://git.lan/api/v1/repos/team/site/statuses/{SHA}"),
        ("forgejo", "[git.lan:2222]:team/site.git", f"https://git.lan/api/v1/repos/team/site/statuses/{SHA}"),
        ("forgejo", "git@[fd00::1]:team/site.git", f"https://[fd00::1]/api/v1/repos/team/site/statuses/{SHA}"),
        ("gitea", "/srv/site.git", None),
        ("gitea", "git@git.lan:/srv/git/site.git", None),
        ("gitea", "https://git.lan/site", None),
        ("gitea", "nonsense", None),
    ],
)
def test_where_a_status_goes_follows_from_the_clone_url_alone(forge, url, where):
    assert status_url(forge, url, SHA) == where


@pytest.mark.parametrize("forge", HEARING)
def test_a_token_is_in_a_header_and_in_nothing_that_is_shown(forge):
    url = status_url(forge, "https://git.lan/team/site", SHA)
    request = status_request(forge, url, "s3cr3t", "treadle/CI", RunStatus.FAILED, "words")
    assert "s3cr3t" not in repr(request) + request.url + request.body.decode()
    assert any("s3cr3t" in value for value in request.secret_headers.values())
    assert json.loads(request.body) == {
        "state": "failed" if forge == "gitlab" else "failure",
        "context": "treadle/CI",
        "description": "words",
    }


@pytest.mark.parametrize("forge", HEARING)
def test_a_status_leads_to_its_run_where_people_can_reach_it(forge):
    url = status_url(forge, "https://git.lan/team/site", SHA)
    target = run_url("https://ci.example/treadle", 7)
    request = status_request(forge, url, "s3cr3t", "treadle/CI", RunStatus.FAILED, "words", target)
    assert json.loads(request.body)["target_url"] == "https://ci.example/treadle/runs/7"
    assert run_url(None, 7) is None


def test_gitlab_refuses_to_be_told_twice_and_has_heard():
    words = '{"message":"Cannot transition status via :run from :running"}'
    assert heard_before("gitlab", 400, words)
    assert not heard_before("gitea", 400, words)
    assert not heard_before("gitlab", 400, '{"message":"bad"}')
