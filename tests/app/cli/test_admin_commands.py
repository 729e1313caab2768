"""repo, secret, token and slo: whole command lines against a real home."""

import io
import json
import subprocess
import sys
from types import SimpleNamespace

import pytest

from app.cli.main import main
from engine.settings.model import load
from engine.store.store import open_store


@pytest.fixture
def treadle(tmp_path, capfdbinary, monkeypatch):
    """Run `treadle WORDS…` on a home of the test's own, with `stdin`; returns code, stdout, stderr."""

    def run(*words: str, stdin: bytes | None = None):
        if stdin is not None:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        try:
            code = main([*words, "--home", str(tmp_path / "home")])
        except SystemExit as end:
            code = end.code
        out, err = capfdbinary.readouterr()
        return SimpleNamespace(code=code, out=out.decode(), err=err.decode())

    return run


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


def test_a_token_is_shown_once_and_can_be_revoked(treadle, home):
    made = treadle("token", "create", "--name", "ci", "--scope", "write", "--json")
    told = json.loads(made.out)
    assert set(told) == {"token", "id", "name", "scope"}
    store = open_store(home)
    assert store.tokens.find(told["token"]).scope == "write"
    store.close()
    listed = treadle("token", "list", "--json")
    assert [one["id"] for one in json.loads(listed.out)] == [told["id"]]
    assert told["token"] not in listed.out + treadle("token", "list").out
    assert treadle("token", "revoke", str(told["id"])).code == 0
    again = treadle("token", "revoke", str(told["id"]))
    assert (again.code, "no token" in again.err) == (1, True)


def test_a_token_alone_is_on_stdout(treadle):
    made = treadle("token", "create", "--scope", "read")
    assert made.out.startswith("tdl_")
    assert len(made.out.splitlines()) == 1
    assert "not shown again" in made.err


@pytest.mark.parametrize(
    "words", [("token",), ("token", "create"), ("token", "create", "--scope", "all"), ("repo", "x")]
)
def test_wrong_usage_is_2(treadle, words):
    assert treadle(*words).code == 2


def test_a_secrets_value_comes_from_stdin_and_is_never_shown(treadle, home):
    kept = treadle("secret", "set", "npm_token", stdin=b"hush\nhush\n")
    assert (kept.code, kept.out) == (0, "")
    listed = treadle("secret", "list", "--json")
    assert [(one["name"], one["repo"]) for one in json.loads(listed.out)] == [("NPM_TOKEN", None)]
    assert "hush" not in kept.err + listed.out + treadle("secret", "list").out
    store = open_store(home)
    assert store.vault.values(1) == {"NPM_TOKEN": "hush\nhush"}
    store.close()
    assert treadle("secret", "remove", "NPM_TOKEN").code == 0
    assert treadle("secret", "remove", "NPM_TOKEN").code == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [("A", b""), ("A", b"\n"), ("A", b"\xff"), ("1A", b"x"), ("GITHUB_X", b"x"), ("A", b"x" * 70_000)],
)
def test_what_is_no_secret_is_refused(treadle, name, value):
    refused = treadle("secret", "set", name, stdin=value)
    assert refused.code == 1
    assert refused.err.startswith("treadle: ")


def test_a_secret_of_one_repository_needs_that_repository(treadle, home):
    refused = treadle("secret", "set", "A", "--repo", "team/site", stdin=b"x")
    assert (refused.code, "no repository" in refused.err) == (1, True)
    treadle("repo", "add", "team/site", "https://git.lan/team/site.git", "--token-env", "NOT_SET_HERE")
    assert treadle("secret", "set", "A", "--repo", "team/site", stdin=b"x").code == 0
    near = treadle("secret", "set", "A", "--repo", "team/sit", stdin=b"x")
    assert "Did you mean 'team/site'?" in near.err
    assert json.loads(treadle("secret", "list", "--repo", "team/site", "--json").out)[0]["repo"] == "team/site"


def test_a_repository_goes_into_the_configuration_and_out_of_it(treadle, home):
    words = ("--secret-env", "HOOK", "--token-env", "TOKEN", "--forge", "gitea", "--poll", "60s", "--json")
    added = treadle("repo", "add", "team/site", "http://git.lan:3000/team/site.git", *words)
    told = json.loads(added.out)
    assert told["hook"] == "http://127.0.0.1:8484/hooks/team/site"
    assert told["engine"] is False
    [repo] = load(home, None, {"HOOK": "h", "TOKEN": "t"}).repos
    assert (repo.name, repo.secret, repo.token, repo.forge, repo.poll_s) == ("team/site", "h", "t", "gitea", 60.0)
    assert treadle("repo", "add", "team/site", "/x").code == 2
    assert treadle("repo", "remove", "team/site").code == 0
    assert load(home, None, {}).repos == ()
    assert treadle("repo", "remove", "team/site").code == 2


def test_a_path_is_written_whole(treadle, home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    treadle("repo", "add", "site", "./site", "--watch", "commits")
    [repo] = load(home, None, {}).repos
    assert (repo.url, repo.watch) == (str(tmp_path / "site"), "commits")


def test_repositories_are_listed_without_what_is_secret_in_their_urls(treadle):
    assert treadle("repo", "list").err.startswith("No repositories")
    treadle("repo", "add", "team/site", "https://ada:pa55@git.lan/team/site.git")
    listed = treadle("repo", "list", "--json")
    [one] = json.loads(listed.out)
    assert (one["url"], one["last_run"], one["configured"]) == ("https://git.lan/team/site.git", None, True)
    assert "pa55" not in listed.out + treadle("repo", "list").out


def test_the_promises_are_told_of_an_empty_home(treadle, home):
    open_store(home, create=True).close()
    told = json.loads(treadle("slo", "--json").out)
    assert told["windows"]["24h"]["completion"]["rate"] is None
    shown = treadle("slo")
    assert "error budget left" in shown.out
    assert "Nothing has run" in shown.err


def test_a_sync_finds_what_moved_since_the_last_look(treadle, home, tmp_path):
    from engine.core.clock import SystemClock
    from engine.git.repository import start_repository

    work = tmp_path / "site"
    work.mkdir()
    (work / "a").write_text("a")
    start_repository(work, "Begin", SystemClock().now())
    treadle("repo", "add", "site", str(work))
    assert json.loads(treadle("repo", "sync", "site", "--json").out) == {"name": "site", "events": 0, "engine": False}
    subprocess.run(["git", "-C", str(work), "branch", "other"], check=True)
    assert json.loads(treadle("repo", "sync", "site", "--json").out)["events"] == 1
    assert "0 refs" in treadle("repo", "sync", "site").err
    [one] = json.loads(treadle("repo", "list", "--json").out)
    assert (one["last_event"]["kind"], one["last_event"]["source"]) == ("push", "poll")
    assert treadle("repo", "sync", "sit").code == 1
