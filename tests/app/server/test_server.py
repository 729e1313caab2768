"""The laws of the server's life: one to a home, ready when it listens, gone when told, and everything given back."""

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.client import Client
from app.server.main import Server
from engine.core.clock import SystemClock
from engine.core.errors import EngineError, NoEngine
from engine.git.repository import start_repository
from engine.home import HomeLock
from engine.settings.model import Listen, RepoSettings, Settings
from engine.store.store import Store, open_store

ROOT = Path(__file__).resolve().parents[3]
WORKFLOW = """
on: workflow_dispatch
jobs:
  a:
    runs-on: here
    steps: [{run: echo dispatched}]
"""


@contextmanager
def home(path: Path) -> Iterator[tuple[Store, HomeLock]]:
    store = open_store(path, create=True)
    lock = HomeLock(path)
    assert lock.take()
    yield store, lock
    lock.release()
    store.close()


def settings(path: Path, *repos: RepoSettings, port: int = 0) -> Settings:
    labels = {"here": "host"}
    return Settings(home=path, listen=Listen("127.0.0.1", port), workers=1, labels=labels, repos=repos)


def test_a_dispatched_workflow_runs_and_is_streamed_to_its_end(tmp_path: Path) -> None:
    repo = tmp_path / "repo"
    (repo / ".treadle/workflows").mkdir(parents=True)
    (repo / ".treadle/workflows/ci.yml").write_text(WORKFLOW)
    start_repository(repo, "Begin", SystemClock().now())
    path = tmp_path / "home"
    with home(path) as (store, lock):
        server = Server(settings(path, RepoSettings("team/site", str(repo))), store, lock).start()
        client = Client.of_home(path)
        place = client.get("/runs")["sequence"]
        run = client.post("/runs", {"repo": "team/site", "workflow": "ci.yml"}, {"wait": 20})
        (job,) = client.get(f"/runs/{run['id']}")["jobs"]
        for change in client.changes(place, {"run": run["id"], "types": "run"}):
            if change.data["status"] in ("success", "failed"):
                break
        assert change.data["status"] == "success"
        assert b"dispatched" in client.read(f"/jobs/{job['id']}/logs")
        server.stop()


def test_stopping_gives_everything_back(tmp_path: Path) -> None:
    path = tmp_path / "home"
    before = set(threading.enumerate())  # of other tests, and some of those may end meanwhile
    with home(path) as (store, lock):
        server = Server(settings(path), store, lock).start()
        assert server.address is not None
        with socket.create_connection(server.address, timeout=5) as line:
            line.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert line.recv(15) == b"HTTP/1.1 200 OK"
            server.stop()
        assert set(threading.enumerate()) <= before
        assert not (path / "treadle.sock").exists()
        with pytest.raises(OSError):
            socket.create_connection(server.address, timeout=5)
        again = HomeLock(path)
        assert again.take()
        Server(settings(path), store, again).start().stop()


def test_a_port_that_is_taken_is_said_in_a_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "home"
    with home(path) as (store, lock), socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(EngineError, match=f"cannot listen on 127.0.0.1:{port}: Address already in use"):
            Server(settings(path, port=port), store, lock).start()
        assert not (path / "treadle.sock").exists()
        assert HomeLock(path).take()


def test_a_home_that_lies_deep_has_a_socket_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / ("deep" * 20) / ("er" * 20)
    path.mkdir(parents=True)
    with home(path) as (store, lock):
        server = Server(settings(path), store, lock, tcp=False).start()
        assert server.address is None
        assert Client.of_home(path).get("/runs")["runs"] == []
        server.stop()
        with pytest.raises(NoEngine):
            Client.of_home(path).get("/runs")


class Headless:
    """`treadle --headless` in a process of its own."""

    def __init__(self, path: Path) -> None:
        path.mkdir(exist_ok=True)
        (path / "treadle.yml").write_text("listen: 127.0.0.1:0\nworkers: 1\n")
        line = [sys.executable, "-m", "app.cli.main", "--headless", "--home", str(path)]
        self.process = subprocess.Popen(line, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        self.first = self.process.stderr.readline()

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        _, self.rest = self.process.communicate(timeout=20)
        return self.process.returncode


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_headless_runs_until_it_is_told_to_stop(tmp_path: Path, number: int) -> None:
    headless = Headless(tmp_path / "home")
    assert headless.first.startswith("Listening on http://127.0.0.1:")
    assert Client.of_home(tmp_path / "home").get("/runs")["runs"] == []
    assert headless.end(number) == 0
    assert "Traceback" not in headless.rest


def test_a_second_engine_on_a_home_is_refused_in_a_sentence(tmp_path: Path) -> None:
    first = Headless(tmp_path / "home")
    second = Headless(tmp_path / "home")
    assert f"Another engine runs on {tmp_path / 'home'} already (process {first.process.pid})" in second.first
    assert second.process.wait(20) == 1
    second.process.communicate()
    assert Client.of_home(tmp_path / "home").get("/runs")["runs"] == []
    assert first.end(signal.SIGTERM) == 0


def test_a_home_whose_engine_was_killed_starts_again(tmp_path: Path) -> None:
    first = Headless(tmp_path / "home")
    assert first.end(signal.SIGKILL) == -signal.SIGKILL
    second = Headless(tmp_path / "home")
    assert second.first.startswith("Listening on")
    assert second.end(signal.SIGTERM) == 0
