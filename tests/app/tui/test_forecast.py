"""What is expected, in the terminal UI: the path that the end waits for is lit, times count, lateness is told once."""

from collections.abc import Iterator

import pytest

from app.tui.pages.run import RunPage
from app.tui.presenters import forecast, queue, run
from tests.app.server.site import Site
from tests.app.tui.harness import Tui, tui_over
from tests.engine.fakes import START, jobs
from widgets.dag_pane import DagPane

GRAPH = jobs(build="", lint="", test="needs: build", ship="needs: [test, lint]")
USUAL = {"build": 70, "lint": 10, "test": 100, "ship": 20}
NOW = "2030-01-02T03:04:05Z"


@pytest.fixture
def learnt(site: Site) -> Iterator[Site]:
    """A site whose workflow has run before."""
    site.lab.run(GRAPH)
    while lease := site.lab.claim():
        site.lab.clock.advance(USUAL[site.lab.job(lease.job_id).key])
        site.lab.finish(lease)
    yield site


def job(**told: object) -> dict[str, object]:
    return {
        "id": 1, "name": "a", "status": "running", "attempts": 1, "cancel_asked_at": None, "expected_s": 70.0,
        "held_until": None, "patched": False, "attempt_started_at": "2030-01-02T03:03:23Z", "expected_start_at": None,
    } | told  # fmt: skip


@pytest.mark.parametrize(
    ("told", "note"),
    [
        ({}, "0:42/~1:10"),
        ({"attempts": 2}, "try 2 0:42/~1:10"),
        ({"expected_s": None}, ""),
        ({"attempt_started_at": None}, ""),
        ({"cancel_asked_at": NOW}, ""),
        ({"expected_s": 10.0}, "4x slower"),
        ({"status": "success"}, ""),
        ({"status": "queued", "attempt_started_at": None, "expected_start_at": "2030-01-02T03:07:05Z"}, "in ~3 min"),
        ({"status": "queued", "attempt_started_at": None, "expected_start_at": NOW}, "any moment"),
    ],
)
def test_a_note_says_how_much_of_the_usual_is_over_or_when_it_starts(told, note) -> None:
    assert forecast.note(job(**told), START) == note


def test_a_path_is_lit_unless_it_is_all_there_is() -> None:
    several = [job(id=id) for id in (1, 2, 3)]
    assert forecast.lit({"critical": [1, 3]}, several) == {1, 3}
    assert forecast.lit({"critical": [1, 2, 3]}, several) == forecast.lit({"critical": [1]}, several) == frozenset()


def test_a_run_says_when_it_is_over_only_while_it_is_not() -> None:
    told = {"status": "running", "expected_finish_at": "2030-01-02T03:07:05Z"}
    assert forecast.left(told, START) == "done in ~3 min"
    assert (
        forecast.left(told | {"status": "success"}, START)
        == forecast.left(told | {"expected_finish_at": None}, START)
        == ""
    )


def test_the_path_that_the_end_waits_for_is_lit_and_times_count(learnt: Site) -> None:
    learnt.lab.run(GRAPH)
    learnt.lab.start()
    learnt.lab.clock.advance(42)

    async def deed(it: Tui) -> None:
        await it.press("enter")
        await it.shows("build running 0:42/~1:10", "done in ~2 min", "lint queued")
        pane = it.app.page.query_one(DagPane)
        assert [one.name for one in pane._jobs.values() if one.critical] == ["build", "test", "ship"]
        lit = pane.get_component_rich_style("dag--critical")
        painted = {
            segment.text.strip(): segment.style
            for line in range(pane.size.height)
            for segment in pane.render_line(line)
        }
        assert painted["test"].color == lit.color != painted["lint"].color
        learnt.lab.clock.advance(20)
        await it.shows("build running 1:02/~1:10")

    tui_over(learnt, deed)


def test_what_is_late_is_said_in_words_and_told_once(learnt: Site) -> None:
    learnt.lab.run(GRAPH)
    learnt.lab.start()
    learnt.lab.clock.advance(60)

    async def deed(it: Tui) -> None:
        await it.press("enter")
        await it.until(lambda: isinstance(it.app.page, RunPage) and it.app.page.fetched)
        assert it.told == []
        learnt.lab.clock.advance(200)
        await it.shows("build running 3x slower")
        await it.until(lambda: it.told)
        learnt.lab.clock.advance(100)
        await it.shows("build running 5x slower")
        assert it.told == ["build is 3x slower than usual"]

    tui_over(learnt, deed)


def test_the_queue_says_when_what_waits_will_start(learnt: Site) -> None:
    learnt.lab.run(GRAPH)
    learnt.lab.start("worker-1")

    async def deed(it: Tui) -> None:
        await it.press("2")
        await it.shows("STARTS IN", "done in ~1 min")
        assert "~1 min" in it.line("needs build")

    tui_over(learnt, deed)


def test_nothing_is_said_where_nothing_is_known(site: Site) -> None:
    site.lab.run(GRAPH)
    site.lab.start()
    site.lab.clock.advance(42)

    async def deed(it: Tui) -> None:
        await it.press("enter")
        await it.shows("build running 42 s")
        assert "~" not in it.text and "done in" not in it.text

    tui_over(site, deed)


def test_a_queue_of_an_engine_that_knows_nothing_has_empty_cells() -> None:
    waits = {"reason": "x", "until": None}
    told = job(status="queued", priority=0, workflow="CI", run_number=1, repo="r", place=1, waits=waits, queued_at=NOW)
    [row] = queue.queue_rows({"workers": [], "waiting": [told]}, START)
    assert [cell.text for cell, column in zip(row.cells, queue.COLUMNS, strict=True) if column.key == "starts"] == [""]


def test_a_job_of_a_graph_is_late_and_critical_by_what_is_told() -> None:
    told = job(expected_s=10.0, key="a", needs=[], matrix=None, started_at=NOW, finished_at=None, next_attempt_at=None)
    [node] = run.dag_jobs([told], START, {1})
    assert (node.note, node.late, node.critical) == ("4x slower", True, True)
