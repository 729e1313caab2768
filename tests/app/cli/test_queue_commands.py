"""queue, priority, events, replay, and repo, secret, token on a remote engine: the same as on its home."""

import io
import json
import sys
from pathlib import Path

import pytest

from app.cli.main import main
from engine.settings.live import LiveSettings
from tests.app.cli.treadle_process import Treadle
from tests.app.server.site import Site
from tests.app.server.site import site as serve
from tests.engine.fakes import jobs


@pytest.fixture
def site(tmp_path: Path):
    with serve(tmp_path / "home") as site:
        site.desk.live = LiveSettings(site.desk.settings, site.home / "treadle.yml")
        yield site


@pytest.fixture(params=["connect", "socket"])
def treadle(request, site: Site, capfdbinary, monkeypatch):
    """Speak to the engine over TCP with a token, or over the socket of its home."""
    token = site.token("admin")

    def call(*line, stdin: bytes | None = None) -> tuple[int, str, str]:
        where = ["--connect", f"http://127.0.0.1:{site.port}", "--token", token]
        if request.param == "socket":
            where = ["--home", str(site.home)]
            store = site.lab.store
            monkeypatch.setattr("engine.store.store.open_store", lambda home, create=False: store)
            monkeypatch.setattr(store, "close", lambda: None)
        if stdin is not None:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = main([*map(str, line), *where])
        out, err = capfdbinary.readouterr()
        return code, out.decode(), err.decode()

    return call


def test_the_queue_is_shown_and_paused_and_goes_on(site: Site, treadle):
    site.lab.run(jobs(a="", b="needs: a"), "acme/app")
    site.lab.start("worker-1")
    code, out, err = treadle("queue")
    assert code == 0
    assert err.startswith("1 of ") and "0 queued, 1 not ready yet" in err
    assert "on worker-1, attempt 1" in out and "needs a" in out
    assert treadle("queue", "pause")[1] == "The queue is paused. What runs goes on.\n"
    assert "Paused by " in treadle("queue")[2]
    told = json.loads(treadle("queue", "--json")[1])
    assert told["paused"] and [one["waits"]["cause"] for one in told["waiting"]] == ["needs"]
    assert json.loads(treadle("queue", "resume", "--json")[1])["done"] == "The queue goes on."
    assert treadle("queue", "resume")[1] == "The queue was not paused.\n"


def test_a_job_is_put_forward(site: Site, treadle):
    run_id = site.lab.run(jobs(a="", b=""))
    job = site.lab.named(run_id, "b")
    assert treadle("priority", "latest/b", "7")[1] == f"Job {job.id} has the priority 7.\n"
    assert treadle("priority", f"j{job.id}", "-7")[0] == 0
    assert site.lab.job(job.id).priority == -7
    assert treadle("priority", "latest/b", "7000")[0] == 1


def test_events_are_listed_and_planned_once_more(site: Site, treadle):
    push = {
        "ref": "refs/heads/main", "before": "1" * 40, "after": "2" * 40, "sender": {"login": "ada"},
        "repository": {"full_name": "acme/app"},
    }  # fmt: skip
    event = site.deliver(push).json["event"]
    [told] = json.loads(treadle("events", "--json")[1])
    assert (told["id"], told["about"]["actor"], told["status"]) == (event, "ada", "received")
    out = treadle("events", "--repo", "acme/app")[1]
    assert "main" in out and "waits to be planned" in out
    assert treadle("events", "--status", "dropped")[2] == "No events.\n"
    assert treadle("replay", event)[1] == f"Event {event} is planned once more.\n"
    assert treadle("replay", 99)[0] == 1


def test_a_repository_is_added_listed_synced_and_removed(site: Site, treadle, tmp_path):
    code, out, err = treadle("repo", "add", "acme/new", tmp_path / "nothing", "--forge", "gitea", "--json")
    assert code == 0, err
    assert json.loads(out)["engine"] is True
    assert site.desk.settings.repo("acme/new").forge == "gitea"
    assert "acme/new" in treadle("repo", "list")[1]
    site.desk.repo_ids["acme/new"] = site.lab.store.runs.repo("acme/new", "")
    assert treadle("repo", "sync", "acme/new")[0] != 0, "there is nothing"
    assert treadle("repo", "add", "acme/new", "/x")[0] == 2
    assert treadle("repo", "remove", "acme/new")[0] == 0
    assert site.desk.settings.repo("acme/new") is None
    assert treadle("repo", "remove", "acme/new")[0] == 1


def test_a_secret_is_kept_there_and_its_value_shown_nowhere(site: Site, treadle):
    said = [treadle("secret", "set", "KEY", "--repo", "acme/app", stdin=b"hush\n")]
    said += [treadle("secret", "list"), treadle("secret", "list", "--json")]
    assert [code for code, _, _ in said] == [0, 0, 0]
    assert "hush" not in str(said)
    assert site.lab.store.vault.values(site.desk.repo_ids["acme/app"]) == {"KEY": "hush"}
    assert treadle("secret", "remove", "KEY", "--repo", "acme/app")[0] == 0
    assert treadle("secret", "remove", "KEY", "--repo", "acme/app")[0] == 1
    assert treadle("secret", "set", "1A", stdin=b"hush")[0] == 1


def test_a_token_is_made_there_listed_and_revoked(site: Site, treadle):
    code, out, err = treadle("token", "create", "--scope", "read", "--name", "grafana")
    assert (code, out[:4], "not shown again" in err) == (0, "tdl_", True)
    made = site.lab.store.tokens.find(out.strip())
    assert (made.name, made.scope) == ("grafana", "read")
    listed = treadle("token", "list")[1]
    assert "grafana" in listed and out.strip() not in listed
    assert treadle("token", "revoke", made.id)[0] == 0
    assert treadle("token", "revoke", made.id)[0] == 1


def test_who_may_not_administer_is_told_so(site: Site, capfdbinary):
    where = ["--connect", f"http://127.0.0.1:{site.port}", "--token", site.token("write")]
    assert main(["token", "list", *where]) == 2
    assert b"scope admin" in capfdbinary.readouterr().err


def test_a_local_run_waits_for_a_paused_queue_and_says_so(tmp_path):
    treadle = Treadle(tmp_path)
    try:
        treadle.write("jobs: {a: {runs-on: here, steps: [{run: echo hello}]}}")
        assert treadle.call("queue", "pause").returncode == 0
        run = treadle.start()
        assert run.process.stderr is not None
        assert "The queue of this home is paused" in run.process.stderr.readline()
        assert json.loads(treadle.call("queue", "--json").stdout)["paused"] is not None
        assert treadle.call("queue", "resume").stdout == "The queue goes on.\n"
        assert run.result["status"] == "success"
    finally:
        treadle.close()
