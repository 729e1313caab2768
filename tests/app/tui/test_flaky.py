"""Failures that come and go, in the terminal: the list, and what a failed attempt says of itself."""

from app.tui.presenters.flaky import attempt_reason
from tests.app.server.test_flaky import FAILED, comes_and_goes
from tests.app.tui.harness import Tui, tui_over
from tests.engine.fakes import jobs


def test_the_list_is_a_key_away_and_leads_to_the_last_failure(site):
    comes_and_goes(site)
    site.lab.run(jobs(a=""), workflow_name="Other")
    site.lab.finish(site.lab.start(), FAILED)

    async def deed(it: Tui) -> None:
        await it.press("5", "f")
        await it.shows("Flaky", "1 of 2", "11111111", "Error: lost localhost:4711", "$ treadle flaky")
        await it.press("enter")
        await it.until(lambda: it.lines[0].startswith("Runs › Other"))
        await it.shows("known flaky: 1 of 2")

    tui_over(site, deed, size=(200, 40))


def test_all_failures_may_be_asked_for(site):
    site.lab.run(jobs(a=""))
    site.lab.finish(site.lab.start(), FAILED)

    async def deed(it: Tui) -> None:
        await it.press("5", "f")
        await it.shows("No failure is known to come and go.")
        await it.press("a")
        await it.shows("0 of 1", "Error: lost", "treadle flaky --all")
        await it.press("escape")
        await it.until(lambda: it.lines[0].startswith("SLO"))

    tui_over(site, deed)


def test_an_attempt_says_first_that_its_failure_is_known():
    told = {"reason": "exit code 1", "failure": {"known": True, "passed": 4, "times": 9}}
    assert attempt_reason(told) == "known flaky: 4 of 9 passed on retry; exit code 1"
    assert attempt_reason({**told, "failure": {"known": False, "passed": 0, "times": 9}}) == "exit code 1"
    assert attempt_reason({**told, "failure": None}) == "exit code 1"
    assert attempt_reason({"reason": ""}) == ""
