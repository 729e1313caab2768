"""Queue, events and repositories: what is shown, why, and what a key does about it."""

from importlib import import_module
from pkgutil import iter_modules

import pytest

from app.tui import pages
from app.tui.list_page import ListPage
from engine.store.inbox import Arrival, Outcome
from tests.app.tui.harness import Tui, tui_over
from tests.engine.fakes import jobs
from widgets.row_list import GUTTER

for module in iter_modules(pages.__path__):
    import_module(f"{pages.__name__}.{module.name}")
LISTS = ListPage.__subclasses__()


def told(site) -> None:
    site.lab.bus.wake("news")


async def on(it: Tui, key: str, word: str) -> None:
    """Go to a page by its number, and wait until it has been fetched."""
    await it.press(key)
    await it.until(lambda: it.app.page is not None and it.app.page.fetched and it.lines[0].startswith(word))


@pytest.fixture
def inbox(site):
    """A site with an event that started a run, one that did not, and one that could not be planned."""
    store, now = site.lab.store, site.lab.clock.now()
    repo = site.desk.repo_ids["acme/app"]

    def push(delivery: str, branch: str) -> Arrival:
        event = {
            "forge": "github",
            "event": "push",
            "delivery_id": delivery,
            "payload": {"ref": branch, "after": "2" * 40},
        }
        return Arrival(repo, delivery, "push", "github", {"event": event})

    ids = [one for one, _ in store.inbox.accept([push("d1", "refs/heads/a"), push("d2", "refs/heads/b"),
                                                 push("d3", "refs/heads/c")], now)]  # fmt: skip
    ran, idle, broken = ids
    site.lab.run(jobs(a=""), "acme/app", event_id=ran, title="it ran")
    store.inbox.settle({ran: Outcome(verdicts={".github/workflows/ci.yml": "ran"})}, now)
    store.inbox.settle({idle: Outcome(verdicts={".github/workflows/ci.yml": "branch b is not among main, a"})}, now)
    store.inbox.settle({broken: Outcome(dropped="the repository could not be fetched")}, now)
    return site


def test_the_queue_says_who_works_and_why_the_rest_waits(site):
    site.lab.run(jobs(first="", second="needs: first"))
    site.lab.run(jobs(third=""), "acme/app")
    lease = site.lab.start("worker-1")

    async def deed(it: Tui) -> None:
        await on(it, "2", "Queue")
        await it.shows("worker-1", "first", "running", "second", "needs first", "third")
        assert "1 of" in it.lines[0] and "workers busy" in it.lines[0]
        site.lab.finish(lease)
        site.lab.work()
        told(site)
        await it.hides("third", "second")
        await it.shows("free")

    tui_over(site, deed, (140, 36))


def test_the_queue_is_paused_and_resumed_by_a_key(site):
    site.lab.run(jobs(a=""))

    async def deed(it: Tui) -> None:
        await on(it, "2", "Queue")
        await it.press("P")
        await it.until(lambda: "paused by" in it.lines[0])
        assert site.lab.claim() is None
        assert any("$ treadle queue pause" in notice for notice in it.told)
        await it.press("P")
        await it.until(lambda: "paused" not in it.lines[0])
        assert site.lab.claim() is not None

    tui_over(site, deed)


def test_a_job_is_put_forward_and_back_and_no_further_than_it_goes(site):
    run = site.lab.run(jobs(a="", b=""))

    async def deed(it: Tui) -> None:
        await on(it, "2", "Queue")
        while " b " not in it.line("▸"):
            await it.press("j")
        await it.press("+", "+")
        await it.until(lambda: site.lab.named(run, "b").priority == 20)
        await it.until(lambda: " 20 " in it.text)
        await it.press("-")
        await it.until(lambda: site.lab.named(run, "b").priority == 10)
        assert any("treadle priority j" in notice for notice in it.told)

    tui_over(site, deed)


def test_a_job_is_cancelled_or_opened_from_the_queue(site):
    run = site.lab.run(jobs(a="", b=""))

    async def deed(it: Tui) -> None:
        await on(it, "2", "Queue")
        while " a " not in it.line("▸"):
            await it.press("j")
        await it.press("c")
        await it.shows("Cancel this job: a?")
        await it.press("y")
        await it.until(lambda: it.told)
        site.lab.tick()
        told(site)
        await it.until(lambda: site.lab.statuses(run)["a"] == "cancelled" and " a " not in it.text)
        while " b " not in it.line("▸"):
            await it.press("k")
        await it.press("enter")
        await it.until(lambda: "› CI #1 › b" in it.lines[0])
        await it.press("escape")
        await it.until(lambda: it.lines[0].startswith("Queue"))

    tui_over(site, deed)


def test_an_event_tells_what_became_of_it_and_why(inbox):
    async def deed(it: Tui) -> None:
        await on(it, "3", "Events")
        await it.shows("1 run", "nothing ran", "problem")
        await it.shows("branch b is not among main, a", "the repository could not be fetched", "CI #1")
        await it.press("j", "enter")
        await it.shows(
            "Event 2", "Workflows:", ".github/workflows/ci.yml: branch b is not among main, a", "refs/heads/b"
        )
        await it.press("y")
        await it.until(lambda: any("Copied" in notice for notice in it.told))
        await it.press("escape", "j", "v")
        await it.until(lambda: "› CI #1" in it.lines[0])

    tui_over(inbox, deed, (160, 40))


def test_an_event_is_planned_once_more(inbox):
    async def deed(it: Tui) -> None:
        await on(it, "3", "Events")
        await it.press("r")
        await it.until(lambda: it.told)
        assert "$ treadle replay 3" in it.told[0]
        await it.shows("waits")

    tui_over(inbox, deed, (140, 36))
    assert inbox.lab.store.inbox.get(3).status == "received"


def test_an_event_that_started_nothing_says_so_when_its_run_is_asked_for(inbox):
    async def deed(it: Tui) -> None:
        await on(it, "3", "Events")
        await it.press("v")
        await it.until(lambda: any("Nothing ran" in notice for notice in it.told))

    tui_over(inbox, deed)


def test_repositories_stand_with_their_last_run_and_are_looked_at_by_a_key(inbox):
    async def deed(it: Tui) -> None:
        await on(it, "6", "Repos")
        await it.shows("acme/app", "acme/closed", "acme/open", "queued", "none")
        await it.press("u")
        await it.until(lambda: it.told)
        assert "$ treadle repo sync acme/app" in it.told[0]

    tui_over(inbox, deed, (140, 36))


def test_what_has_no_workflow_to_start_says_so(site):
    async def deed(it: Tui) -> None:
        await on(it, "6", "Repos")
        await it.press("d")
        await it.until(lambda: it.told)
        assert "is not known here (yet)" in it.told[0] and "treadle repo sync" in it.told[0]

    tui_over(site, deed)


@pytest.mark.parametrize("key", "123456")
def test_at_eighty_columns_no_key_of_a_page_is_left_out(site, key):
    site.lab.run(jobs(a=""))

    async def deed(it: Tui) -> None:
        await it.press(key)
        await it.until(lambda: it.app.page is not None and it.app.page.fetched)
        await it.until(lambda: it.lines[-1].endswith("? help  q quit"))

    tui_over(site, deed, (80, 24))


@pytest.mark.parametrize("page", LISTS, ids=lambda page: page.__name__)
def test_what_an_empty_list_says_is_whole_in_eighty_columns(page):
    assert max(map(len, page.EMPTY.splitlines())) <= 80 - GUTTER
