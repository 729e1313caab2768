"""The key that lets jobs into the environments that they wait for."""

import pytest

from engine.control.scheduler import Scheduler
from engine.settings.model import EnvironmentSettings
from tests.app.tui.harness import Tui, tui_over
from tests.app.tui.test_run_page import opened, told
from tests.engine.fakes import jobs

GATED = jobs(deploy="environment: production", notify="environment: production")


@pytest.fixture
def gated(site):
    """A site whose environment `production` asks a person, and a run of two jobs that wait for one."""
    lab = site.lab
    gate = EnvironmentSettings(approval=True)
    lab.scheduler = Scheduler(lab.store, lab.bus, lab.clock, lambda repo, name: gate if name == "production" else None)
    return site, lab.run(GATED)


def test_a_key_lets_the_job_in_that_is_looked_at_and_no_other(gated):
    site, run = gated

    async def deed(it: Tui) -> None:
        await opened(it)
        await it.shows("deploy blocked a lets it go", "notify blocked")
        await it.press("a")
        await it.until(lambda: it.told)
        job = site.lab.named(run, "deploy").id
        assert "deploy is approved" in it.told[0] and f"$ treadle approve j{job}" in it.told[0]
        site.lab.tick()
        told(site)
        await it.shows("deploy queued", "notify blocked")

    tui_over(site, deed)
    assert site.lab.statuses(run) == {"deploy": "queued", "notify": "blocked"}


def test_a_key_among_the_runs_lets_in_all_that_wait(gated):
    site, run = gated

    async def deed(it: Tui) -> None:
        await it.press("a")
        await it.until(lambda: it.told)
        assert f"$ treadle approve r{run}" in it.told[0]

    tui_over(site, deed)
    site.lab.tick()
    assert site.lab.statuses(run) == {"deploy": "queued", "notify": "queued"}


def test_a_job_that_waits_for_nobody_is_told_so(gated):
    site, _ = gated

    async def deed(it: Tui) -> None:
        await opened(it)
        await it.press("a")
        await it.until(lambda: it.told)
        site.lab.tick()
        told(site)
        await it.shows("deploy queued")
        await it.press("a", "a")
        await it.until(lambda: len(it.told) > 1)
        assert "is approved" not in it.told[-1]

    tui_over(site, deed)
