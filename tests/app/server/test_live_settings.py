"""A whole server whose `treadle.yml` changes while it runs: real files, real HTTP, real repositories."""

import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.client import ApiError, Client
from app.server.main import Server
from engine.core.clock import SystemClock
from engine.git.repository import start_repository
from engine.home import HomeLock
from engine.settings.model import load
from engine.store.store import open_store

BASE = "listen: 127.0.0.1:0\nworkers: 1\nlabels: {here: host}\n"
WORKFLOW = "name: CI\non: push\njobs:\n  a:\n    runs-on: here\n    steps: [{run: echo hello}]\n"
PATIENCE_S = 20.0


class Box:
    """A home with its server, and a repository beside it."""

    def __init__(self, root: Path) -> None:
        self.home = root / "home"
        self.file = self.home / "treadle.yml"
        self.repo = root / "site"
        (self.repo / ".treadle/workflows").mkdir(parents=True)
        (self.repo / ".treadle/workflows/ci.yml").write_text(WORKFLOW)
        start_repository(self.repo, "Begin", SystemClock().now())
        self.store = open_store(self.home, create=True)
        self.write("")
        self.client = Client.of_home(self.home)
        self.start()

    def start(self) -> None:
        lock = HomeLock(self.home)
        assert lock.take()
        self.server = Server(load(self.home, None, {}), self.store, lock, config=self.file).start()

    def write(self, more: str) -> None:
        self.file.write_text(BASE + more)

    def commit(self) -> None:
        told = ("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "Go on")
        subprocess.run(["git", "-C", str(self.repo), *told], check=True)

    def deliver(self, repo: str) -> int:
        assert self.server.address is not None
        host, port = self.server.address
        headers = {"Content-Type": "application/json", "X-GitHub-Event": "ping", "X-GitHub-Delivery": "d"}
        request = urllib.request.Request(f"http://{host}:{port}/hooks/{repo}", b'{"zen": "x"}', headers)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def until(self, holds: Callable[[], Any]) -> Any:
        end_s = time.monotonic() + PATIENCE_S
        while not (found := holds()):
            assert time.monotonic() < end_s
            time.sleep(0.05)
        return found

    def repos(self) -> dict[str, dict[str, Any]]:
        return {one["name"]: one for one in self.client.get("/repos")["repos"]}

    def settings(self) -> dict[str, Any]:
        return dict(self.client.get("/repos")["settings"])

    def ready(self) -> dict[str, Any]:
        assert self.server.address is not None
        host, port = self.server.address
        with urllib.request.urlopen(f"http://{host}:{port}/readyz", timeout=PATIENCE_S) as answer:
            return dict(json.loads(answer.read()))

    def runs(self) -> list[dict[str, Any]]:
        return list(self.client.get("/runs")["runs"])


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    box = Box(tmp_path)
    yield box
    box.server.stop()
    box.store.close()


def entry(box: Box, more: str = "") -> str:
    return f"repos:\n  - name: site\n    url: {box.repo}\n{more}"


def test_a_repository_written_into_the_file_takes_deliveries_and_one_taken_out_none(box: Box) -> None:
    assert box.deliver("site") == 404
    box.write(entry(box))
    box.until(lambda: box.deliver("site") == 200)
    assert box.repos()["site"]["configured"] is True
    box.write("")
    box.until(lambda: box.deliver("site") == 404)
    assert box.repos()["site"]["configured"] is False, "it is remembered"


def test_a_repository_that_is_watched_from_now_on_runs_what_is_committed(box: Box) -> None:
    box.write(entry(box, "    watch: commits\n"))
    box.until(lambda: (one := box.repos().get("site")) and one["last_sync"])
    box.commit()
    [run] = box.until(box.runs)
    assert (run["repo"], run["event"]) == ("site", "push")
    box.until(lambda: box.runs()[0]["status"] == "success")
    box.write(entry(box))
    box.until(lambda: box.repos()["site"]["watch"] is None)
    box.until(lambda: _only_who_asks_sees_a_commit(box))  # the look at a repository whose settings are new may see one
    assert box.client.get("/inbox")["inbox"][0]["source"] == "poll"


def test_a_file_with_a_fault_changes_nothing_and_is_told_of(box: Box) -> None:
    box.write(entry(box))
    box.until(lambda: box.deliver("site") == 200)
    assert box.ready()["settings_read"] is True
    box.write("repoz: []\n")
    problem = box.until(lambda: box.settings()["problem"])
    assert f"{box.file}:4: unknown key 'repoz'" in problem
    assert box.ready()["settings_read"] is False
    assert box.deliver("site") == 200
    box.write(entry(box))
    box.until(lambda: box.ready()["settings_read"])


def test_what_needs_a_restart_is_named(box: Box) -> None:
    box.file.write_text(BASE.replace("workers: 1", "workers: 5") + entry(box))
    assert box.until(lambda: box.settings()["restart"]) == ["workers"]
    assert len(box.client.get("/queue")["workers"]) == 1
    assert box.deliver("site") == 200


def test_a_repository_is_added_synced_and_removed_over_the_api(box: Box) -> None:
    box.write("# what I think of it\n")
    added = box.client.post("/repos", {"name": "site", "url": str(box.repo), "forge": "github"})
    assert (added["name"], added["config"]) == ("site", str(box.file))
    assert added["hook"].endswith("/hooks/site")
    assert box.deliver("site") == 200, "at once"
    assert box.file.read_text().startswith(BASE + "# what I think of it\n")
    assert box.client.post("/repos/site/sync") == {"name": "site", "events": 0}
    box.until(lambda: box.repos()["site"]["default_branch"])
    told = box.until(lambda: _told(lambda: box.client.get("/repos/site/workflows")))
    assert [(one["path"], one["name"], one["events"]) for one in told["workflows"]] == [
        (".treadle/workflows/ci.yml", "CI", ["push"])
    ]
    with pytest.raises(ApiError, match="already") as error:
        box.client.post("/repos", {"name": "site", "url": "/x"})
    assert error.value.status == 422
    assert box.client.delete("/repos/site")["removed"] is True
    assert box.deliver("site") == 404
    with pytest.raises(ApiError) as error:
        box.client.delete("/repos/site")
    assert error.value.status == 404


def test_a_pause_holds_over_a_restart(box: Box) -> None:
    box.client.post("/queue/pause")
    box.server.stop()
    box.start()
    assert box.ready()["paused"] is True
    box.client.post("/queue/resume")
    assert box.ready()["paused"] is False


def _only_who_asks_sees_a_commit(box: Box) -> bool:
    box.commit()
    return bool(box.client.post("/repos/site/sync")["events"] == 1)


def _told(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except ApiError:
        return None
