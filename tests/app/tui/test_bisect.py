"""Finding the commit that broke a job: asked for with a key, watched as it goes, ended by name."""

from pathlib import Path

import pytest

from engine.control.bisecting.start import propose, start
from tests.app.tui.harness import Tui, tui_over
from tests.engine.bisect_lab import BisectLab


@pytest.fixture
def lab(site, tmp_path: Path) -> BisectLab:
    return BisectLab(site.lab, tmp_path / "app")


def begun(lab: BisectLab) -> int:
    job = lab.green_then_red()
    return start(lab.lab.store, propose(lab.lab.store, job), "ada", lab.lab.clock)


async def open_run(it: Tui) -> None:
    await it.press("enter")
    await it.until(lambda: type(it.app.page).__name__ == "RunPage" and it.app.page.fetched)


def test_a_key_on_a_red_job_asks_and_the_search_is_watched_to_the_name(site, lab):
    lab.green_then_red()

    async def deed(it: Tui) -> None:
        await open_run(it)
        await it.press("B")
        await it.shows("Find the commit that broke a?", "5 commits came after it", "about 4 runs", "treadle bisect j2")
        await it.press("y")
        await it.shows("Runs › bisect 1 › a", "one of 5 commits is to blame")
        lab.turn()
        await it.shows("Commit 3", "running", "trial 1 of ~4")
        lab.work(good=True)
        lab.turn()
        await it.shows("works", "Commit 4")
        lab.try_all(1, culprit=4)
        await it.shows(f"{lab.shas[4][:12]} is the first commit that fails: Commit 4", "by Ada <ada@example.org>")
        await it.shows("once more, to make sure", "found")

    tui_over(site, deed)


def test_no_is_no(site, lab):
    lab.green_then_red()

    async def deed(it: Tui) -> None:
        await open_run(it)
        await it.press("B")
        await it.shows("Find the commit that broke a?")
        await it.press("enter")
        await it.hides("Find the commit that broke a?")
        assert site.lab.store.bisects.newest() == []

    tui_over(site, deed)


def test_a_search_that_is_there_is_shown_also_from_the_run_of_its_trial(site, lab):
    begun(lab)
    lab.turn()

    async def deed(it: Tui) -> None:
        await it.shows("bisect 1: ")
        await open_run(it)  # the newest: the trial
        await it.press("B")
        await it.shows("Runs › bisect 1 › a", "Commit 3")
        await it.press("v")
        await it.until(lambda: type(it.app.page).__name__ == "RunPage" and it.app.page.run["id"] == 2)
        await it.until(lambda: it.app.page.fetched)
        await it.press("B")
        await it.shows("Runs › bisect 1 › a")

    tui_over(site, deed)


def test_a_search_is_ended_with_a_key_after_a_question(site, lab):
    bisect_id = begun(lab)
    lab.turn()

    async def deed(it: Tui) -> None:
        await open_run(it)
        await it.press("B")
        await it.shows("bisect 1")
        await it.press("c")
        await it.shows("End the search", "What its trial did is lost")
        await it.press("y")
        await it.until(lambda: lab.now(bisect_id).status == "cancelled")
        await it.until(lambda: any("Bisect 1 is cancelled." in told for told in it.told))

    tui_over(site, deed)


def test_why_there_can_be_no_search_is_said(site, lab):
    lab.ran(6, good=False)

    async def deed(it: Tui) -> None:
        await open_run(it)
        await it.press("B")
        await it.until(lambda: any("Name one that worked" in told for told in it.told))

    tui_over(site, deed)


def test_a_session_that_only_reads_begins_none(site, lab):
    lab.green_then_red()

    async def deed(it: Tui) -> None:
        await open_run(it)
        await it.press("B")
        await it.until(lambda: any("This session is read only." in told for told in it.told))

    tui_over(site, deed, read_only=True)


def test_a_hostile_commit_writes_nothing_outside_its_cell(site, lab):
    lab.git("commit", "-q", "--allow-empty", "--amend", "-m", "x\x1b[2J[red]y\x07")
    lab.shas[6] = lab.git("rev-parse", "HEAD")
    lab.ran(5, good=True)
    job = lab.ran(6, good=False)
    start(lab.lab.store, propose(lab.lab.store, job), "ada", lab.lab.clock)
    lab.turn()

    async def deed(it: Tui) -> None:
        await open_run(it)
        await it.press("B")
        await it.shows("is the first commit that fails")
        assert "\x1b" not in it.text and "[red]y" in it.text

    tui_over(site, deed)


def test_all_searches_are_in_a_list_from_which_each_opens_with_its_run(site, lab):
    begun(lab)
    lab.turn()

    async def deed(it: Tui) -> None:
        it.app.show_over("bisects")
        await it.shows("Bisects", "$ treadle bisect --list", "● running", "trial 1 of ~4", "r2")
        it.app.show_over("bisects")
        assert len(it.app.screen_stack) == 2
        lab.try_all(1, culprit=4)
        await it.shows("✓ found", f"{lab.shas[4][:12]} Commit 4")
        await it.press("enter")
        await it.shows("Runs › bisect 1 › a", "once more, to make sure")
        await it.press("escape", "v")
        await it.until(lambda: type(it.app.page).__name__ == "RunPage" and it.app.page.run["id"] == 2)

    tui_over(site, deed)
