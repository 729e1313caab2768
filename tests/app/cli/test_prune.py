"""`treadle prune`, `pin` and `unpin`: without an engine, and by way of one."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from app.cli.main import main
from engine.core.clock import SystemClock
from engine.home import HomeLock
from tests.app.server.site import Site
from tests.app.server.site import site as serve
from tests.engine.fakes import Lab, jobs


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with an old run, one of yesterday and one of today, as the real clock has it."""
    lab = Lab(tmp_path / "home")
    for days in (100, 1, 0):
        lab.clock._at = SystemClock().now() - timedelta(days=days)
        lab.run(jobs(a=""))
        lab.work()
    lab.close()
    return tmp_path / "home"


def told(capsys: pytest.CaptureFixture[str], *line: str) -> tuple[int, dict]:
    code = main([*line, "--json"])
    out = capsys.readouterr().out
    return code, json.loads(out) if out else {}


def test_a_dry_run_tells_what_would_go_and_why_and_removes_nothing(home, capsys):
    for _ in range(2):
        code, said = told(capsys, "prune", "--dry-run", "--home", str(home))
        assert code == 0 and said["counts"] == {"run": 1} and said["dry_run"]
        [one] = said["going"]
        assert (one["kind"], one["run"], one["artifact"]) == ("run", 1, None)
        assert one["why"] == "it ended more than 90 days ago (retention.runs)"


def test_without_an_engine_it_is_done_at_once(home, capsys):
    assert told(capsys, "prune", "--home", str(home))[1]["counts"] == {"run": 1}
    assert told(capsys, "prune", "--home", str(home))[1]["going"] == []
    assert main(["show", "r1", "--home", str(home)]) == 1


def test_people_read_it_as_a_table(home, capsys):
    assert main(["prune", "--dry-run", "--home", str(home)]) == 0
    said = capsys.readouterr()
    assert "run   r1" in said.out and "retention.runs" in said.out
    assert "Would go: 1 run (" in said.err


def test_a_pinned_run_is_shown_and_stays(home, capsys):
    code, said = told(capsys, "pin", "r1", "--home", str(home))
    assert code == 0 and said["done"] == "Run 1 is pinned: it stays, with its logs and artifacts."
    assert told(capsys, "prune", "--home", str(home))[1]["going"] == []
    main(["list", "--home", str(home)])
    assert "#1 pinned" in capsys.readouterr().out
    assert told(capsys, "show", "r1", "--home", str(home))[1]["pinned"]
    assert told(capsys, "unpin", "r1", "--home", str(home))[1]["done"] == "Run 1 is not pinned any more."
    assert told(capsys, "prune", "--home", str(home))[1]["counts"] == {"run": 1}


def test_beside_a_treadle_run_nothing_is_removed(home, capsys):
    lock = HomeLock(home)
    assert lock.take()
    assert main(["prune", "--home", str(home)]) == 1
    assert "Wait for its end" in capsys.readouterr().err
    assert main(["prune", "--dry-run", "--home", str(home)]) == 0
    lock.release()


def test_runs_are_pinned_over_the_api(site: Site):
    run = site.lab.run(jobs(a=""))
    answer = site.ask("POST", f"/api/v1/runs/{run}/pin", {})
    assert (answer.status, answer.json["kind"]) == (202, "run")
    assert site.ask("GET", f"/api/v1/runs/{run}").json["pinned"]
    assert site.ask("POST", f"/api/v1/runs/{run}/unpin", {}).status == 202
    assert not site.ask("GET", f"/api/v1/runs/{run}").json["pinned"]
    assert site.ask("POST", "/api/v1/runs/99/pin", {}).status == 404
    assert site.ask("POST", "/api/v1/prune", {}).status == 409, "this site has no retention"


@pytest.fixture
def site(tmp_path: Path):
    with serve(tmp_path / "site") as site:
        yield site
