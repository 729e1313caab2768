"""The laws of the `github` context and its variables."""

from pipelines.github_context import default_variables, github_context, short_ref
from pipelines.json_value import Json

FACTS = {
    "repository": "team/site",
    "sha": "f" * 40,
    "actor": "ada",
    "workflow": "CI",
    "workflow_path": ".github/workflows/ci.yml",
}


def test_a_push_knows_its_ref() -> None:
    github = github_context(**FACTS, ref="refs/heads/a/b", event_name="push", event={}, run_id=7, run_number=3)
    assert (github["ref_name"], github["ref_type"], github["head_ref"]) == ("a/b", "branch", "")
    assert (github["run_id"], github["run_number"], github["run_attempt"]) == ("7", "3", "1")
    assert github["workflow_ref"] == "team/site/.github/workflows/ci.yml@refs/heads/a/b"
    assert github["repository_owner"] == "team"


def test_a_pull_request_knows_both_ends() -> None:
    event: dict[str, Json] = {"pull_request": {"head": {"ref": "topic"}, "base": {"ref": "main"}}}
    github = github_context(**FACTS, ref="refs/pull/9/merge", event_name="pull_request", event=event)
    assert (github["head_ref"], github["base_ref"], github["ref_name"]) == ("topic", "main", "9/merge")


def test_the_payload_is_kept_and_only_filled_up() -> None:
    event: dict[str, Json] = {"repository": {"full_name": "x/y", "id": 1}, "sender": {"login": "bob"}, "n": [1]}
    github = github_context(**FACTS, ref="refs/tags/v1", event_name="push", event=event, default_branch="main")
    kept = github["event"]
    assert isinstance(kept, dict)
    assert kept["repository"] == {
        "full_name": "x/y",
        "id": 1,
        "name": "site",
        "owner": {"login": "team"},
        "default_branch": "main",
    }
    assert (kept["sender"], kept["n"]) == ({"login": "bob"}, [1])
    assert github["ref_type"] == "tag"


def test_another_server_has_its_own_addresses() -> None:
    github = github_context(**FACTS, ref="r", event_name="push", event={}, server_url="https://git.example")
    assert github["api_url"] == "https://git.example/api/v3"


def test_the_variables_repeat_the_context() -> None:
    github = github_context(**FACTS, ref="refs/heads/main", event_name="push", event={}, run_id=7)
    variables = default_variables(github, "build")
    assert variables["CI"] == variables["GITHUB_ACTIONS"] == "true"
    assert variables["GITHUB_REF_NAME"] == "main"
    assert variables["GITHUB_JOB"] == "build"
    assert variables["GITHUB_REF_PROTECTED"] == "false"
    assert variables["GITHUB_REPOSITORY_OWNER"] == "team"
    assert all(isinstance(value, str) for value in variables.values())


def test_a_short_ref_lacks_its_folder() -> None:
    assert [short_ref(ref) for ref in ("refs/heads/a/b", "refs/tags/v1", "main")] == ["a/b", "v1", "main"]
