"""The laws of the event: what each delivery says, what it may start, and what a run of it is about."""

import json
from typing import Any

import pytest

from engine.forges.delivery import kept_event
from engine.forges.errors import DeliveryError
from pipelines.parse import parse_workflow
from pipelines.triggers import fires
from tests.engine.forges.deliveries import OLD, REPOSITORY, SHA, ZERO, commit, gitlab_push, pull_request, push, read


def runs(event: Any, on: str) -> bool:
    workflow = parse_workflow(f"on: {on}\njobs: {{a: {{runs-on: x, steps: [{{run: 'true'}}]}}}}", "w.yml")
    return any(fires(workflow.on, trigger).runs for trigger in event.trigger_events())


def test_a_push_says_what_was_pushed_by_whom() -> None:
    event = read(push())
    assert (event.name, event.repo, event.branch, event.tag, event.ref_type) == (
        "push",
        "acme/app",
        "main",
        None,
        "branch",
    )
    assert (event.sha, event.before, event.author, event.pusher, event.message) == (SHA, OLD, "dev", "dev", "change")
    assert event.changed_files == ("src/a.py",)
    assert event.target_of("push").fetch_ref == event.target_of("push").ref == "refs/heads/main"
    assert event.github_payload == event.payload


def test_filters_see_a_push_as_it_was() -> None:
    event = read(push())
    assert runs(event, "{push: {branches: [main], paths: ['src/**']}}")
    assert not runs(event, "{push: {paths: [docs/**]}}")
    assert not runs(event, "{push: {tags: ['*']}}")
    assert not runs(read(push(head_commit=commit(message="x [skip ci]"))), "push")


@pytest.mark.parametrize(
    "changes",
    [
        {"forced": True},
        {"created": True, "before": ZERO},
        {"total_commits": 30},
        {"commits": []},
        {"commits": None, "head_commit": None},
        {"commits": [commit(added=[1])]},  # type: ignore[list-item]
        {"commits": [commit(str(n) * 40, modified=["x"]) for n in range(1, 9)] * 256},
    ],
)
def test_files_that_the_payload_may_not_list_in_full_are_not_known_to_the_filters(changes: dict[str, Any]) -> None:
    (trigger,) = read(push(**changes)).trigger_events()
    assert trigger.changed_files is None
    (told,) = read(push(**changes)).trigger_events(changed_files=("docs/x",))
    assert told.changed_files == ("docs/x",)


def test_without_listed_commits_the_head_commit_says_what_changed() -> None:
    event = read(push(commits=[]))
    assert (event.commits, event.changed_files) == (0, ("src/a.py",))


def test_after_an_annotated_tag_the_commit_is_the_tagged_one() -> None:
    event = read(push(ref="refs/tags/v1", after="3" * 40, before=ZERO, commits=[]))
    assert (event.tag, event.sha, event.created) == ("v1", SHA, True)
    assert event.target_of("push").ref == "refs/tags/v1"


@pytest.mark.parametrize("changes", [{"after": ZERO}, {"deleted": True}])
def test_a_push_that_deletes_its_ref_starts_nothing(changes: dict[str, Any]) -> None:
    event = read(push(head_commit=None, commits=[], **changes))
    assert (event.deleted, event.sha, event.trigger_events()) == (True, None, ())
    assert event.starts_nothing


@pytest.mark.parametrize(
    "ref",
    ["refs/notes/commits", "refs/heads/", "main", "refs/heads/a b", "refs/heads/a..b", "refs/heads/--upload-pack=x",
     "refs/heads/a.lock", "refs/heads/a~1", "refs/heads/a^{}", "refs/heads/*", "refs/heads/a\\b", "refs/heads/a\r\nb",
     "refs/heads/.x", "refs/heads/a/.x", "refs/heads/a//b", "refs/heads/" + "a" * 2000],
)  # fmt: skip
def test_a_ref_that_git_would_not_have_is_noted_and_starts_nothing(ref: str) -> None:
    event = read(push(ref=ref))
    assert (event.branch, event.tag, event.trigger_events()) == (None, None, ())
    assert event.starts_nothing


@pytest.mark.parametrize(
    "name", ["a;b", "a|b", "$(x)", "a&&b${IFS}c", "a\"b'c", "<b>", "${{x}}", "🚀/é", "@", "-a"[1:]]
)
def test_a_ref_is_data_whatever_it_looks_like(name: str) -> None:
    assert read(push(ref=f"refs/heads/{name}")).target_of("push").ref == f"refs/heads/{name}"


@pytest.mark.parametrize(
    "changes",
    [{"ref": None}, {"ref": 5}, {"ref": ""}, {"after": None}, {"after": 2222}, {"after": "HEAD"},
     {"after": "--output=x"}, {"after": SHA + "\n"}, {"repository": None},
     *({"repository": {**REPOSITORY, "full_name": name}} for name in (7, "app", "../../etc", "acme/.", "a/<b>", "")),
     {"repository": {**REPOSITORY, "default_branch": "../x"}}],
)  # fmt: skip
def test_a_push_without_ref_commit_or_repository_is_malformed(changes: dict[str, Any]) -> None:
    with pytest.raises(DeliveryError) as caught:
        read(push(**changes))
    assert caught.value.status == 400


@pytest.mark.parametrize("key", ["pusher", "sender", "head_commit", "commits", "forced", "before"])
def test_what_a_forge_leaves_out_is_not_known(key: str) -> None:
    told = push()
    del told[key]
    assert read(told).sha == SHA
    assert read(push(**{key: None})).sha == SHA


def test_a_sha256_repository_has_longer_commit_ids() -> None:
    assert read(push(after="2" * 64, head_commit=None)).sha == "2" * 64


def test_a_pull_request_says_where_from_and_where_to() -> None:
    event = read(pull_request(), "pull_request")
    assert (event.pr_number, event.head_ref, event.base_ref, event.head_sha, event.base_sha) == (
        5,
        "feature",
        "main",
        SHA,
        OLD,
    )
    assert (event.fetch_ref, event.labels, event.author, event.is_fork) == ("refs/pull/5/head", ("bug",), "eve", False)
    target = event.target_of("pull_request")
    assert (target.ref, target.fetch_ref, target.sha) == ("refs/pull/5/merge", "refs/pull/5/head", SHA)
    base = event.target_of("pull_request_target")
    assert (base.ref, base.fetch_ref, base.sha) == ("refs/heads/main", "refs/heads/main", OLD)


def test_a_pull_request_starts_both_of_its_events_by_type_and_base() -> None:
    event = read(pull_request(), "pull_request")
    assert [trigger.name for trigger in event.trigger_events()] == ["pull_request", "pull_request_target"]
    assert runs(event, "pull_request_target") and runs(event, "{pull_request: {branches: [main]}}")
    assert not runs(event, "{pull_request: {branches: [feature]}}")
    closed = read(pull_request("closed", merged=True), "pull_request")
    assert (closed.merged, closed.default_types_trigger) == (True, False)
    assert not runs(closed, "pull_request") and runs(closed, "{pull_request: {types: [closed]}}")


@pytest.mark.parametrize("head_repo", ["eve/app", None])
def test_a_head_in_another_repository_or_in_none_is_a_fork(head_repo: str | None) -> None:
    assert read(pull_request(head_repo=head_repo), "pull_request").is_fork


@pytest.mark.parametrize(
    "changes",
    [{"number": n} for n in (-1, 0, 5.5, "5", None, True, 6)]
    + [{"pull_request": None}]
    + [pull_request(**{side: {"ref": "x", "sha": "HEAD;id", "repo": None}}) for side in ("head", "base")]
    + [pull_request(head={"ref": "--upload-pack=touch x", "sha": SHA, "repo": None})]
    + [pull_request(base={"ref": "../../x", "sha": OLD, "repo": None})]
    + [pull_request(base={"ref": "main", "sha": OLD, "repo": {"full_name": "other/app"}})],
)
def test_a_pull_request_with_an_odd_number_name_or_commit_is_malformed(changes: dict[str, Any]) -> None:
    with pytest.raises(DeliveryError):
        read({**pull_request(), **changes}, "pull_request")


@pytest.mark.parametrize("kind", ["branch", "tag"])
def test_a_created_ref_is_what_a_run_is_about_and_a_deleted_one_is_not(kind: str) -> None:
    told = {"ref": "v1", "ref_type": kind, "repository": REPOSITORY}
    folder = {"branch": "refs/heads/", "tag": "refs/tags/"}[kind]
    assert read(told, "create").target_of("create").ref == f"{folder}v1"
    assert read(told, "delete").target_of("delete").ref == "refs/heads/main"
    assert runs(read(told, "delete"), "delete")


def test_a_release_is_about_its_tag_and_a_draft_starts_nothing() -> None:
    release = {"tag_name": "v1", "name": "One", "draft": False, "prerelease": True, "target_commitish": "main"}
    told = {"action": "published", "release": release, "repository": REPOSITORY}
    event = read(told, "release")
    assert (event.tag, event.title, event.prerelease, event.target) == ("v1", "One", True, "main")
    assert event.target_of("release").ref == "refs/tags/v1"
    assert runs(event, "{release: {types: [published]}}")
    draft = read({**told, "action": "created", "release": {**release, "draft": True}}, "release")
    assert draft.starts_nothing and not runs(draft, "release")


def test_a_dispatch_names_its_workflow_and_inputs() -> None:
    told = {"ref": "started", "workflow": ".github/workflows/w.yml", "inputs": {"a": "b"}, "repository": REPOSITORY}
    event = read(told, "workflow_dispatch")
    assert (event.workflow, event.inputs, event.ref_type) == (".github/workflows/w.yml", {"a": "b"}, None)
    assert event.target_of("workflow_dispatch").ref == "refs/heads/started"
    custom = read({"action": "go", "branch": "main", "repository": REPOSITORY}, "repository_dispatch")
    assert runs(custom, "{repository_dispatch: {types: [go]}}") and custom.target_of("x").ref == "refs/heads/main"


@pytest.mark.parametrize("event", ["ping", "star", "issues", "issue_comment", "workflow_run", "no_such_event"])
def test_what_no_workflow_can_be_started_by_is_an_event_all_the_same(event: str) -> None:
    found = read({"action": "created", "zen": "x", "sender": {"login": "eve"}}, event)
    assert found.starts_nothing and found.trigger_events() == ()
    assert (found.is_ping, found.name, found.sender) == (event == "ping", None if event == "ping" else event, "eve")


def test_facts_leave_out_what_is_not_known() -> None:
    facts = read(push(commits=[], head_commit=None)).facts()
    assert not {"author", "message", "tag", "pr_number", "payload", "default_types_trigger"} & facts.keys()
    assert (facts["branch"], facts["changed_files"], facts["changed_files_complete"]) == ("main", [], False)


@pytest.mark.parametrize("forge", ["github", "gitea", "gitlab"])
def test_a_kept_event_reads_as_it_came(forge: str) -> None:
    event = read(gitlab_push(), "Push Hook", forge) if forge == "gitlab" else read(push(), "push", forge)
    kept = json.loads(json.dumps(event.to_json()))
    assert kept_event(kept) == event
