"""The laws of administration over HTTP: for admins alone, and nothing secret comes back, in no answer and no log."""

import logging
import subprocess
from pathlib import Path

import pytest

from app.server import repos
from app.server.routes import ROUTES
from engine.git.repository import start_repository
from engine.settings.live import LiveSettings
from tests.app.server.site import Site

VALUE = "hush-hush-value"


@pytest.fixture
def edited(site: Site) -> Path:
    """The site with a configuration that it may edit."""
    file = site.home / "treadle.yml"
    prepare = lambda settings: site.desk.repo_ids.update(  # noqa: E731
        {repo.name: site.lab.store.runs.repo(repo.name, "") for repo in settings.repos}
    )
    site.desk.live = LiveSettings(site.desk.settings, file, {"HOOK": "hook-secret"}, prepare)
    return file


@pytest.mark.parametrize("scope", ["read", "write"])
def test_only_an_admin_administers(site: Site, scope: str) -> None:
    asked = [route for route in ROUTES if route.scope == "admin"]
    assert {(route.method, route.path.rpartition("/")[2]) for route in asked} >= {("POST", "tokens"), ("POST", "repos")}
    for route in asked:
        path = route.path.replace("{repo:.+}", "acme/app").replace("{name}", "X").replace("{id:[0-9]{1,15}}", "1")
        assert site.ask(route.method, path, scope=scope).status == 403, route.path


def test_a_secret_goes_in_and_never_comes_out(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    made = site.ask("POST", "/api/v1/secrets", {"name": "npm_token", "value": VALUE})
    assert (made.status, made.json) == (201, {"name": "NPM_TOKEN", "repo": None, "environment": None})
    mine = site.ask("POST", "/api/v1/secrets", {"name": "KEY", "value": VALUE, "repo": "acme/app"})
    assert mine.json == {"name": "KEY", "repo": "acme/app", "environment": None}
    listed = site.get("/api/v1/secrets")
    assert [(one["name"], one["repo"]) for one in listed.json["secrets"]] == [("NPM_TOKEN", None), ("KEY", "acme/app")]
    assert [one["name"] for one in site.get("/api/v1/secrets?repo=acme/app").json["secrets"]] == ["KEY"]
    repo_id = site.desk.repo_ids["acme/app"]
    assert site.lab.store.vault.values(repo_id) == {"NPM_TOKEN": VALUE, "KEY": VALUE}
    assert site.ask("DELETE", "/api/v1/secrets/key").status == 404, "that one is of a repository"
    assert site.ask("DELETE", "/api/v1/secrets/key?repo=acme/app").json["removed"] is True
    assert site.lab.store.vault.values(repo_id) == {"NPM_TOKEN": VALUE}
    there = site.ask("POST", "/api/v1/secrets", {"name": "KEY", "value": VALUE, "environment": "Prod"})
    assert there.json["environment"] == "Prod"
    assert site.lab.store.vault.values(repo_id, "prod") == {"KEY": VALUE}
    assert [one["environment"] for one in site.get("/api/v1/secrets").json["secrets"]] == [None, "prod"]
    assert site.ask("DELETE", "/api/v1/secrets/key?environment=prod").json["removed"] is True
    assert VALUE.encode() not in made.body + mine.body + listed.body
    assert VALUE not in caplog.text
    assert "admin set the secret NPM_TOKEN of all repositories" in caplog.text


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"name": "A"}),
        (400, {"name": "A", "value": ""}),
        (400, {"name": "A", "value": 5}),
        (400, {"name": "A", "value": VALUE, "more": 1}),
        (409, {"name": "1A", "value": VALUE}),
        (409, {"name": "GITHUB_A", "value": VALUE}),
        (404, {"name": "A", "value": VALUE, "repo": "acme/none"}),
        (409, {"name": "A", "value": VALUE * 10_000}),
        (413, {"name": "A", "value": VALUE * 100_000}),
    ],
)
def test_what_is_no_secret_is_refused_without_repeating_it(site: Site, status: int, body: object) -> None:
    answer = site.ask("POST", "/api/v1/secrets", body)
    assert answer.status == status
    assert VALUE.encode() not in answer.body
    assert site.lab.store.vault.list() == []


def test_a_token_is_told_once_and_works_until_it_is_revoked(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    made = site.ask("POST", "/api/v1/tokens", {"scope": "read", "name": "prometheus"})
    text = made.json["token"]
    assert (made.status, made.json["scope"], made.headers["Cache-Control"]) == (201, "read", "no-store")
    told = {"Authorization": f"Bearer {text}"}
    assert site.ask("GET", "/api/v1/runs", headers=told, scope=None).status == 200
    listed = site.get("/api/v1/tokens")
    assert [one["name"] for one in listed.json["tokens"]] == ["admin", "prometheus"]
    assert text.encode() not in listed.body
    path = f"/api/v1/tokens/{made.json['id']}"
    assert site.ask("DELETE", path).json == {"id": made.json["id"], "revoked": True}
    assert site.ask("GET", "/api/v1/runs", headers=told, scope=None).status == 401
    assert site.ask("DELETE", path).status == 404
    assert text not in caplog.text


@pytest.mark.parametrize("body", [{}, {"scope": "all"}, {"scope": "read", "name": 5}])
def test_a_token_has_a_scope_that_there_is(site: Site, body: object) -> None:
    assert site.ask("POST", "/api/v1/tokens", body).status == 400


def test_a_repository_is_added_with_the_variables_of_the_server(site: Site, edited: Path) -> None:
    edited.write_text("# mine\n")
    body = {"name": "acme/new", "url": "https://git.lan/acme/new.git", "secret_env": "HOOK", "poll": "60s"}
    added = site.ask("POST", "/api/v1/repos", body)
    assert (added.status, added.json["hook"]) == (201, f"http://127.0.0.1:{site.port}/hooks/acme/new")
    assert edited.read_text().startswith("# mine\n")
    assert "secret: ${HOOK}" in edited.read_text()
    [told] = [one for one in site.get("/api/v1/repos").json["repos"] if one["name"] == "acme/new"]
    assert (told["secret"], told["poll_s"], told["configured"]) == (True, 60.0, True)
    assert b"hook-secret" not in added.body + site.get("/api/v1/repos").body
    assert site.ask("DELETE", "/api/v1/repos/acme/new").json["removed"] is True
    assert edited.read_text() == "# mine\n\nrepos: []\n"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"name": "x"}),
        (422, {"name": "x/../y", "url": "/srv/x"}),
        (422, {"name": "x", "url": "./here"}),
        (422, {"name": "x", "url": "/srv/x", "forge": "svn"}),
        (422, {"name": "x", "url": "/srv/x", "poll": "soon"}),
        (422, {"name": "x", "url": "/srv/x", "token_env": "A}B"}),
        (422, {"name": "x", "url": "/srv/x", "token_env": "NOT_SET"}),
        (422, {"name": "x", "url": "/srv/x\n    allow_host: true"}),
        (400, {"name": "x", "url": "/srv/x", "allow_host": "yes"}),
    ],
)
def test_a_repository_that_cannot_be_is_refused_and_nothing_written(
    site: Site, edited: Path, status: int, body: object
) -> None:
    edited.write_text("# mine\n")
    answer = site.ask("POST", "/api/v1/repos", body)
    assert (answer.status, bool(answer.json["error"])) == (status, True)
    assert edited.read_text() == "# mine\n"


def test_a_commit_made_after_a_repository_was_added_is_news_to_the_first_who_looks(
    site: Site, edited: Path, tmp_path: Path
) -> None:
    place = tmp_path / "new"
    place.mkdir()
    start_repository(place, "before", site.lab.clock.now())
    added = site.ask("POST", "/api/v1/repos", {"name": "acme/here", "url": str(place), "watch": "commits"})
    assert added.status == 201, added.body
    (place / "more").write_text("more")
    for line in (["add", "-A"], ["-c", "user.name=a", "-c", "user.email=a@localhost", "commit", "-qm", "after"]):
        subprocess.run(["git", "-C", place, *line], check=True)
    assert site.ask("POST", "/api/v1/repos/acme/here/sync", scope="write").json["events"] == 1
    later = tmp_path / "later"
    later.mkdir()  # no repository yet
    assert site.ask("POST", "/api/v1/repos", {"name": "acme/later", "url": str(later)}).status == 201


def test_whoever_waits_for_news_of_refs_hears_of_a_repository_that_was_added(
    site: Site, edited: Path, tmp_path: Path
) -> None:
    """The engine looks later, finds nothing new and wakes nobody: schedules would wait for the next push."""
    place = tmp_path / "new"
    place.mkdir()
    start_repository(place, "before", site.lab.clock.now())
    news = site.desk.bus.listen("refs")
    assert site.ask("POST", "/api/v1/repos", {"name": "acme/here", "url": str(place)}).status == 201
    assert news.wait(0.0)


def test_a_repository_that_cannot_be_asked_says_why(site: Site, tmp_path: Path) -> None:
    answer = site.ask("POST", "/api/v1/repos/acme/app/sync", scope="write")
    assert (answer.status, bool(answer.error)) == (409, True)
    [told] = [one for one in site.get("/api/v1/repos").json["repos"] if one["name"] == "acme/app"]
    assert told["last_sync"]["problem"]
    assert site.ask("POST", "/api/v1/repos/acme/none/sync").status == 404


def test_a_repository_that_times_out_is_not_said_to_go_on(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def look(*_: object) -> int:
        raise TimeoutError("the network")

    monkeypatch.setattr(repos, "look", look)
    assert site.ask("POST", "/api/v1/repos/acme/app/sync", scope="write").status == 500


def test_nothing_is_administered_while_the_engine_is_stopped(site: Site) -> None:
    site.desk.draining = True
    assert site.ask("DELETE", "/api/v1/tokens/1").status == 503
    assert site.ask("POST", "/api/v1/tokens", {"scope": "read"}).status == 503
