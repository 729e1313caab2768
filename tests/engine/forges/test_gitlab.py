"""The laws of GitLab: its hooks become the events of workflows, its payload GitHub's beside its own."""

from typing import Any

import pytest

from tests.engine.forges.deliveries import OLD, PROJECT, SHA, ZERO, gitlab_push, merge_request, read


def test_a_push_becomes_a_push() -> None:
    event = read(gitlab_push(), "Push Hook", "gitlab")
    assert (event.name, event.event, event.repo) == ("push", "Push Hook", "acme/tools/app")
    assert (event.author, event.pusher, event.sender, event.message) == ("Dev", "dev", "dev", "change")
    assert (event.changed_files, event.files_complete, event.private) == (("src/a.py",), True, True)


def test_a_push_is_presented_as_githubs_with_its_own_fields_beside() -> None:
    shaped = read(gitlab_push(), "Push Hook", "gitlab").github_payload
    assert shaped["head_commit"]["message"] == "change"
    assert shaped["repository"]["full_name"] == "acme/tools/app"
    assert shaped["repository"]["default_branch"] == "main"
    assert (shaped["repository"]["owner"]["login"], shaped["repository"]["name"]) == ("acme/tools", "app")
    assert (shaped["sender"]["login"], shaped["pusher"]["name"], shaped["project"]) == ("dev", "dev", PROJECT)


def test_more_commits_than_listed_leave_the_files_open() -> None:
    event = read(gitlab_push(total_commits_count=40), "Push Hook", "gitlab")
    assert (event.commits, event.total_commits, event.files_complete) == (1, 40, False)


@pytest.mark.parametrize("commits", [[], gitlab_push()["commits"]])
def test_the_commit_of_an_annotated_tag_is_the_one_to_check_out(commits: list[Any]) -> None:
    told = gitlab_push(object_kind="tag_push", ref="refs/tags/v1", before=ZERO, after="3" * 40, message="notes")
    event = read({**told, "commits": commits}, "Tag Push Hook", "gitlab")
    assert (event.tag, event.sha, event.tag_message, event.created) == ("v1", SHA, "notes", True)


@pytest.mark.parametrize("event", ["Push Hook", "Tag Push Hook"])
def test_a_deleted_ref_starts_nothing(event: str) -> None:
    told = gitlab_push(after=ZERO, checkout_sha=None, commits=[], total_commits_count=0)
    assert read(told, event, "gitlab").trigger_events() == ()


@pytest.mark.parametrize(
    ("action", "kind", "types"),
    [
        ("open", "opened", ("opened",)),
        ("reopen", "reopened", ("reopened",)),
        ("close", "closed", ("closed",)),
        ("merge", "closed", ("closed",)),
        ("update", "edited", ("edited",)),
        ("approved", "approved", ("approved",)),
    ],
)
def test_its_words_for_actions_become_githubs(action: str, kind: str, types: tuple[str, ...]) -> None:
    event = read(merge_request(action), "Merge Request Hook", "gitlab")
    assert (event.action, event.actions_type, event.types) == (action, kind, types)
    assert event.github_payload["action"] == types[0]


def test_an_update_brings_commits_only_if_it_says_which_were_there_before() -> None:
    event = read(merge_request("update", oldrev=OLD), "Merge Request Hook", "gitlab")
    assert (event.types, event.default_types_trigger) == (("synchronize",), True)


@pytest.mark.parametrize(
    ("previous", "current", "types"),
    [("", "a", ("labeled",)), ("a", "", ("unlabeled",)), ("a", "b", ("labeled", "unlabeled"))],
)
def test_changed_labels_are_told_apart(previous: str, current: str, types: tuple[str, ...]) -> None:
    changes = {
        "labels": {"previous": [{"title": one} for one in previous], "current": [{"title": one} for one in current]}
    }
    event = read({**merge_request("update"), "changes": changes}, "Merge Request Hook", "gitlab")
    assert (event.types, event.actions_type) == (types, "labeled/unlabeled")
    assert len(event.trigger_events()) == 2 * len(types)


@pytest.mark.parametrize(("draft", "kind"), [(True, "converted_to_draft"), (False, "ready_for_review")])
def test_a_draft_that_becomes_ready_counts_as_that_too(draft: bool, kind: str) -> None:
    changes = {"draft": {"previous": not draft, "current": draft}}
    event = read({**merge_request("update"), "changes": changes}, "Merge Request Hook", "gitlab")
    assert event.types == ("edited", kind)


def test_a_merge_request_becomes_a_pull_request() -> None:
    event = read(merge_request("merge", state="merged", labels=[{"title": "bug"}]), "Merge Request Hook", "gitlab")
    assert (event.pr_number, event.head_ref, event.base_ref, event.head_sha) == (7, "feature", "main", SHA)
    assert (event.merged, event.is_fork, event.labels, event.author) == (True, False, ("bug",), "Dev")
    target = event.target_of("pull_request")
    assert (target.ref, target.fetch_ref) == ("refs/pull/7/merge", "refs/merge-requests/7/head")
    pull = event.github_payload["pull_request"]
    assert (pull["number"], pull["user"]["login"], pull["merged"], pull["head"]["ref"]) == (7, "dev", True, "feature")


@pytest.mark.parametrize("source", [{**PROJECT, "path_with_namespace": "eve/app"}, None])
def test_a_source_in_another_project_or_in_none_is_a_fork(source: dict[str, Any] | None) -> None:
    assert read(merge_request(source=source), "Merge Request Hook", "gitlab").is_fork


def test_a_release_is_presented_as_githubs() -> None:
    told = {"action": "create", "tag": "v1", "name": "One", "commit": {"id": SHA}, "project": PROJECT}
    event = read(told, "Release Hook", "gitlab")
    assert (event.tag, event.title, event.sha, event.action) == ("v1", "One", SHA, "create")
    assert [trigger.action for trigger in event.trigger_events()] == ["published", "created", "released"]
    assert event.github_payload["release"]["tag_name"] == "v1"


def test_a_system_hook_is_told_by_what_is_in_it() -> None:
    assert read(merge_request(), "System Hook", "gitlab").name == "pull_request"
    assert read({**gitlab_push(), "object_kind": None, "event_name": "push"}, "System Hook", "gitlab").name == "push"
    assert read({"event_name": "user_create"}, "System Hook", "gitlab").name is None


@pytest.mark.parametrize("event", ["Note Hook", "Issue Hook", "Pipeline Hook", "Job Hook"])
def test_other_hooks_start_nothing(event: str) -> None:
    found = read({"project": PROJECT}, event, "gitlab")
    assert (found.name, found.repo, found.trigger_events()) == (None, "acme/tools/app", ())
