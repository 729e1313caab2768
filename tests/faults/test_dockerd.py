"""The Docker Engine goes away under running jobs: what it keeps is gone on with, what it ends begins again, once."""

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.worker.docker.client import DockerClient
from tests.conftest import BUSYBOX
from tests.faults.machine import Machine
from tests.faults.own_dockerd import OwnDockerd, own_dockerd
from tests.faults.stories import workflow

pytestmark = [pytest.mark.docker, pytest.mark.timeout(240)]
COUNTS = "i=0; until [ -e /gate ]; do i=$((i + 1)); echo \"> $i\"; sleep .1; done; echo '> end'"
BOX = f"{{image: '{BUSYBOX}', options: --network none}}"
FILES = {
    "counting": workflow(
        f"a:\n  runs-on: here\n  container: {BOX}\n  steps:\n    - run: |\n        {COUNTS}", "workflow_dispatch"
    ),
    "late": workflow(
        f"a:\n  runs-on: here\n  timeout-minutes: 0.4\n  container: {BOX}\n  steps:\n    - run: |\n        {COUNTS}",
        "workflow_dispatch",
    ),
}


@pytest.fixture(params=[True, False], ids=["live-restore", "plain"])
def dockerd(docker_client: DockerClient, docker_engine: str, request: pytest.FixtureRequest) -> Iterator[OwnDockerd]:
    with own_dockerd(docker_client, live_restore=request.param) as dockerd:
        yield dockerd


@pytest.fixture
def machine(tmp_path: Path, dockerd: OwnDockerd) -> Iterator[Machine]:
    machine = Machine(tmp_path / "m", FILES, label=BUSYBOX, env={"DOCKER_HOST": dockerd.address})
    yield machine.start()
    machine.end()


def until_counting(machine: Machine, dockerd: OwnDockerd, run: int, attempt: int = 1) -> str:
    """Wait until an attempt prints; return its container, of which there is one."""
    machine.until(
        lambda: machine.job(run)["attempts"] >= attempt and "\n> 3\n" in machine.log(run),
        f"attempt {attempt} of run {run} counts",
    )
    label = f"label=treadle.job={machine.job(run)['id']}"
    [container] = dockerd.docker("ps", "-q", "--filter", label).stdout.split()
    return container


def whole(log: str) -> bool:
    """Whether nothing of what was counted is missing in a log, or doubled."""
    said = re.findall(r"^> (\w+)$", log, re.MULTILINE)
    return said == [*(str(n) for n in range(1, len(said))), "end"]


def test_a_restart_of_dockerd_loses_no_job_and_runs_none_twice(machine: Machine, dockerd: OwnDockerd) -> None:
    first, second = machine.dispatch("counting"), machine.dispatch("counting")
    containers = [until_counting(machine, dockerd, run) for run in (first, second)]
    dockerd.end(signal.SIGKILL if dockerd.live_restore else signal.SIGTERM)
    if dockerd.live_restore:  # the jobs go on without it, and that somebody wants one ended is not forgotten
        machine.client.post(f"/runs/{second}/cancel", {})
        lines = machine.log(first).count("\n")
        machine.until(lambda: machine.log(first).count("\n") > lines + 5, "the first goes on")
        assert machine.job(second)["status"] == "running", machine.job(second)
    dockerd.start()
    if not dockerd.live_restore:
        containers = [until_counting(machine, dockerd, run, 2) for run in (first, second)]
    for container in containers:
        dockerd.docker("exec", container, "touch", "/gate")
    job, other = machine.ended(first), machine.ended(second)
    assert job["status"] == "success" and whole(machine.log(first)), machine.said.read_text()[-3000:]
    assert (job["attempts"] == 1, job["retry_count"]) == (dockerd.live_restore, 0)
    assert other["status"] == ("cancelled" if dockerd.live_restore else "success"), other
    machine.end()  # which takes away what could not be removed while dockerd was away
    assert dockerd.containers() == []


@pytest.mark.parametrize("dockerd", [True], indirect=True, ids=["live-restore"])
def test_an_engine_started_while_dockerd_is_away_takes_its_jobs_up_once_it_is_back(
    machine: Machine, dockerd: OwnDockerd
) -> None:
    first, second = machine.dispatch("counting"), machine.dispatch("counting")
    container, _ = [until_counting(machine, dockerd, run) for run in (first, second)]
    dockerd.end(signal.SIGKILL)
    machine.end(signal.SIGKILL)
    machine.start()
    for run in (first, second):
        machine.until(lambda: "No Docker Engine answers" in str(machine.job(run)["reason"]), "it says why")  # noqa: B023
        assert machine.job(run)["status"] == "running"
    machine.client.post(f"/runs/{second}/cancel", {})
    assert machine.ended(second)["status"] == "cancelled"
    machine.end()  # an engine that is stopped meanwhile leaves the job to the next
    machine.start()
    lines = machine.log(first).count("\n> ")
    dockerd.start()
    machine.until(lambda: machine.log(first).count("\n> ") > lines + 5, "the first goes on")
    assert machine.job(first)["reason"] == ""
    dockerd.docker("exec", container, "touch", "/gate")
    job = machine.ended(first)
    assert (job["status"], job["attempts"]) == ("success", 1), machine.said.read_text()[-3000:]
    assert whole(machine.log(first)) and "The job goes on when it is back" in machine.log(first)
    machine.until(lambda: not dockerd.containers(), "also what was cancelled meanwhile is taken away")


@pytest.mark.parametrize("dockerd", [True], indirect=True, ids=["live-restore"])
def test_a_deadline_holds_while_dockerd_is_away_and_the_box_goes_when_it_is_back(
    machine: Machine, dockerd: OwnDockerd
) -> None:
    late = machine.dispatch("late")
    until_counting(machine, dockerd, late)
    dockerd.end(signal.SIGKILL)
    machine.end(signal.SIGKILL)
    machine.start()
    assert machine.ended(late)["status"] == "timed_out"
    dockerd.start()  # no job needs it any more
    machine.until(lambda: not dockerd.containers(), "the box is taken away")


def test_without_a_dockerd_a_job_says_so(machine: Machine, dockerd: OwnDockerd) -> None:
    dockerd.end(signal.SIGKILL)
    job = machine.ended(machine.dispatch("counting"))
    assert job["status"] == "failed" and "No Docker Engine answers" in job["reason"], job


def test_an_image_that_vanishes_is_not_missed_by_what_runs_and_named_by_what_begins(
    machine: Machine, dockerd: OwnDockerd
) -> None:
    first = machine.dispatch("counting")
    container = until_counting(machine, dockerd, first)
    machine.client.post("/queue/pause", {})
    second = machine.dispatch("counting")
    dockerd.docker("rmi", "-f", BUSYBOX)
    dockerd.docker("exec", container, "touch", "/gate")
    assert machine.ended(first)["status"] == "success"
    machine.client.post("/queue/resume", {})
    job = machine.ended(second)
    assert job["status"] == "failed"
    assert f"The image {BUSYBOX} is neither here nor can it be pulled" in job["reason"]
    machine.until(lambda: not dockerd.containers(), "no container is left")
