"""`treadle search` and its route."""

import json
from pathlib import Path

import pytest

from app.cli.main import main
from engine.store.logs.search import LogFacts, SearchIndex
from engine.store.queue import StepNews
from tests.app.server.site import Site
from tests.app.server.site import site as serve
from tests.engine.fakes import Lab, jobs
from tests.engine.store.logs.test_search import log


@pytest.fixture
def site(tmp_path: Path):
    with serve(tmp_path / "home") as site:
        fill(site.lab)
        yield site


def fill(lab: Lab) -> None:
    run = lab.run(jobs(a=""))
    lease = lab.start()
    lab.store.queue.begin(lease, ["Set up", "Test"], None)
    lab.store.queue.steps(lease, [StepNews(1, "started", lab.clock.now())])
    lab.fail(lease)
    log(lab.store.home, run, "begin\n", "the \x1b[31mneedle\x1b[0m, lost\x07\n")
    SearchIndex(lab.store.home).take(
        [LogFacts(run, 1, 1, "team/site", "CI", ".github/workflows/ci.yml", "a", "failed")], 1
    )


def test_a_line_is_shown_with_its_job_step_and_number(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", "needle", "--home", str(site.home)]) == 0
    out = capsys.readouterr().out
    assert "j1" in out and "a of CI #1 in team/site, attempt 1" in out
    assert "2  Test: the needle, lost" in out and "\x07" not in out and "\x1b" not in out


def test_the_same_comes_from_afar(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["search", "the needle, lost", "--status", "failed", "--workflow", "ci", "--json"]
    assert main([*asked, "--connect", f"http://127.0.0.1:{site.port}", "--token", site.token("read")]) == 0
    afar = json.loads(capsys.readouterr().out)
    assert main([*asked, "--home", str(site.home)]) == 0
    here = json.loads(capsys.readouterr().out)
    assert afar == here
    [hit] = here["hits"]
    assert (hit["run"], hit["job"], hit["step_name"], hit["line"], here["more"]) == (1, 1, "Test", 2, False)


def test_nothing_found_is_no_failure(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", "nowhere", "--home", str(site.home)]) == 0
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("No log says that.")


def test_what_holds_no_word_is_wrong_usage_here_and_afar(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    afar = ["--connect", f"http://127.0.0.1:{site.port}", "--token", site.token("read")]
    for where in (["--home", str(site.home)], afar):
        assert main(["search", "%%", *where]) == 2
        assert "'%%' holds no word to look for. Words are letters and digits." in capsys.readouterr().err


def test_a_question_without_words_is_refused(site: Site) -> None:
    assert site.ask("GET", "/api/v1/search").status == 400
    assert site.ask("GET", "/api/v1/search?q=%22->%22").status == 422
    assert site.ask("GET", f"/api/v1/search?q={'x' * 501}").status == 400
    assert site.ask("GET", "/api/v1/search?q=needle*&limit=1").json["hits"][0]["line"] == 2
