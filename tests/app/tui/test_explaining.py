"""Why, over the page: what is selected is explained, and goes on being while it waits."""

from tests.app.tui.harness import Tui, tui_over
from tests.app.tui.test_lists import inbox, on
from tests.engine.fakes import jobs

__all__ = ["inbox"]


def test_a_waiting_job_is_explained_live_and_its_run_by_the_same_key(site):
    first = site.lab.run(jobs(a="concurrency: deploy"), "acme/app")
    lease = site.lab.start("worker-1")
    site.lab.run(jobs(b="concurrency: deploy"), "acme/app")
    held = site.lab.named(first, "a").id
    site.lab.clock.advance(120)

    async def deed(it: Tui) -> None:
        await on(it, "2", "Queue")
        await it.shows("b")
        await it.press("G", "x")
        await it.shows(
            "Why job", "$ treadle explain j", "waits for 2 m 00 s: waits for the concurrency group 'deploy',"
        )
        assert f"held by job {held} (a #1)" in it.text
        site.lab.clock.advance(60)
        await it.shows("waits for 3 m 00 s")
        site.lab.finish(lease)
        await it.shows("it is next: waits for a free worker")
        await it.press("x")
        await it.shows("Why run", "$ treadle explain r", "Jobs")
        await it.press("escape")
        await it.hides("Why run")

    tui_over(site, deed)


def test_the_selected_job_of_a_run_is_explained_and_where_one_reads_is_kept(site):
    run = site.lab.run(jobs(a="", b="needs: a, if: github.ref == 'refs/heads/x'"), "acme/app")
    site.lab.work()
    job = site.lab.named(run, "b").id

    async def deed(it: Tui) -> None:
        await it.shows("CI")
        it.app.open_job(run, job)
        await it.until(lambda: it.app.page is not None and it.app.page.fetched and "b" in it.lines[0])
        await it.press("x")
        await it.shows("Condition does not hold", "github.ref == 'refs/heads/x' → false", "→ 'refs/heads/main'")
        await it.press("slash", *"needs", "enter", "y")

    tui_over(site, deed)


def test_an_event_is_explained_with_the_filter_of_each_workflow(inbox):
    async def deed(it: Tui) -> None:
        await on(it, "3", "Events")
        await it.shows("push")
        await it.press("j", "x")
        await it.shows("Why event", "does not run", "branch b is not among main, a")

    tui_over(inbox, deed)


def test_an_explanation_is_drawn_with_plain_characters_where_there_are_no_others(site):
    run = site.lab.run(jobs(a="", b="needs: a, if: github.ref == 'refs/heads/x'"), "acme/app")
    site.lab.work()

    async def deed(it: Tui) -> None:
        it.app.open_job(run, site.lab.named(run, "b").id)
        await it.until(lambda: it.app.page is not None and it.app.page.fetched and "b" in it.lines[0])
        await it.press("x")
        await it.shows("Why job", "-> false")
        assert it.text.isascii()

    tui_over(site, deed, ascii=True)
