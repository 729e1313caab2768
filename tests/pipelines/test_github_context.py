"""The laws of the `github` context, its variables and the inputs."""

import re

import pytest

from pipelines.errors import Place
from pipelines.github_context import InputError, default_variables, dispatch_inputs, github_context, short_ref
from pipelines.json_value import Json
from pipelines.model import Input, Trigger
from pipelines.template import Template

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


def declared(name: str, type: str, **more: object) -> Input:
    return Input(name, type, Place(1, 1), **more)  # type: ignore[arg-type]


def trigger(*inputs: Input) -> Trigger:
    return Trigger("workflow_dispatch", Place(1, 1), inputs={one.name: one for one in inputs})


def test_inputs_are_typed_and_defaults_fill_up() -> None:
    asked = trigger(
        declared("flag", "boolean"),
        declared("on", "boolean", default=True),
        declared("n", "number", default=Template.literal("3")),
        declared("level", "choice", options=("low", "high"), default=Template.literal("low")),
        declared("text", "string"),
        declared("must", "string", required=True, default=Template.literal("x")),
    )
    assert dispatch_inputs(asked, {}) == {
        "flag": False,
        "on": True,
        "n": 3,
        "level": "low",
        "text": "",
        "must": "x",
    }
    assert dispatch_inputs(asked, {"flag": "TRUE", "n": "1.5", "level": "high", "must": "y"})["n"] == 1.5


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "The input 'must' is required."),
        ({"must": ""}, "The input 'must' is required."),
        ({"must": "x", "flag": "yes"}, "'flag' is true or false, not 'yes'"),
        ({"must": "x", "n": "many"}, "'n' is a number, not 'many'"),
        ({"must": "x", "level": "mid"}, "'level' is one of low, high, not 'mid'"),
        ({"must": "x", "levle": "mid"}, "There is no input 'levle'. Did you mean 'level'?"),
        ({"zzz": "x"}, "There is no input 'zzz'; there are flag, n, level, must.\nThe input 'must' is required."),
    ],
)
def test_every_wrong_input_is_named(given: dict[str, str], words: str) -> None:
    asked = trigger(
        declared("flag", "boolean"),
        declared("n", "number"),
        declared("level", "choice", options=("low", "high")),
        declared("must", "string", required=True),
    )
    with pytest.raises(InputError, match=re.escape(words)):
        dispatch_inputs(asked, given)
