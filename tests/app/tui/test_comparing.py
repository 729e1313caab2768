"""A log against the last green run's, by a key: where it opens, what the keys do, and what cannot get out."""

from app.tui.presenters.diff import diff_prop
from tests.app.server.tries import played
from tests.app.tui.harness import Tui, tui_over
from tests.engine.fakes import jobs

SAME = "".join(f"line {number}\n" for number in range(300))
SETUP = ("set up", "success", "hello\n")
GOOD = ("test", "success", f"{SAME}took 12 ms\nb passed\nend\n")
BAD = ("test", "failed", f"{SAME}took 99 ms\nb failed\x1b[2J\x1b]0;owned\x07\u202e!\nend\nafter\n")


async def in_the_log(it: Tui) -> None:
    await it.press("enter")
    await it.until(lambda: type(it.app.page).__name__ == "RunPage" and it.app.page.fetched)
    await it.press("tab")
    await it.until(lambda: it.app.page.pane_in_focus() is not None)
    await it.until(lambda: type(it.app.page.pane_in_focus()).__name__ == "LogPane")


async def compared(it: Tui) -> None:
    await in_the_log(it)
    await it.press("d")
    await it.shows("+ new", "b failed")


def test_it_opens_at_the_first_new_line_with_marks_and_numbers(site):
    played(site.lab, SETUP, GOOD)
    played(site.lab, SETUP, BAD)

    async def deed(it: Tui) -> None:
        await compared(it)
        assert it.line("b passed").split()[1:-1] == ["302", "-", "b", "passed"]
        assert it.line("b failed").split()[1:4] == ["302", "+", "b"]
        assert it.line("took 99 ms").split()[1:3] == ["301", "301"]
        assert "lines alike" in it.text and "lines: 2 new, 1 gone" in it.text
        assert "$ treadle diff j2 --attempt 1" in it.text
        assert it.app.screen.query_one("DiffView").rows[it.app.screen.query_one("DiffView").cursor].kind == "new"
        assert "\x1b" not in it.text and "\u202e" not in it.text and "owned" not in it.text

    tui_over(site, deed)


def test_n_leads_from_change_to_change_and_around(site):
    played(site.lab, ("test", "success", f"a\n{SAME}b\n"))
    played(site.lab, ("test", "failed", f"x\n{SAME}y\n"))

    async def deed(it: Tui) -> None:
        await in_the_log(it)
        await it.press("D")
        await it.shows("+ x")
        view = it.app.screen.query_one("DiffView")
        texts = []
        for key in ("n", "n", "N"):
            await it.press(key)
            texts.append(view.rows[view.cursor].text)
        assert texts == ["b", "a", "b"]
        await it.shows("change 2 of 2")

    tui_over(site, deed)


def test_a_fold_opens_and_a_line_leads_to_the_log(site):
    played(site.lab, SETUP, GOOD)
    played(site.lab, SETUP, BAD)

    async def deed(it: Tui) -> None:
        await compared(it)
        await it.press("g", "enter")
        await it.shows("line 0", "line 1")
        view = it.app.screen.query_one("DiffView")
        assert [row.text for row in view.rows[:300]] == SAME.splitlines()
        assert [row.new for row in view.rows[:300]] == list(range(1, 301))
        await it.press("n", "enter")
        await it.hides("lines: 2 new, 1 gone")
        await it.until(lambda: "line 303 of 305" in it.text)

    tui_over(site, deed)


def test_another_step_and_the_attempt_before_may_be_asked_for(site):
    retried = jobs(a="retry: {max: 1, backoff: 0s}")
    played(site.lab, ("set up", "success", "hi\n"), GOOD, workflow=retried)
    first = played(site.lab, SETUP, BAD, workflow=retried)
    played(site.lab, SETUP, ("test", "failed", f"{SAME}other\n"), run=first.run_id)

    async def deed(it: Tui) -> None:
        await in_the_log(it)
        await it.press("D")
        await it.shows("+ other", "against #1")
        await it.press("left_curly_bracket")
        await it.shows("+ hello", "- hi", "--step 0")
        await it.press("p")
        await it.shows("against attempt 1", "nothing differs", "--against previous")
        await it.press("escape")
        await it.hides("nothing differs")

    tui_over(site, deed)


def test_where_there_is_nothing_to_compare_with_that_is_said(site):
    played(site.lab, SETUP, BAD)

    async def deed(it: Tui) -> None:
        await in_the_log(it)
        await it.press("D")
        await it.shows("has never been in a green run")
        await it.press("n", "N", "enter", "y", "right_curly_bracket", "g", "G", "escape")
        await it.hides("has never been in a green run")

    tui_over(site, deed)


def test_the_key_is_one_of_the_page_and_not_of_its_log_alone(site):
    played(site.lab, SETUP, BAD)

    async def deed(it: Tui) -> None:
        await it.press("enter")
        await it.until(lambda: type(it.app.page).__name__ == "RunPage" and it.app.page.fetched)
        assert "D diff" in it.lines[-1]
        await it.press("D")
        await it.shows("has never been in a green run", "$ treadle diff j1")

    tui_over(site, deed)


def test_what_the_api_tells_becomes_rows(site):
    played(site.lab, SETUP, GOOD)
    red = played(site.lab, SETUP, BAD)
    prop = diff_prop(site.get(f"/api/v1/jobs/{red.job_id}/diff").json, "treadle diff")
    assert [row.kind for row in prop.rows] == ["fold", "same", "same", "same", "gone", "new", "same", "new"]
    assert (prop.first, prop.step, prop.steps) == (5, 1, (0, 1))


def test_it_fits_a_small_terminal_of_plain_characters(site):
    played(site.lab, SETUP, GOOD)
    played(site.lab, SETUP, ("test", "failed", f"{SAME}{'w' * 500} the end of a long line\n"))

    async def deed(it: Tui) -> None:
        await in_the_log(it)
        await it.press("D")
        await it.shows("+ www", "> 29")
        assert it.text.isascii()
        await it.press(*["right"] * 80)
        await it.shows("the end of a long line")

    tui_over(site, deed, size=(60, 20), ascii=True)
