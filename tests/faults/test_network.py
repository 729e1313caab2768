"""The network at its worst: forges that fail, stall or hang up, a repository that vanishes, a sender that dawdles."""

import contextlib
import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.worker.docker.client import DockerClient
from engine.worker.docker.images import Images
from tests.faults.machine import Machine
from tests.faults.servers import bad_server
from tests.faults.stories import do, workflow

FILES = {"ci": workflow(f"a: {{runs-on: here, steps: [{do('one')}]}}", "workflow_dispatch")}


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """An engine with repositories at forges of every bad kind, each polled, and one that vanishes."""
    with contextlib.ExitStack() as stack:
        forges = {how: stack.enter_context(bad_server(how)) for how in ("500", "cut", "silent")}
        machine = Machine(tmp_path / "m", FILES)
        shutil.copytree(tmp_path / "m" / "site", tmp_path / "gone")
        settings = machine.home / "treadle.yml"
        head, _, last = settings.read_text().rpartition("]")
        urls = {how: f"http://{forge.address}/x.git" for how, forge in forges.items()} | {
            "gone": str(tmp_path / "gone")
        }
        repos = [f"{{name: bad/x{how}, url: '{url}', poll: 60s}}" for how, url in urls.items()]
        settings.write_text(f"{head}, {', '.join(repos)}]{last}")
        machine.forges = forges  # type: ignore[attr-defined]
        yield machine.start()
        machine.end()


@pytest.mark.timeout(200)
def test_no_forge_holds_up_another_repository_and_each_says_what_is_wrong(machine: Machine, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "gone")
    for how, forge in machine.forges.items():  # type: ignore[attr-defined]
        assert forge.asked.acquire(timeout=60), how
    events = {
        how: machine.client.post("/runs", {"repo": f"bad/x{how}", "workflow": "ci.yml"}, {"wait": 1})["event"]
        for how in ("500", "cut", "silent", "gone")
    }
    host, port = re.findall(r"Listening on http://([\d.]+):(\d+)", machine.said.read_text())[0]
    dawdler = socket.create_connection((host, int(port)))  # says half a request and no more
    dawdler.sendall(f"POST /hooks/bad/x500 HTTP/1.1\r\nHost: {host}\r\nContent-Le".encode())
    assert machine.ended(machine.dispatch("ci"))["status"] == "success"

    def problem(how: str) -> str:
        return str(machine.client.get(f"/inbox/{events[how]}")["problem"] or "")

    for how in ("500", "cut", "gone"):
        machine.until(lambda: problem(how), f"{how} is told")  # noqa: B023
        assert "Traceback" not in problem(how)
    assert "500" in problem("500")
    dawdler.close()
    machine.end()
    assert "Traceback" not in machine.said.read_text(), machine.said.read_text()[-4000:]


class Leave(Exception):
    """Somebody wants the job to end."""


@pytest.mark.docker
def test_a_registry_that_stalls_keeps_no_job_that_is_to_end(docker_client: DockerClient, docker_engine: str) -> None:
    with bad_server("silent") as registry:

        def look() -> None:
            if registry.asked.acquire(blocking=False):  # the pull has begun, and will never get an answer
                raise Leave

        with pytest.raises(Leave):
            Images(docker_client).ensure(f"{registry.address}/stalled:1", lambda line: None, look=look)
