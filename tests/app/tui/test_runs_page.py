"""The list of runs: live, filtered, marked, acted on; and the cursor that stays on its run."""

import asyncio

from app.tui.actions import CANCEL_RUN, END_RUN
from app.tui.pages.runs import RunsPage
from tests.app.tui.harness import Tui, tui_over
from tests.engine.fakes import jobs

ONE = jobs(a="")


def told(site) -> None:
    """Say that something changed, as a real engine does."""
    site.lab.bus.wake("news")


def cursor_line(it: Tui) -> str:
    return it.line("▸")


def test_runs_appear_and_change_by_themselves(site):
    site.lab.run(ONE, title="first")

    async def deed(it: Tui) -> None:
        await it.shows("first", "queued")
        second = site.lab.run(ONE, title="second", ref="refs/heads/dev", event="workflow_dispatch")
        told(site)
        await it.shows("second", "dev")
        lease = site.lab.start()
        told(site)
        await it.shows("running")
        site.lab.fail(lease)
        told(site)
        await it.shows("failed")
        site.lab.cancel(second)
        told(site)
        await it.shows("cancelled")
        assert "queued" not in it.text and "running" not in it.text

    tui_over(site, deed)


def test_the_cursor_stays_on_its_run_while_others_come(site):
    for title in ("one", "two", "three"):
        site.lab.run(ONE, title=title)

    async def deed(it: Tui) -> None:
        await it.shows("three")
        assert "three" in cursor_line(it)
        await it.press("j")
        assert "two" in cursor_line(it)
        site.lab.run(ONE, title="four")
        told(site)
        await it.shows("four")
        assert "two" in cursor_line(it)
        await it.press("g")
        assert "four" in cursor_line(it)
        site.lab.run(ONE, title="five")
        told(site)
        await it.shows("five")
        assert "five" in cursor_line(it)  # at the top it stays at the top

    tui_over(site, deed)


def test_a_workflow_without_a_name_is_told_by_its_file(site):
    site.lab.run(ONE, title="nameless", workflow_name=".github/workflows/ci.yml")

    async def deed(it: Tui) -> None:
        await it.shows("nameless")
        assert " ci.yml " in cursor_line(it)

    tui_over(site, deed)


def test_a_filter_narrows_as_one_types_and_is_remembered(site, tmp_path):
    site.lab.run(ONE, title="mend the roof")
    site.lab.run(ONE, title="paint the door")

    async def types(it: Tui) -> None:
        await it.shows("roof", "door")
        await it.press(*"/ro")
        await it.until(lambda: "door" not in it.text)
        assert "/ro 1 of 2" in it.lines[0] and "roof" in it.text
        await it.press("enter", "q")  # q is a key again
        await it.until(lambda: it.app._exit)

    app = tui_over(site, types, prefs=tmp_path)
    app.prefs.keep()

    async def looks(it: Tui) -> None:
        assert "/ro 1 of 2" in it.lines[0] and "door" not in it.text
        await it.press("escape")
        await it.shows("door", "roof")

    tui_over(site, looks, prefs=tmp_path)


def test_what_is_marked_is_acted_on_at_once(site):
    runs = [site.lab.run(ONE, title=title) for title in ("one", "two", "three")]

    async def deed(it: Tui) -> None:
        await it.shows("three")
        await it.press("space", "space")
        assert "2 marked" in it.lines[0]
        await it.press("c")
        await it.shows("Cancel: CI #3, CI #2?", CANCEL_RUN.loses, "treadle cancel r3")
        await it.press("y")
        await it.until(lambda: len(it.told) == 2)
        assert "marked" not in it.lines[0]

    tui_over(site, deed)
    site.lab.tick()
    assert [site.lab.status(run) for run in runs] == ["queued", "cancelled", "cancelled"]


def test_what_is_ending_already_is_asked_about_on_its_own(site):
    runs = [site.lab.run(ONE, title=title) for title in ("one", "two")]
    lease = site.lab.start()
    site.lab.cancel(runs[0])

    async def deed(it: Tui) -> None:
        await it.shows("two", "cancelli")
        await it.press("space", "space", "c")
        await it.shows("End at once: CI #1?", END_RUN.loses)
        await it.press("n")
        await it.shows("Cancel: CI #2?")
        await it.press("y")
        await it.until(lambda: it.told)

    tui_over(site, deed)
    site.lab.tick()
    assert site.lab.store.queue.cancel_asked() == {lease.job_id: ("the run was cancelled", False)}
    assert site.lab.status(runs[1]) == "cancelled"


def test_cancelling_asks_first_and_enter_says_no(site):
    run = site.lab.run(ONE)

    async def deed(it: Tui) -> None:
        await it.press("c")
        await it.shows("Cancel: CI #1?")
        await it.press("enter")
        await it.hides("Cancel: CI #1?")
        await it.press("c", "escape", "c", "n")
        await it.hides("Cancel: CI #1?")
        assert it.told == []

    tui_over(site, deed)
    site.lab.tick()
    assert site.lab.status(run) == "queued"


def test_running_again_asks_nothing_and_tells_its_command(site):
    run = site.lab.run(jobs(good="", bad=""))
    site.lab.finish(site.lab.start())
    site.lab.fail(site.lab.start())

    async def deed(it: Tui) -> None:
        await it.shows("failed")
        await it.press("R")
        await it.until(lambda: it.told)
        assert f"$ treadle retry r{run} --failed" in it.told[0]
        site.lab.tick()
        told(site)
        await it.hides("✗ failed")

    tui_over(site, deed)
    assert site.lab.statuses(run) == {"good": "success", "bad": "queued"}


def test_a_refusal_is_told_with_its_reason_and_its_command(site):
    run = site.lab.run(ONE)

    async def deed(it: Tui) -> None:
        await it.press("a")
        await it.until(lambda: it.told)
        assert "does not wait for approval" in it.told[0] and f"$ treadle approve r{run}" in it.told[0]

    tui_over(site, deed)


def test_a_run_that_waits_for_a_person_is_let_go_by_a_key(site):
    run = site.lab.run(ONE, blocked=True)

    async def deed(it: Tui) -> None:
        await it.shows("blocked")
        await it.press("a")
        await it.until(lambda: it.told)
        site.lab.tick()
        told(site)
        await it.shows("queued")

    tui_over(site, deed)
    assert site.lab.status(run) == "queued"


def test_a_session_that_only_reads_changes_nothing(site):
    run = site.lab.run(ONE)

    async def deed(it: Tui) -> None:
        assert "read only" in it.lines[0]
        assert "cancel" not in it.lines[-1] and "start one" not in it.lines[-1]
        for key in "crRad":
            await it.press(key)
        assert "Cancel" not in it.text
        await it.press("2", "plus", "p", "c", "6", "u", "d", "1", "enter")
        await it.until(lambda: type(it.app.page).__name__ == "RunPage" and it.app.page.fetched)
        for key in "crRTCad":
            await it.press(key)
        assert "Cancel" not in it.text
        assert set(it.told) <= {"This session is read only."}

    tui_over(site, deed, read_only=True)
    site.lab.tick()
    assert site.lab.status(run) == "queued"
    assert site.lab.store.queue.pause.get() is None


def test_several_repositories_are_told_apart_and_one_can_be_looked_at_alone(site):
    site.lab.run(ONE, "acme/app", title="app")
    site.lab.run(ONE, "acme/open", title="open")

    async def deed(it: Tui) -> None:
        await it.shows("acme/app", "acme/open", "REPO")
        await it.press("6")
        await it.shows("LAST RUN")
        await it.press("enter")  # the first one, acme/app
        await it.until(lambda: it.lines[0].startswith("Runs") and "1 of 2" in it.lines[0])
        assert "acme/app" in it.text and "acme/open" not in it.text

    tui_over(site, deed)


def test_nothing_yet_shows_how_to_begin(site):
    async def deed(it: Tui) -> None:
        await it.shows("Nothing has run here yet", "A forge")
        await it.press("f")
        await it.shows("treadle repo add")
        await it.press("y")
        await it.until(lambda: any("Copied" in notice for notice in it.told))
        await it.press("escape")
        site.lab.run(ONE, title="the first")
        told(site)
        await it.shows("the first")
        assert "Nothing has run" not in it.text

    tui_over(site, deed)


def test_a_run_is_pinned_and_let_go_by_the_same_key_and_shows_it(site):
    for title in ("one", "two"):
        site.lab.run(ONE, title=title)
        site.lab.work()

    async def deed(it: Tui) -> None:
        await it.shows("two")
        await it.press("p")
        await it.shows("pinned: two")
        assert any("$ treadle pin r2" in note for note in it.told)
        await it.press("ctrl+a", "p")
        await it.shows("pinned: one", "pinned: two")
        await it.press("escape", "enter")
        await it.until(lambda: "· pinned" in it.lines[0])
        await it.press("p")
        await it.until(lambda: any("$ treadle unpin r2" in note for note in it.told))
        await it.until(lambda: "pinned" not in it.lines[0])

    tui_over(site, deed)


def test_the_end_of_the_list_brings_older_runs(site, monkeypatch):
    monkeypatch.setattr(RunsPage, "SOME", 3)
    for number in range(8):
        site.lab.run(ONE, title=f"change {number}")

    async def deed(it: Tui) -> None:
        await it.shows("change 7", "change 5")
        assert "change 4" not in it.text
        await it.press("G")
        await it.shows("change 2")
        await it.press("G")
        await it.shows("change 0")

    tui_over(site, deed)


def test_a_run_that_comes_as_the_first_steps_are_shown_takes_their_place(site):
    async def deed(it: Tui) -> None:
        page = it.app.page
        assert isinstance(page, RunsPage)
        runs = page.runs
        for moments in range(12):
            page.runs = []
            page.present()
            for _ in range(moments):  # before it is on the screen, and after
                await asyncio.sleep(0)
            page.runs = runs
            page.present()
            await it.pilot.pause()
        await it.shows("first of all")
        await it.until(lambda: it.app.focused is page.list)

    site.lab.run(ONE, title="first of all")
    app = tui_over(site, deed)
    assert app._exception is None
