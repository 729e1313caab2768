"""Which engine a session speaks to: real homes, real engines, other processes."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.tui.own_engine import OwnEngine
from app.tui.session import HomeSession, Mode
from engine.core.errors import SettingsError
from engine.home import HomeLock
from tests.app.cli.treadle_process import Treadle

PATIENCE_S = 30.0
CONFIG = "grace: 1s\nworkers: 1\nexecutor: host\n"
WAITS = "jobs: {wait: {runs-on: x, steps: [{run: 'echo waits; until [ -e %s ]; do sleep 0.05; done'}]}}"


@pytest.fixture
def treadle(tmp_path: Path) -> Iterator[Treadle]:
    made = Treadle(tmp_path, config=CONFIG)
    yield made
    made.close()


@contextmanager
def session(treadle: Treadle, folder: Path | None = None) -> Iterator[HomeSession]:
    made = HomeSession(treadle.home, None, folder or treadle.folder)
    made.start()
    try:
        yield made
    finally:
        made.stop()


@contextmanager
def headless(treadle: Treadle) -> Iterator["subprocess.Popen[str]"]:
    """Run the engine in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "app.cli.main", "--headless"], env=treadle.environment, cwd=treadle.folder,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        assert any("Listening on" in line for line in process.stderr)
        yield process
    finally:
        process.kill()
        process.communicate()


def until(so: Callable[[], object]) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not so():
        assert time.monotonic() < end_s, "it did not come about"
        threading.Event().wait(0.02)


def test_a_home_without_an_engine_gets_one_for_as_long_as_the_session_lasts(treadle):
    with session(treadle) as made:
        assert made.mode is Mode.STARTING
        until(lambda: made.mode is Mode.OWN)
        assert made.client.get("/runs")["runs"] == []
        assert not HomeLock(treadle.home).take()
        assert made.here == ""  # the folder is no repository
    lock = HomeLock(treadle.home)
    assert lock.take()
    lock.release()


def test_a_session_attaches_to_the_engine_that_runs_and_takes_its_place_when_it_leaves(treadle):
    with headless(treadle) as other, session(treadle) as made:
        until(lambda: made.mode is Mode.ATTACHED)
        assert made.client.get("/runs")["runs"] == []
        other.terminate()
        other.wait(PATIENCE_S)
        until(lambda: made.mode is Mode.OWN)
        assert made.client.get("/runs")["runs"] == []


def test_a_session_takes_the_place_of_an_engine_that_was_killed(treadle):
    with headless(treadle) as other, session(treadle) as made:
        until(lambda: made.mode is Mode.ATTACHED)
        other.kill()
        until(lambda: made.mode is Mode.OWN)
        assert made.client.get("/queue")["workers"]


def test_beside_an_engine_that_answers_nobody_a_session_answers_itself(treadle):
    go = treadle.folder / "go"
    treadle.write(WAITS % go)
    run = treadle.start()
    run.until_log("waits\n")
    with session(treadle) as made:
        until(lambda: made.mode is Mode.GUEST)
        [told] = made.client.get("/runs")["runs"]
        assert told["status"] == "running"
        go.touch()
        assert run.result["status"] == "success"
        until(lambda: made.mode is Mode.OWN)
        assert [one["status"] for one in made.client.get("/runs")["runs"]] == ["success"]
    assert sorted(path.name for path in treadle.home.glob("*.sock")) == []


def test_no_second_engine_takes_the_home_of_a_session(treadle):
    with session(treadle) as made:
        until(lambda: made.mode is Mode.OWN)
        done = treadle.call("--headless")
        assert done.returncode == 1 and f"process {os.getpid()}" in done.stderr, done.stderr
        assert made.client.get("/runs")["runs"] == []


def test_what_is_wrong_with_the_configuration_is_told_until_it_is_mended(treadle):
    (treadle.home / "treadle.yml").write_text("wrokers: 2\n")
    with session(treadle) as made:
        until(lambda: made.problem)
        assert "wrokers" in made.problem and "workers" in made.problem
        assert made.mode is Mode.STARTING
        (treadle.home / "treadle.yml").write_text(CONFIG)
        until(lambda: made.mode is Mode.OWN)
        assert made.problem == ""


def test_a_session_without_readable_settings_leaves_the_home_to_others(treadle):
    (treadle.home / "treadle.yml").write_text("repos: [{name: a, url: /a, secret: '${NOT_SET_HERE}'}]\n")
    own = OwnEngine(treadle.home, None, treadle.folder)
    for _ in range(2):  # at first it looks at the folder that the terminal stands in
        with pytest.raises(SettingsError, match="NOT_SET_HERE"):
            own.start()
        lock = HomeLock(treadle.home)
        assert lock.take()
        lock.release()
    own.stop()


def test_the_repository_that_the_terminal_stands_in_is_added_once_and_kept(treadle):
    treadle.write("jobs: {a: {runs-on: x, steps: [{run: 'true'}]}}")
    below = treadle.repo / "below"
    below.mkdir()
    for _ in range(2):
        with session(treadle, below) as made:
            until(lambda made=made: made.mode is Mode.OWN)
            assert made.here == "local/repo"
            assert [repo["name"] for repo in made.client.get("/repos")["repos"]] == ["local/repo"]
    config = (treadle.home / "treadle.yml").read_text()
    assert config.count("name: local/repo") == 1 and "watch: commits" in config
