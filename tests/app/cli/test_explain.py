"""`treadle explain`: whole command lines on deliveries made by hand."""

import hashlib
import hmac
import json
from types import SimpleNamespace

import pytest

from app.cli.main import main
from tests.engine.forges.deliveries import OLD, SHA, merge_request, pull_request, push

JOBS = "\njobs: {a: {runs-on: x, steps: [{run: 'true'}]}}\n"
GITHUB = ("--header", "X-GitHub-Event: push")
KEYS = "name action repo clone_url ref branch tag sha before author message pr is_fork changed_files"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with two workflows, where the command is run."""
    folder = tmp_path / "site/.github/workflows"
    folder.mkdir(parents=True)
    (folder / "ci.yml").write_text("name: CI\non: {push: {paths: ['src/**']}, pull_request: {}}" + JOBS)
    (folder / "docs.yml").write_text("on: {push: {paths: ['docs/**']}}" + JOBS)
    monkeypatch.chdir(tmp_path / "site")
    return tmp_path


@pytest.fixture
def explain(place, capfd):
    def run(payload, *words: str):
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        (place / "body.json").write_bytes(body)
        code = main(["explain", "--payload", str(place / "body.json"), "--home", str(place / "home"), *words])
        out, err = capfd.readouterr()
        return SimpleNamespace(code=code, out=out, err=err, told=json.loads(out) if "--json" in words and out else None)

    return run


def test_a_push_is_told_with_a_verdict_for_each_workflow(explain):
    told = explain(push(), *GITHUB, "--json").told
    assert list(told["event"]) == KEYS.split()
    assert told["event"] == {
        "name": "push", "action": None, "repo": "acme/app", "clone_url": "https://forge.test/acme/app.git",
        "ref": "refs/heads/main", "branch": "main", "tag": None, "sha": SHA, "before": OLD, "author": "dev",
        "message": "change", "pr": None, "is_fork": None, "changed_files": ["src/a.py"],
    }  # fmt: skip
    assert told["signature"] == "unchecked"
    assert told["workflows"] == [
        {
            "path": ".github/workflows/ci.yml", "name": "CI", "runs": True,
            "reason": "push: paths has 'src/**' for src/a.py",
        },
        {
            "path": ".github/workflows/docs.yml", "name": ".github/workflows/docs.yml", "runs": False,
            "reason": "paths does not match src/a.py",
        },
    ]  # fmt: skip


def test_changed_files_can_be_given(explain):
    told = explain(push(), *GITHUB, "--json", "--changed", "docs/a.md").told
    assert [one["runs"] for one in told["workflows"]] == [False, True]
    assert told["event"]["changed_files"] == ["docs/a.md"]


def test_a_pull_request_tells_its_number_and_whether_it_is_a_forks(explain):
    event = explain(pull_request(head_repo="eve/app"), "--header", "X-GitHub-Event: pull_request", "--json").told[
        "event"
    ]
    assert [event[key] for key in ("name", "action", "ref", "branch", "pr", "is_fork")] == [
        "pull_request", "opened", "refs/pull/5/merge", "feature", 5, True,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("payload", "name"), [(push(), "push"), (pull_request(), "pull_request"), (merge_request(), "pull_request")]
)
def test_without_headers_the_payload_tells(explain, payload, name):
    answer = explain(payload, "--json")
    assert (answer.code, answer.told["event"]["name"]) == (0, name)
    assert "by its payload" in answer.err


def test_a_signature_is_held_against_the_repositorys_secret(explain, place):
    (place / "home").mkdir()
    (place / "home/treadle.yml").write_text("repos: [{name: acme/app, url: /srv/app, secret: s3, fork_prs: never}]")
    body = json.dumps(push()).encode()
    right = hmac.new(b"s3", body, hashlib.sha256).hexdigest()
    for value, verdict in ((f"sha256={right}", "valid"), ("sha256=" + "0" * 64, "invalid")):
        told = explain(body, *GITHUB, "--header", f"X-Hub-Signature-256: {value}", "--json").told
        assert told["signature"] == verdict
    assert explain(body, *GITHUB, "--json").told["signature"] == "missing"
    told = explain(pull_request(head_repo="eve/app"), "--json").told
    assert told["workflows"][0]["reason"].endswith("fork_prs is never")


def test_one_workflow_can_be_asked_about(explain):
    assert [one["name"] for one in explain(push(), *GITHUB, "--json", "CI").told["workflows"]] == ["CI"]


def test_people_get_lines(explain):
    answer = explain(push(), *GITHUB)
    assert "runs          .github/workflows/ci.yml: push: paths has 'src/**' for src/a.py" in answer.out
    assert "does not run  .github/workflows/docs.yml" in answer.out


@pytest.mark.parametrize(
    "payload", [b"{", b"[]", b"\xff", b"{}", b'{"ref": "x", "before": "1", "after": "2"}', b"payload=%zz"]
)
def test_what_is_no_delivery_is_wrong_usage(explain, payload):
    answer = explain(payload, "--json")
    assert (answer.code, answer.out) == (2, "")
    assert "is no delivery" in answer.err


@pytest.mark.parametrize(
    "words", [("--header", "no colon"), ("nothing.yml",), ("--header", "Content-Type: text/plain", *GITHUB)]
)
def test_bad_arguments_are_wrong_usage(explain, words):
    assert explain(push(), *words).code == 2


def test_a_payload_that_is_not_there_is_wrong_usage(place, capfd):
    assert main(["explain", "--payload", "none.json", "--home", str(place / "home")]) == 2
    assert "cannot be read" in capfd.readouterr().err


def test_an_invalid_workflow_is_named_with_its_line(explain, place):
    (place / "site/.github/workflows/bad.yml").write_text("on: push\njobs: {a: {steps: 3}}\n")
    answer = explain(push(), *GITHUB, "--json")
    assert answer.code == 2
    bad = next(one for one in answer.told["workflows"] if one["path"].endswith("bad.yml"))
    assert bad["reason"].startswith("invalid: .github/workflows/bad.yml:2:")
