"""The UI with an engine of its own, as on a person's machine: a repository, a form, runs that really run."""

import asyncio
import json
import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from textual.events import AppBlur, AppFocus

from app.tui.leaving import farewell
from app.tui.session import HomeSession, Mode
from app.tui.tui import TreadleApp
from engine.core.clock import SystemClock
from engine.git.repository import start_repository
from tests.app.cli.treadle_process import ROOT, Treadle
from tests.app.tui.harness import Tui, tui_of

CONFIG = "grace: 1s\nworkers: 2\nexecutor: host\nlabels: {x: host}\n"
DEPLOY = """\
name: Deploy
on:
  workflow_dispatch:
    inputs:
      where: {type: choice, options: [dev, prod], default: dev, description: "Which machines"}
      count: {type: number, default: 3}
      dry: {type: boolean, default: true}
      note: {type: string, required: true}
jobs:
  go:
    runs-on: x
    steps: [{run: 'echo "said ${{ inputs.where }} ${{ inputs.count }} ${{ inputs.dry }} ${{ inputs.note }}"'}]
"""
FAILS = "name: Fails\non: workflow_dispatch\njobs: {bad: {runs-on: x, steps: [{run: 'echo no; exit 4'}]}}\n"


@pytest.fixture
def treadle(tmp_path: Path) -> Iterator[Treadle]:
    made = Treadle(tmp_path, config=CONFIG)
    yield made
    made.close()


def over(treadle: Treadle, deed: Callable[[Tui], Awaitable[None]]) -> TreadleApp:
    """Do something with the UI on a home, opened in the repository; return the app as it was left."""

    async def go() -> TreadleApp:
        session = HomeSession(treadle.home, None, treadle.repo)
        async with tui_of(session, prefs=treadle.home, folder=treadle.home) as it:
            await it.until(lambda: session.mode is Mode.OWN)
            await deed(it)
        it.app.prefs.keep()
        return it.app

    return asyncio.run(go())


def commit(treadle: Treadle, **workflows: str) -> None:
    """Put workflows into a new commit of the repository."""
    for name, text in workflows.items():
        treadle.write(text, f"{name}.yml")
    shutil.rmtree(treadle.repo / ".git")
    start_repository(treadle.repo, "With workflows", SystemClock().now())


def test_a_form_asks_for_typed_inputs_and_remembers_them(treadle):
    commit(treadle, deploy=DEPLOY)

    async def first(it: Tui) -> None:
        await it.press("6")
        await it.shows("local/repo")
        await it.press("d")
        await it.shows("Start Deploy", "Which machines", "dev", "[x] true", "note *")
        await it.press("ctrl+s")
        await it.shows("note")  # is required: the form stays
        assert "Start Deploy" in it.text
        await it.press(*"by hand")
        await it.press("up", "space", "up", *"0", "up", "right")
        await it.shows("prod", "[ ] false")
        await it.shows("where=prod", "--input count=30", "--input dry=false", "'note=by hand'")
        await it.press("ctrl+s")
        await it.until(lambda: it.told)
        await it.press("1")
        await it.shows("Deploy", "success")
        await it.press("enter")
        await it.shows("said prod 30 false by hand")

    over(treadle, first)
    kept = json.loads((treadle.home / "ui.json").read_text())["inputs"]
    assert list(kept.values()) == [{"where": "prod", "count": "30", "dry": "false", "note": "by hand"}]

    async def second(it: Tui) -> None:
        await it.shows("Deploy", "success")
        await it.press("d")
        await it.shows("Start Deploy", "prod", "30", "[ ] false", "by hand")
        await it.press("escape")
        await it.hides("Start Deploy")

    over(treadle, second)


def test_of_several_workflows_one_is_chosen_and_one_like_it_is_started_from_its_run(treadle):
    commit(treadle, deploy=DEPLOY, fails=FAILS)

    async def deed(it: Tui) -> None:
        await it.press("6")
        await it.shows("local/repo")
        await it.press("d")
        await it.shows("Start which workflow?", "Deploy", "Fails")
        await it.press("j", "enter")
        await it.shows("Start Fails")
        await it.press("ctrl+s", "1")
        await it.shows("failed")
        await it.press("enter")
        await it.shows("bad failed", "exit 4")
        await it.press("d")
        await it.shows("Start Fails")
        await it.press("ctrl+s")
        await it.until(lambda: len(it.app.bells.started) == 2)

    app = over(treadle, deed)
    assert [line.split()[1] for line in farewell(app)][:2] == ["r1", "r2"]
    assert "treadle show r1" in farewell(app)[0]


def test_the_end_of_what_was_started_rings_while_nobody_looks(treadle):
    commit(treadle, fails=FAILS)
    rung: list[str] = []

    async def deed(it: Tui) -> None:
        it.app.bells.ring = rung.append
        await it.press("6")
        await it.shows("local/repo")
        await it.press("d")
        await it.shows("Start Fails")
        await it.press("ctrl+s")
        await it.until(lambda: it.app.bells.started.get(1) == "failed")
        assert rung == []  # it was looked at
        it.app.post_message(AppBlur())
        await it.until(lambda: it.app.bells.away)
        it.app.dispatch("local/repo", ".github/workflows/fails.yml")
        await it.shows("Start Fails")
        await it.press("ctrl+s")
        await it.until(lambda: rung)
        it.app.post_message(AppFocus())
        await it.until(lambda: not it.app.bells.away)

    over(treadle, deed)
    assert rung == ["Fails r2: failed"]


def test_this_repository_begins_by_a_key_whatever_lies_in_it(treadle, monkeypatch):
    treadle.write("name: Here\njobs: {a: {runs-on: x, steps: [{run: echo it-works}]}}")
    for name in ("app", "json"):  # as many projects have one
        (treadle.repo / name).mkdir()
        (treadle.repo / name / "__init__.py").write_text("raise SystemExit('not this one')")
    monkeypatch.chdir(treadle.repo)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))

    async def deed(it: Tui) -> None:
        await it.shows("Nothing has run here yet", "This repository", "A demo")
        assert "cancel" not in it.lines[-1] and "filter" not in it.lines[-1]
        await it.press("t")
        await it.shows("Here", "success")
        await it.press("enter")
        await it.shows("it-works")

    over(treadle, deed)


def test_a_commit_of_the_repository_runs_by_itself(treadle):
    commit(treadle, push="name: Pushed\non: push\njobs: {a: {runs-on: x, steps: [{run: echo by-itself}]}}")

    async def deed(it: Tui) -> None:
        await it.shows("Nothing has run here yet")
        done = await asyncio.create_subprocess_exec(
            "git", "-C", str(treadle.repo), "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q",
            "--allow-empty", "-m", "Something new",
        )  # fmt: skip
        assert await done.wait() == 0
        await it.shows("Pushed", "Something new", "success")

    over(treadle, deed)


def test_a_log_is_saved_beside_where_treadle_was_started(treadle, monkeypatch):
    monkeypatch.chdir(treadle.folder)
    commit(treadle, fails=FAILS)

    async def deed(it: Tui) -> None:
        await it.press("6")
        await it.shows("local/repo")
        await it.press("d")
        await it.shows("Start Fails")
        await it.press("ctrl+s", "1")
        await it.shows("failed")
        await it.press("enter")
        await it.shows("exit 4")
        await it.press("tab", "s", "s")
        await it.until(lambda: sum("Saved" in notice for notice in it.told) == 2)

    over(treadle, deed)
    saved = sorted(treadle.folder.glob("treadle-j*.log"))
    assert [path.name for path in saved] == ["treadle-j1-try1-2.log", "treadle-j1-try1.log"]
    assert b"no\n" in saved[0].read_bytes()
