"""The shell of the terminal UI over a real server: pages by number, and a status that comes by itself."""

from tests.app.tui.harness import tui_over
from tests.engine.fakes import jobs


def test_a_run_is_in_view_and_its_end_comes_by_itself(site):
    site.lab.run(jobs(a=""), title="fix the roof")

    async def deed(tui):
        await tui.shows("fix the roof", "queued")
        site.lab.work()
        site.lab.bus.wake("news")
        await tui.shows("success")

    tui_over(site, deed)


def test_a_number_leads_to_a_page(site):
    async def deed(tui):
        for key, word in (("2", "Queue"), ("3", "Events"), ("6", "Repos"), ("1", "Runs")):
            await tui.press(key)
            await tui.until(lambda word=word: tui.lines[0].strip().startswith(word))

    tui_over(site, deed)
