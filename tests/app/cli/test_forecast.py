"""What commands foretell: the same from the files of a home as from the engine on it."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.cli.main import main
from engine.core.clock import SystemClock
from tests.app.server.site import Site
from tests.app.server.site import site as serve
from tests.engine.fakes import START, jobs

CHAIN = jobs(a="", b="needs: a", c="needs: a")
USUAL = {"a": 600, "b": 1200, "c": 60}
Treadle = Callable[..., str]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """An engine with two workers that has run a chain of jobs before; its clock shows what the time is."""
    with serve(tmp_path / "home", workers=2) as site:
        lab = site.lab
        lab.clock.advance((SystemClock().now() - START).total_seconds() - sum(USUAL.values()))
        lab.run(CHAIN)
        while lease := lab.claim():
            lab.clock.advance(USUAL[lab.job(lease.job_id).key])
            lab.finish(lease)
        yield site


@pytest.fixture(params=["connect", "home"])
def treadle(request, site: Site, capsys, monkeypatch) -> Treadle:
    """Ask the engine over TCP, or the files of its home."""
    where = ["--connect", f"http://127.0.0.1:{site.port}", "--token", site.token("read")]
    if request.param == "home":
        where = ["--home", str(site.home)]
        (site.home / "treadle.yml").write_text("workers: 2\n")
        monkeypatch.setattr("engine.store.store.open_store", lambda home, create=False: site.lab.store)
        monkeypatch.setattr(site.lab.store, "close", lambda: None)
    monkeypatch.setenv("COLUMNS", "200")

    def call(*line: str) -> str:
        assert main([*line, *where]) == 0
        return capsys.readouterr().out

    return call


def test_show_tells_when_a_run_is_done_and_its_jobs_start(site: Site, treadle: Treadle) -> None:
    site.lab.run(CHAIN)
    site.lab.start()
    shown = treadle("show", "latest")
    assert "  done in ~30 min, at " in shown
    assert "  its end waits for a → b\n" in shown
    assert re.search(r"running  a  j\d  0:0\d of ~10:00\n", shown)
    assert re.search(r"pending  b  j\d  needs a  starts in ~10 min\n", shown)
    told = json.loads(treadle("show", "latest", "--json"))
    assert [job["expected_s"] for job in told["jobs"]] == [600, 1200, 60]
    assert told["expected_finish_at"] and len(told["critical"]) == 2


def test_show_says_of_a_job_that_it_is_slower_than_usual(site: Site, treadle: Treadle) -> None:
    site.lab.clock.advance(-2500)
    site.lab.run(CHAIN)
    site.lab.start()
    site.lab.clock.advance(2500)
    assert "4x slower than usual" in treadle("show", "latest")
    assert "4x slower than usual" in treadle("queue")


def test_list_tells_of_what_runs_when_it_is_done(site: Site, treadle: Treadle) -> None:
    site.lab.run(CHAIN)
    site.lab.start()
    _, newest, before = treadle("list").strip().split("\n")
    assert newest.endswith(", done in ~30 min")
    assert "done in" not in before


def test_queue_tells_what_runs_when_it_is_done_and_what_waits_when_it_starts(site: Site, treadle: Treadle) -> None:
    site.lab.run(CHAIN)
    site.lab.start("worker-1")
    shown = treadle("queue")
    assert "on worker-1, attempt 1, done in ~10 min" in shown
    assert shown.count("needs a, starts in ~10 min") == 2


def test_of_a_first_run_nothing_is_told(site: Site, treadle: Treadle) -> None:
    site.lab.run(jobs(x="", y="needs: x"), workflow_path="new.yml")
    site.lab.start()
    assert not re.search("done in|starts in|usual|waits for| of ~", treadle("show", "latest") + treadle("queue"))


def test_a_broken_configuration_hides_nothing_but_the_forecast(site: Site, capsys) -> None:
    site.lab.run(CHAIN)
    site.lab.start()
    (site.home / "treadle.yml").write_text("workers: [")
    assert main(["list", "--home", str(site.home)]) == 0
    assert "done in" not in capsys.readouterr().out


def test_show_tells_of_what_is_over_what_its_end_waited_for(site: Site, treadle: Treadle) -> None:
    assert re.search("  its end waited for a → [bc]\n", treadle("show", "latest"))


def test_queue_foretells_beside_an_engine_that_serves_nobody(site: Site, treadle: Treadle, monkeypatch) -> None:
    monkeypatch.setattr("app.client.Client.is_there", lambda _: False)
    site.lab.run(CHAIN)
    site.lab.start("worker-1")
    shown = treadle("queue")
    assert "done in ~10 min" in shown and "starts in ~10 min" in shown
