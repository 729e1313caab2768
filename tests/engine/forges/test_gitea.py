"""The laws of the Gitea family: GitHub's facts, in other words and with gaps."""

from typing import Any

import pytest

from engine.forges.delivery import read_delivery
from engine.forges.headers import Headers
from tests.engine.forges.deliveries import OLD, REPOSITORY, SHA, ZERO, commit, headers, pull_request, push, read

PLAIN = {
    "ref": "refs/heads/main",
    "before": OLD,
    "after": SHA,
    "commits": [commit(modified=["a"]), commit(OLD, "older", added=["b"])],
    "total_commits": 2,
    "pusher": {"login": "dev"},
    "sender": {"login": "dev"},
    "repository": REPOSITORY,
}


@pytest.mark.parametrize("forge", ["gitea", "forgejo", "gogs"])
def test_a_push_that_tells_less_than_githubs_gives_the_same_facts(forge: str) -> None:
    event = read(PLAIN, forge=forge)
    assert (event.author, event.pusher, event.message, event.sha) == ("dev", "dev", "change", SHA)
    assert (event.created, event.deleted, event.changed_files) == (False, False, ("a", "b"))
    shaped = event.github_payload
    assert (shaped["head_commit"]["message"], shaped["pusher"]["name"], shaped["created"]) == ("change", "dev", False)
    assert event.payload == PLAIN


def test_a_list_of_commits_that_was_cut_is_known_to_be() -> None:
    assert read(PLAIN, forge="gitea").files_complete
    assert not read({**PLAIN, "total_commits": 9}, forge="gitea").files_complete


def test_a_push_to_a_new_branch_has_nothing_before() -> None:
    event = read({**PLAIN, "before": ZERO}, forge="gitea")
    assert (event.created, event.before) == (True, None)


@pytest.mark.parametrize(
    ("action", "kind", "types"),
    [
        ("opened", "opened", ("opened",)),
        ("synchronized", "synchronize", ("synchronize",)),
        ("label_updated", "label_updated", ("labeled",)),
        ("label_cleared", "label_cleared", ("unlabeled",)),
        ("reviewed", "reviewed", ("reviewed",)),
    ],
)
def test_their_words_for_actions_become_githubs(action: str, kind: str, types: tuple[str, ...]) -> None:
    event = read(pull_request(action), "pull_request", "gitea")
    assert (event.action, event.actions_type, event.types) == (action, kind, types)
    assert event.github_payload["action"] == types[0]
    assert event.fetch_ref == "refs/pull/5/head"


def test_gogs_spells_the_sides_of_a_pull_request_flat_and_without_commits() -> None:
    told: dict[str, Any] = pull_request()
    sides = {"head_branch": "feature", "head_repo": REPOSITORY, "base_branch": "main", "base_repo": REPOSITORY}
    pull = {key: value for key, value in told["pull_request"].items() if key not in ("head", "base")} | sides
    event = read({**told, "pull_request": pull}, "pull_request", "gogs")
    assert (event.head_ref, event.base_ref, event.head_sha, event.is_fork) == ("feature", "main", None, False)
    assert event.github_payload["pull_request"]["head"]["ref"] == "feature"


def test_a_created_ref_comes_with_its_commit_and_a_deleted_one_may_come_in_full() -> None:
    told = {"ref": "v1", "ref_type": "tag", "sha": SHA, "repository": REPOSITORY}
    assert read(told, "create", "gogs").target_of("create").sha == SHA
    gone = {"ref": "refs/heads/old", "ref_type": "branch", "repository": REPOSITORY}
    assert read(gone, "delete", "gogs").branch == "old"


def test_a_comment_on_a_pull_request_is_told_from_one_on_an_issue() -> None:
    told = headers("gitea", "issue_comment") | {"X-Gitea-Event-Type": "pull_request_comment"}
    assert read_delivery(Headers(told), b"{}").event == "pull_request_comment"


def test_githubs_payload_is_left_as_it_came() -> None:
    told = push()
    assert read(told).github_payload == told
