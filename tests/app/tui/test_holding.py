"""The keys of a job that is held, and of one that is to be."""

import subprocess
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.tui import holding
from engine.store.mending.holds import NewHold
from engine.store.tables.runs import JobRow
from tests.app.tui.harness import Tui, tui_over
from tests.app.tui.test_run_page import opened, told
from tests.engine.fakes import FAILURE, jobs


@pytest.fixture
def held(site):
    """A site with a run whose one job has failed and is held for an hour."""
    lab = site.lab
    run = lab.run(jobs(build=""))
    lease = lab.start()
    lab.store.queue.begin(lease, ["Run make"], None)
    state = {"here": {}, "next": {}, "shell": {}, "services": False}
    until = lab.clock.now() + timedelta(hours=1)
    hold = NewHold("host", 0, state, until)
    lab.store.queue.finish(lease, FAILURE, lab.clock.now(), outputs={}, tolerated=False, hold=hold)
    return site, lab.named(run, "build").id, until.astimezone().strftime("%H:%M")


def test_a_held_job_says_until_when_and_which_keys_there_are(held):
    site, _, until = held

    async def deed(it: Tui) -> None:
        await it.shows("held: ")
        await opened(it)
        await it.shows(f"held until {until}: ! shell, . again, , go on, X release", "build failed held")
        await it.press("question_mark", *"held")
        await it.shows("A held job", "go on after the held step")

    tui_over(site, deed)


@pytest.mark.parametrize(("key", "option", "skip"), [("full_stop", "--here", False), ("comma", "--next", True)])
def test_a_key_has_the_job_go_on_in_its_box(held, key, option, skip):
    site, job, _ = held

    async def deed(it: Tui) -> None:
        await opened(it)
        await it.shows("held until")
        await it.press(key)
        await it.until(lambda: it.told)
        assert f"$ treadle retry j{job} {option}" in it.told[0]

    tui_over(site, deed)
    assert JobRow.get_by_id(job).begin_at == {"base": "held", "step": 0, "attempt": 1, "skip": skip}


def test_a_box_is_let_go_once_the_person_is_sure(held):
    site, job, _ = held

    async def deed(it: Tui) -> None:
        await opened(it)
        await it.shows("held until")
        await it.press("X")
        await it.shows("What was changed in it is lost.")
        await it.press("y")
        await it.until(lambda: it.told)
        assert f"$ treadle release j{job}" in it.told[0]
        await it.hides("held until")

    tui_over(site, deed)
    assert site.lab.store.holds.get(job).until == site.lab.clock.now()


def test_a_key_has_a_job_held_that_runs_and_again_not(site):
    run = site.lab.run(jobs(build=""))
    site.lab.start()

    async def deed(it: Tui) -> None:
        await opened(it)
        for said, shown in (("is held if one of its steps fails it", True), ("leaves nothing behind", False)):
            told_before = len(it.told)
            await it.press("H")
            await it.until(lambda before=told_before: len(it.told) > before)
            assert said in it.told[-1]
            told(site)
            await (it.shows if shown else it.hides)("held if it fails")

    tui_over(site, deed)
    assert not JobRow.get_by_id(site.lab.named(run, "build").id).hold


def test_a_job_that_holds_nothing_is_told_so(site):
    site.lab.run(jobs(build=""))
    site.lab.work({"build": FAILURE})

    async def deed(it: Tui) -> None:
        await opened(it)
        for key in ("full_stop", "comma", "X", "exclamation_mark"):
            await it.press(key)
        await it.until(lambda: len(it.told) == 4)
        assert all("holds no box" in said or "opens in a terminal" in said for said in it.told)

    tui_over(site, deed)


def test_a_shell_gives_the_screen_to_the_command_and_takes_it_back(monkeypatch):
    asked: list[Any] = []
    suspended: list[str] = []

    class Suspension:
        def __enter__(self) -> None:
            suspended.append("in")

        def __exit__(self, *_: object) -> None:
            suspended.append("out")

    def run(command: list[str], **_: Any) -> Any:
        asked.append(command)
        return SimpleNamespace(returncode=2, stderr=b"The box is gone.")

    said: list[str] = []
    ui: Any = SimpleNamespace(
        session=SimpleNamespace(home=Path("/srv/home")), read_only=False, is_web=False, suspend=Suspension, page=None,
        tell=lambda words, **_: said.append(words),
    )  # fmt: skip
    monkeypatch.setattr(holding, "subprocess", SimpleNamespace(run=run, PIPE=subprocess.PIPE))  # its own alone
    holding.do(ui, {"id": 7, "name": "build", "status": "failed", "held_until": "2026-01-01T00:00:00Z"}, "shell")
    assert asked[0][-4:] == ["shell", "j7", "--home", "/srv/home"]
    assert suspended == ["in", "out"]
    assert said == ["The box is gone."]
