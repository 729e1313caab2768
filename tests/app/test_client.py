"""The laws of the client: an answer, a refusal in the engine's own words, or that no engine is there."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.client import ApiError, Client
from engine.core.errors import EngineError, NoEngine
from engine.store.logs.writer import LogWriter, Progress
from tests.app.server.site import Site
from tests.app.server.site import site as serve
from tests.engine.fakes import jobs

TEXT = jobs(a="", b="needs: a")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with serve(tmp_path / "home") as site:
        yield site


def test_both_doors_lead_to_the_same_engine(site: Site) -> None:
    run_id = site.lab.run(TEXT)
    far = Client.of_url(f"http://127.0.0.1:{site.port}", site.token("read"))
    near = Client.of_home(site.home)
    assert near.get(f"/runs/{run_id}") == far.get(f"/runs/{run_id}")
    assert Client.of_url(f"127.0.0.1:{site.port}/", site.token("read")).get("/runs", {"repo": None})["runs"]


def test_a_refusal_is_told_in_the_engines_words(site: Site) -> None:
    with pytest.raises(ApiError, match=r"^There is no run 9\.$") as refused:
        site.client.get("/runs/9")
    assert refused.value.status == 404
    with pytest.raises(ApiError, match="needs a token"):
        Client.of_url(f"http://127.0.0.1:{site.port}", None).get("/runs")
    with pytest.raises(ApiError, match="scope write"):
        Client.of_url(f"http://127.0.0.1:{site.port}", site.token("read")).post("/runs/1/cancel")


def test_nobody_at_the_other_end_is_no_engine(tmp_path: Path) -> None:
    with pytest.raises(NoEngine, match=str(tmp_path)):
        Client.of_home(tmp_path).get("/runs")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(NoEngine, match=str(port)):
        Client.of_url(f"http://127.0.0.1:{port}", "x").get("/runs")


@pytest.mark.parametrize("url", ["ftp://host", "http://", "http://host:port", "http://host/path", ""])
def test_what_is_no_address_is_refused_in_a_sentence(url: str) -> None:
    with pytest.raises(EngineError, match="no address"):
        Client.of_url(url, None)


def test_a_wish_goes_out_once_and_is_answered(site: Site) -> None:
    run_id = site.lab.run(TEXT)
    assert site.client.post(f"/runs/{run_id}/cancel")["id"] == run_id
    site.lab.tick()
    with pytest.raises(ApiError, match="ended already"):
        site.client.post(f"/runs/{run_id}/cancel")


def test_changes_go_on_over_a_restart_each_once(tmp_path: Path) -> None:
    stop = threading.Event()
    seen: list[int] = []
    some, all_seen = threading.Event(), threading.Event()
    goal: list[int] = []

    def follow(client: Client) -> None:
        for change in client.changes(0, stop=stop):
            seen.append(change.sequence)
            some.set()
            if goal and change.sequence >= goal[0]:
                all_seen.set()
                return

    with serve(tmp_path / "home") as site:
        site.lab.run(TEXT)
        site.lab.bus.wake("news")
        thread = threading.Thread(target=follow, args=(site.client,))
        thread.start()
        assert some.wait(10)
    with serve(tmp_path / "home") as site:
        site.lab.run(TEXT)
        site.lab.work()
        goal.append(site.lab.store.queries.last_sequence())
        site.lab.run(TEXT)
        site.lab.bus.wake("news")
        assert all_seen.wait(10)
        thread.join(10)
    assert seen == list(range(1, seen[-1] + 1))


def test_changes_end_when_the_engine_refuses(site: Site) -> None:
    client = Client.of_url(f"http://127.0.0.1:{site.port}", "wrong")
    with pytest.raises(ApiError):
        next(client.changes())


def test_bytes_come_whole_in_part_and_as_a_stream(site: Site) -> None:
    site.lab.run(jobs(a=""))
    lease = site.lab.start()
    log = LogWriter(site.lab.store.log_path(lease.run_id, lease.job_id, 1), 1 << 20)
    log.append(0, b"0123456789", Progress(10), site.lab.clock.now())
    log.close()
    site.lab.finish(lease)
    path = f"/jobs/{lease.job_id}/logs"
    assert site.client.read(path) == b"0123456789"
    assert site.client.read(path, start=2, end=5) == b"234"
    assert site.client.read(path, start=7) == b"789"
    assert b"".join(site.client.stream(path, {"follow": 1})) == b"0123456789"


def test_importing_the_client_loads_no_server() -> None:
    heavy = {"aiohttp", "peewee", "textual", "asyncio"}
    code = f"import sys, app.client; print(sorted({heavy} & set(sys.modules)))"
    root = Path(__file__).resolve().parents[2]
    run = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"
