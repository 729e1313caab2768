"""How far an event is trusted follows from who sent it, and from nothing that it says of itself."""

import pytest

from engine.control.forks import Trust, may_use_host, trust
from engine.settings.model import RepoSettings

HERE = RepoSettings("team/site", "/srv/site")
THERE = RepoSettings("team/site", "https://git.example/team/site.git")


@pytest.mark.parametrize(
    ("repo", "source", "may"),
    [
        (HERE, "person", True),
        (THERE, "person", True),
        (HERE, "watch", True),
        (THERE, "poll", False),
        (HERE, "github", False),
        (HERE, "api", False),
        (THERE, "api", False),
    ],
)
def test_only_what_did_not_come_over_the_network_may_run_on_this_machine(repo, source, may):
    assert may_use_host(repo, source) is may


def test_a_repository_may_be_allowed_to_use_this_machine_whoever_asks():
    allowed = RepoSettings("team/site", "https://git.example/team/site.git", allow_host=True)
    assert may_use_host(allowed, "github")
    assert may_use_host(allowed, "api")


@pytest.mark.parametrize(
    ("policy", "verdict"),
    [("never", Trust.REFUSED), ("approval", Trust.WAITS), ("always", Trust.RUNS_WITHOUT_SECRETS)],
)
@pytest.mark.parametrize("is_fork", [True, None])
def test_a_fork_or_what_may_be_one_never_sees_a_secret(policy, verdict, is_fork):
    repo = RepoSettings("team/site", "/srv/site", fork_prs=policy)
    assert trust(is_fork, repo) is verdict
    assert trust(False, repo) is Trust.RUNS
