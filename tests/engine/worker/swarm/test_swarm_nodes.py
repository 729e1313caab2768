"""A swarm of two machines: jobs run on the one that the engine is not on, and that one goes away."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.worker.docker.client import DockerClient
from tests.conftest import BUSYBOX
from tests.engine.worker.swarm.two_nodes import INSIDE, MANAGER, WORKER, Beside, TwoNodes, engine_beside, two_nodes
from tests.faults.machine import ROOT
from tests.faults.stories import workflow

pytestmark = [pytest.mark.docker, pytest.mark.timeout(240)]
ASKED = "workflow_dispatch"
WHOLE = """
a:
  runs-on: here
  steps:
    - uses: actions/checkout@v4
    - {id: kept, uses: actions/cache@v4, with: {path: kept, key: k}}
    - id: made
      run: |
        echo "> on $(hostname -i)"
        echo "> $(head -n 1 .github/workflows/whole.yml)"
        echo "> kept $(cat kept/it 2>/dev/null || echo nothing)"
        mkdir -p kept out; echo something >kept/it
        head -c 300000 /dev/urandom >out/noise; sha256sum out/noise | cut -c1-64 >out/sum
        echo "told=yes" >>"$GITHUB_OUTPUT"; echo "LATER=on" >>"$GITHUB_ENV"
        cat >match.json <<'END'
        {"problemMatcher": [{"owner": "lint", "pattern":
          [{"regexp": "^(\\\\S+):(\\\\d+): (.*)$", "file": 1, "line": 2, "message": 3}]}]}
        END
        echo "::add-matcher::match.json"
        echo "main.c:3: it is odd"
    - {uses: actions/upload-artifact@v4, with: {name: out, path: out}}
    - run: 'echo "> ${{ steps.made.outputs.told }} $LATER ${{ hashFiles(''out/sum'') != '''' }}"'
  outputs: {told: "${{ steps.made.outputs.told }}"}
b:
  needs: a
  runs-on: here
  steps:
    - {uses: actions/download-artifact@v4, with: {name: out, path: got}}
    - run: |
        [ "$(sha256sum got/noise | cut -c1-64)" = "$(cat got/sum)" ]
        echo "> ${{ needs.a.outputs.told }} same"
"""
COUNTS = "i=0; until [ -e /gate ]; do i=$((i + 1)); echo \"> $i\"; sleep .1; done; echo '> end'"
FILES = {
    "whole": workflow(WHOLE, ASKED),
    "counting": workflow(f"a:\n  runs-on: here\n  steps:\n    - run: |\n        {COUNTS}", ASKED),
    "far": workflow(f"a: {{runs-on: here, container: '{MANAGER}:5000/far:1', steps: [{{run: 'true'}}]}}", ASKED),
}


@pytest.fixture(scope="module")
def nodes(docker_client: DockerClient, docker_engine: str) -> Iterator[TwoNodes]:
    with two_nodes(docker_client) as nodes:
        yield nodes


@pytest.fixture
def machine(tmp_path: Path, nodes: TwoNodes) -> Iterator[Beside]:
    machine = engine_beside(tmp_path / "m", nodes, FILES, BUSYBOX)
    machine.start()
    yield machine
    machine.end()
    for what in ("service", "secret", "config"):
        assert nodes.manager.docker(what, "ls", "-q").stdout == ""


def said(machine: Beside, job: int) -> list[str]:
    log = bytes(machine.client.read(f"/jobs/{job}/logs")).decode()
    return re.findall(r"^> (.*)$", log, re.MULTILINE)


def counted(machine: Beside, run: int) -> int:
    return len(re.findall(r"^> \d+$", machine.log(run), re.MULTILINE)) if machine.job(run)["attempts"] else 0


def until_counting(machine: Beside, nodes: TwoNodes, run: int, attempt: int = 1) -> str:
    """Wait until an attempt counts; return its container. Never are there two."""

    def counts() -> bool:
        assert len(nodes.boxes()) <= 1
        return bool(machine.job(run)["attempts"] >= attempt and counted(machine, run) > 3)

    machine.until(counts, f"attempt {attempt} of run {run} counts")
    [container] = nodes.boxes()
    return container


def whole(log: str) -> bool:
    """Whether nothing of what was counted is missing in a log, or doubled."""
    found = re.findall(r"^> (\w+)$", log, re.MULTILINE)
    return found == [*(str(n) for n in range(1, len(found))), "end"]


def test_a_job_on_another_machine_has_all_that_it_has_here(machine: Beside) -> None:
    """No file system is shared: sources, caches and artifacts go over the line, and outputs and annotations come."""
    for kept in ("nothing", "something"):
        run = machine.dispatch("whole")
        machine.until(lambda run=run: machine.run(run)["status"] in ("success", "failed"), "it ends")
        a, b = (job["id"] for job in machine.run(run)["jobs"])
        assert machine.run(run)["status"] == "success", bytes(machine.client.read(f"/jobs/{a}/logs")).decode()
        [where, *others] = said(machine, a)
        assert where.startswith(f"on {INSIDE[WORKER]}.")
        assert others == ["on: workflow_dispatch", f"kept {kept}", "yes on true"]
        assert said(machine, b) == ["yes same"]
        told = json.dumps(machine.client.get(f"/jobs/{a}"))
        assert "it is odd" in told, told


def test_a_machine_whose_cable_is_pulled_loses_its_attempt_and_nothing_runs_twice(
    machine: Beside, nodes: TwoNodes
) -> None:
    run = machine.dispatch("counting")
    first = until_counting(machine, nodes, run)
    nodes.cut()
    machine.until(lambda: machine.job(run)["attempts"] > 1, "the attempt is given up")
    assert first not in nodes.boxes()  # though nobody could tell it to end
    nodes.mend()
    second = until_counting(machine, nodes, run, 2)
    nodes.worker.docker("exec", second, "touch", "/gate")
    job = machine.ended(run)
    assert (job["status"], job["attempts"], job["retry_count"]) == ("success", 2, 0)
    assert whole(machine.log(run))
    assert "out of reach" in json.dumps(machine.client.get(f"/jobs/{job['id']}/timeline"))


def test_a_docker_engine_that_is_killed_takes_no_job_along_until_it_is_started_again(
    machine: Beside, nodes: TwoNodes
) -> None:
    run = machine.dispatch("counting")
    until_counting(machine, nodes, run)
    nodes.worker.end(signal.SIGKILL)
    nodes.until_seen("Down")
    before = counted(machine, run)
    machine.until(lambda: counted(machine, run) > before + 5, "the job goes on")
    nodes.worker.start()  # which ends the containers that it finds
    second = until_counting(machine, nodes, run, 2)
    nodes.worker.docker("exec", second, "touch", "/gate")
    job = machine.ended(run)
    assert (job["status"], job["attempts"], job["retry_count"]) == ("success", 2, 0)
    assert whole(machine.log(run))


HANGS = """
import socket
with socket.create_server(("{0}", 5000)) as server:
    print("ready", flush=True)
    callers = []
    while True:
        callers.append(server.accept())
        print("called", flush=True)
"""


def test_a_cancel_is_heard_while_a_node_pulls_an_image(machine: Beside, nodes: TwoNodes) -> None:
    line = [*nodes.on_manager, sys.executable, "-c", HANGS.format(MANAGER)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as registry:
        try:
            assert registry.stdout is not None
            assert registry.stdout.readline() == "ready\n"
            run = machine.dispatch("far")
            assert registry.stdout.readline() == "called\n"  # and hears nothing
            machine.client.post(f"/runs/{run}/cancel", {})
            assert machine.ended(run)["status"] == "cancelled"
        finally:
            registry.kill()


def test_the_doctor_tells_of_the_swarm(tmp_path: Path, nodes: TwoNodes) -> None:
    (tmp_path / "treadle.yml").write_text("executor: swarm\n")
    found = {}
    for name, node in (("manager", nodes.manager), ("worker", nodes.worker)):
        done = subprocess.run(
            [sys.executable, "-m", "app.cli.main", "doctor", "--json", "--home", str(tmp_path)],
            cwd=ROOT,
            env={**os.environ, "DOCKER_HOST": node.address},
            capture_output=True,
            text=True,
            check=False,
        )
        found[name] = next(one for one in json.loads(done.stdout) if one["name"] == "swarm")
    assert found["manager"]["state"] in ("ok", "warn")
    assert f"2 nodes ready; their tasks dial {MANAGER}:8485" in found["manager"]["message"]
    assert (found["worker"]["state"], "docker swarm init" in found["worker"]["fix"]) == ("fail", True)
