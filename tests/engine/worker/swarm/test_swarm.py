"""Whole jobs in a swarm of one node, and each of Swarm's traps: what it does that must not matter."""

import io
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from engine.core.clock import SystemClock
from engine.core.errors import EngineError, ExecutorUnavailable
from engine.home import home_id
from engine.settings.model import SwarmSettings
from engine.worker.docker.client import DockerClient
from engine.worker.executor import BoxExit
from engine.worker.swarm.executor import SwarmExecutor
from engine.worker.swarm.objects import SwarmObjects
from engine.worker.swarm.plan import PREFIX
from tests.engine.worker.conftest import settings_for
from tests.engine.worker.swarm_lab import SwarmBench, bench_in, left_in_swarm, with_port
from tests.engine.worker.swarm_lab import swarm as swarm
from tests.engine.works import Ended, Works


@pytest.fixture
def bench(docker_engine: str, swarm: SwarmSettings, tmp_path: Path) -> Iterator[SwarmBench]:
    bench = bench_in(tmp_path, docker_engine, with_port(swarm, lost_s=60))
    yield bench
    bench.close()
    assert left_in_swarm(bench.home_id) == []


@pytest.fixture
def hasty_bench(docker_engine: str, swarm: SwarmSettings, tmp_path: Path) -> Iterator[SwarmBench]:
    """Its tasks do not wait for an engine for long."""
    bench = bench_in(tmp_path, docker_engine, with_port(swarm, lost_s=4))
    yield bench
    bench.close()
    assert left_in_swarm(bench.home_id) == []


@pytest.fixture(params=["busybox", "debian"])
def works(request: pytest.FixtureRequest, swarm: SwarmSettings, tmp_path: Path) -> Iterator[Works]:
    """An engine whose jobs run in a swarm: dialled by our busybox, and by the image's own openssl."""
    image = request.getfixturevalue("docker_engine" if request.param == "busybox" else "docker_debian")
    settings = settings_for(tmp_path, labels={"here": f"{PREFIX}{image}"}, swarm=with_port(swarm))
    works = Works(tmp_path, settings, executor="docker").start()
    yield works
    works.close()
    assert left_in_swarm(home_id(works.settings.home)) == []


JOB = """
jobs:
  a:
    runs-on: here
    env: {BRACES: "{{.Node.ID}} {{ 1 }}"}
    steps:
      - uses: actions/checkout@v4
      - run: |
          echo "> $(cat hello.txt) $BRACES"
          echo "told=yes" >>"$GITHUB_OUTPUT"; echo "LATER=on" >>"$GITHUB_ENV"
          mkdir out; head -c 3000000 /dev/urandom >out/noise; sha256sum out/noise | cut -c1-64 >out/sum
        id: made
      - uses: actions/upload-artifact@v4
        with: {name: out, path: out}
      - run: echo "> ${{ steps.made.outputs.told }} $LATER ${{ hashFiles('out/sum') != '' }}"
    outputs: {told: "${{ steps.made.outputs.told }}"}
  b:
    needs: a
    runs-on: here
    steps:
      - uses: actions/download-artifact@v4
        with: {name: out, path: got}
      - run: |
          [ "$(sha256sum got/noise | cut -c1-64)" = "$(cat got/sum)" ]
          echo "> ${{ needs.a.outputs.told }} same"
"""


def test_a_job_checks_out_tells_outputs_and_hands_on_artifacts(works: Works) -> None:
    ended = works.run(JOB)
    assert ended.statuses == {"a": "success", "b": "success"}, ended.log("a")
    assert ended.said("a") == ["hello {{.Node.ID}} {{ 1 }}", "yes on true"]
    assert ended.said("b") == ["yes same"]


# -- Swarm's traps -----------------------------------------------------------------------------------------------------


def tasks_of(service: str) -> list[dict[str, Any]]:
    client = DockerClient()
    try:
        return SwarmObjects(client, "", SystemClock()).tasks(service)
    finally:
        client.close()


def containers_of(home: str) -> list[str]:
    """The containers of a home's tasks on this node, whatever has become of their services."""
    client = DockerClient()
    try:
        found = client.api.containers(all=True, filters={"name": home})
        return [one["Id"] for one in found if one["State"] == "running"]
    finally:
        client.close()


def until(happens: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(600):
        if happens():
            return
        pause.wait(0.1)
    raise AssertionError("it never happened")


def test_removing_a_box_stops_its_task_even_where_no_line_leads(bench: SwarmBench) -> None:
    session = bench.open()
    session.start_step(bench.step(0, "trap '' TERM; echo begun; sleep 1000 & wait"))
    bench.wait_for(session, 0, b"begun")
    box = session.box
    executor = bench.executor
    assert isinstance(executor, SwarmExecutor)
    assert executor._door is not None
    executor._door.dismiss(box.guest.name)  # type: ignore[attr-defined]
    box.remove()
    executor.settle()
    assert tasks_of(box.id) == []
    until(lambda: containers_of(bench.home_id) == [])


def test_a_second_task_of_an_attempt_is_refused_and_runs_nothing(bench: SwarmBench) -> None:
    session = bench.open()
    client = DockerClient()
    found = client.api.inspect_service(session.box.id)
    spec = found["Spec"]
    spec["Mode"]["Replicated"]["Replicas"] = 2  # what Swarm does by itself when it thinks that a task is lost
    url = client.api._url("/services/{0}/update", session.box.id)
    client.api._raise_for_status(client.api._post_json(url, data=spec, params={"version": found["Version"]["Index"]}))
    client.close()

    def refused() -> bool:
        ends = [task["Status"].get("ContainerStatus", {}).get("ExitCode") for task in tasks_of(session.box.id)]
        return 95 in ends

    until(refused)
    assert bench.run(session, 0, "fail").exit_code == 3
    assert bench.log(session, 0) == b"out\nerr\n"


def test_no_byte_at_the_end_of_a_box_is_lost(bench: SwarmBench) -> None:
    session = bench.open()
    session.start_step(
        bench.step(0, "i=0; while [ $i -lt 40 ]; do head -c 65536 /dev/zero; i=$((i+1)); done; printf end")
    )
    end = session.poll(60)
    assert bench.log(session, 0) == bytes(40 * 65536) + b"end", end
    session.end()
    assert session.box.exited(30) == BoxExit(0)


def test_a_task_whose_engine_is_gone_for_too_long_ends_itself(hasty_bench: SwarmBench) -> None:
    bench = hasty_bench
    session = bench.open()
    bench.executor.close()
    until(lambda: all(task["Status"]["State"] == "failed" for task in tasks_of(session.box.id)))
    assert [task["Status"]["ContainerStatus"]["ExitCode"] for task in tasks_of(session.box.id)] == [97]
    bench.executor = bench.again()
    box = bench.executor.adopt(bench.spec(), session.box.id)
    assert box is not None
    bench.boxes = [box]
    assert box.exited(30) == BoxExit(97)


@pytest.mark.parametrize("image", ["docker_engine", "docker_debian"])
def test_a_false_engine_is_told_nothing(hasty_bench: SwarmBench, image: str, request: pytest.FixtureRequest) -> None:
    bench = hasty_bench
    spec = bench.spec(image=request.getfixturevalue(image))
    session = bench.open(spec)
    bench.executor.close()
    (bench.folder / "swarm.pem").unlink()  # who listens there now has another key, were the token the same
    bench.executor = bench.again()
    box = bench.executor.adopt(spec, session.box.id)
    assert box is not None
    bench.boxes = [box]
    assert box.exited(60) == BoxExit(97)
    assert not box.guest.arrived.is_set()  # type: ignore[attr-defined]


def test_an_image_that_no_node_can_have_is_named(bench: SwarmBench) -> None:
    with pytest.raises(ExecutorUnavailable, match="treadle-test/none:1"):
        bench.open(bench.spec(image="treadle-test/none:1"))


def test_a_box_that_no_node_takes_is_told_of(docker_engine: str, swarm: SwarmSettings, tmp_path: Path) -> None:
    settings = with_port(swarm, constraints=("node.labels.nowhere == yes",), wait_s=2.0)
    bench = bench_in(tmp_path, docker_engine, settings)
    with pytest.raises(EngineError, match=r"No node of the swarm has taken .* no suitable node"):
        bench.open()
    bench.close()
    assert left_in_swarm(bench.home_id) == []


def test_what_a_box_wrote_before_it_was_cut_off_is_not_doubled(bench: SwarmBench) -> None:
    """The line breaks again and again, and the log is what the step wrote."""
    session = bench.open()
    session.start_step(bench.step(0, "i=0; while [ $i -lt 3000 ]; do echo $i; i=$((i+1)); done; sleep 2; echo last"))
    guest = session.box.guest  # type: ignore[attr-defined]
    cuts = 0
    while (end := session.poll(0.3)) is None:
        if guest.line is not None:
            guest.line.close()
            cuts += 1
    assert cuts > 1
    assert bench.log(session, 0) == "".join(f"{i}\n" for i in range(3000)).encode() + b"last\n", end


def has_grown(log: Path, beyond: int, engine: "subprocess.Popen[bytes]") -> bool:
    return log.stat().st_size > beyond or engine.poll() is not None


SLOW_STEP = """
exec 2>/dev/null # where the shell tells of what was ended
trap 'stop=1' TERM
i=0
while [ -z "$stop" ]; do echo $i; i=$((i+1)); [ $((i % 50)) != 0 ] || sleep .1 || true; done
printf %s $i >"$OUT"
"""


def test_an_engine_that_is_killed_again_and_again_loses_and_doubles_nothing(bench: SwarmBench) -> None:
    """Every engine is a process of its own, killed with SIGKILL while the step writes."""
    spec = bench.spec()
    session = bench.open(spec)
    session.write_file("told")
    session.start_step(bench.step(0, SLOW_STEP, env={"OUT": session.inside("file", "told")}))
    bench.wait_for(session, 0, b"1\n")
    bench.executor.close()
    log = spec.folder / "channel/log/0"
    for _ in range(3):
        engine = subprocess.Popen([sys.executable, "-m", "tests.engine.worker.swarm_lab", *bench.told(session.box.id)])
        until(partial(has_grown, log, log.stat().st_size, engine))
        os.kill(engine.pid, signal.SIGKILL)
        engine.wait()
    last = bench.reopen(spec, session.box.id)
    last.interrupt()
    assert last.poll(60) is not None
    count = int(last.read_file("told", 10) or b"")
    assert bench.log(last, 0) == "".join(f"{i}\n" for i in range(count)).encode()
    assert bench.run(last, 1, "fail").exit_code == 3


# -- images and engines ------------------------------------------------------------------------------------------------


@pytest.fixture
def bare_image(docker_client: DockerClient) -> Iterator[str]:
    """An image with a shell, `cat`, `sleep` and `chmod`, and nothing else."""
    name = f"treadle-test/bare:{secrets.token_hex(4)}"
    programs = {shutil.which(program) for program in ("sh", "cat", "sleep", "chmod")}
    said = subprocess.run(["ldd", *filter(None, programs)], capture_output=True, text=True, check=True).stdout
    files = {*filter(None, programs), *re.findall(r"(/\S+) \(0x", said)}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", dereference=True) as tar:
        for path in files:
            tar.add(path)
        for path in programs:
            tar.add(str(path), f"bin/{Path(str(path)).name}")
    repository, _, tag = name.partition(":")
    docker_client.api.import_image_from_data(packed.getvalue(), repository=repository, tag=tag)
    yield name
    docker_client.api.remove_image(name, force=True)


def test_an_image_with_little_but_a_shell_is_sent_a_busybox(bench: SwarmBench, bare_image: str) -> None:
    session = bench.open(bench.spec(image=bare_image))
    assert bench.run(session, 0, "fail").exit_code == 3
    assert bench.log(session, 0) == b"out\nerr\n"
    session.start_step(bench.step(1, "hang"))
    bench.wait_for(session, 1, b"begun")
    session.interrupt()
    assert session.poll(30) is not None
    assert bench.run(session, 2, "command -v nc || echo none").exit_code == 0
    assert bench.log(session, 2) == b"none\n"  # it is the courier's alone


def test_an_image_without_means_says_so_where_there_is_no_busybox_to_send(
    bench: SwarmBench, bare_image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ExecutorUnavailable, match=r"neither openssl nor busybox .* Install busybox-static"):
        bench.open(bench.spec(image=bare_image))


def test_an_image_without_a_shell_says_so(bench: SwarmBench, docker_client: DockerClient) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("nothing"))
    name = f"treadle-test/empty:{secrets.token_hex(4)}"
    repository, _, tag = name.partition(":")
    docker_client.api.import_image_from_data(packed.getvalue(), repository=repository, tag=tag)
    try:
        with pytest.raises(ExecutorUnavailable, match="has no `sh`"):
            bench.open(bench.spec(image=name))
    finally:
        docker_client.api.remove_image(name, force=True)


def has_said(ended: Ended, words: str) -> bool:
    path = ended.works.store.log_path(ended.run_id, ended.job().id, 1)
    return path.exists() and words in path.read_text()


def test_a_job_goes_on_when_its_engine_is_started_again(works: Works) -> None:
    run_id = works.record('steps:\n  - run: \'echo "> one"; sleep 4; echo "> two"\'\n  - run: \'echo "> three"\'\n')
    ended = Ended(works, run_id)
    works.until(lambda: has_said(ended, "> one"), "the step has begun")
    works.stop()
    works.start()
    ended = works.ended(run_id)
    assert (ended.status, ended.said(), len(ended.attempts())) == ("success", ["one", "two", "three"], 1), ended.log(
        attempt=1
    )
