"""How `treadle run` ends when it is told to, or killed: nothing is left behind, nothing is lost or doubled."""

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.home import home_id
from engine.store.store import open_store
from tests.app.cli.treadle_process import Treadle
from tests.engine.worker.conftest import leftovers

BOTH = pytest.mark.parametrize("kind", ["host", pytest.param("docker", marks=pytest.mark.docker)])
COUNT = 2000


@pytest.fixture
def treadle(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Treadle]:
    """On this machine, or for a test with `kind` docker in containers; afterwards nothing may be left of its home."""
    kind = getattr(request.node, "callspec", None) and request.node.callspec.params.get("kind")
    if kind == "docker":
        image = request.getfixturevalue("docker_engine")
        treadle = Treadle(tmp_path, ("--label", f"here={image}"))
    else:
        treadle = Treadle(tmp_path)
    yield treadle
    treadle.close()
    if kind == "docker":
        assert leftovers(home_id(treadle.home)) == []
    assert processes_of(treadle.home) == []
    assert list((treadle.home / "work").iterdir()) == []


def processes_of(home: Path) -> list[str]:
    """The command lines of processes that bear the mark of a home's boxes."""
    mark = home_id(home)
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("TREADLE_BOX", "").startswith(mark):
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


# -- interrupts -----------------------------------------------------------------------------------------------------


@BOTH
def test_an_interrupt_cancels_cleans_up_and_is_130(treadle: Treadle, kind: str) -> None:
    treadle.write("""
        jobs:
          a:
            runs-on: here
            steps:
              - run: (trap '' TERM; exec sleep 4741) & echo begun; sleep 4741
              - if: always()
                run: echo cleaned up
          b: {runs-on: here, needs: a, steps: [{run: echo never}]}
        """)
    started = treadle.start()
    started.until_log("\nbegun\n")
    started.process.send_signal(signal.SIGINT)
    result = started.result
    assert started.process.returncode == 130
    assert "Cancelling" in started.errors
    jobs = result["runs"][0]["jobs"]
    assert (result["status"], jobs["a"]["status"], jobs["b"]["status"]) == ("cancelled", "cancelled", "cancelled")
    assert "\ncleaned up\n" in started.log()


@BOTH
def test_a_second_interrupt_ends_it_at_once(treadle: Treadle, kind: str) -> None:
    treadle.write("""
        jobs:
          a:
            runs-on: here
            steps:
              - run: trap 'echo term' TERM; echo begun; while :; do sleep .05 || :; done
              - if: always()
                run: echo never
          b: {runs-on: here, needs: a, if: always(), steps: [{run: sleep 4742}]}
        """)
    (treadle.home / "treadle.yml").write_text("grace: 60s\n")
    started = treadle.start()
    started.until_log("\nbegun\n")
    started.process.send_signal(signal.SIGINT)
    started.until_log("\nterm\n")
    started.process.send_signal(signal.SIGINT)
    assert started.result["status"] == "cancelled"
    assert started.process.returncode == 130
    assert "\nnever\n" not in started.log()


def test_an_interrupt_before_anything_is_recorded_records_nothing(treadle: Treadle, tmp_path: Path) -> None:
    treadle.write("jobs: {a: {runs-on: here, steps: [{run: x}]}}")
    treadle.call("list")
    payload = tmp_path / "payload"
    subprocess.run(["mkfifo", str(payload)], check=True)  # who reads it waits
    started = treadle.start("--payload", str(payload))
    with payload.open("w"):
        started.process.send_signal(signal.SIGINT)
        assert started.process.wait(30) == 130
    assert started.lines() == []
    assert started.errors == "Interrupted.\n"
    assert json.loads(treadle.call("list", "--json").stdout) == []


def test_output_that_nobody_reads_any_more_cancels_the_run(treadle: Treadle, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    treadle.write("""
        jobs:
          a:
            runs-on: here
            steps:
              - run: echo begun; until [ -e "$GATE" ]; do sleep .05; done; echo more; sleep 4743
        """)
    started = treadle.start("--env", f"GATE={gate}")
    started.until_log("\nbegun\n")
    assert started.process.stdout is not None
    started.process.stdout.close()
    gate.touch()
    assert started.process.wait(30) == 1
    assert [run["status"] for run in json.loads(treadle.call("list", "--json").stdout)] == ["cancelled"]


# -- a killed engine ------------------------------------------------------------------------------------------------

COUNTING = f"""
    jobs:
      a:
        runs-on: here
        timeout-minutes: 5
        steps:
          - run: i=0; while [ $i -lt {COUNT} ]; do i=$((i+1)); echo "line $i"; [ $((i % 20)) != 0 ] || sleep .01; done
          - run: echo "attempt $TREADLE_ATTEMPT"
    """
OTHER = "on: workflow_dispatch\njobs: {o: {runs-on: here, steps: [{run: echo other}]}}"


@BOTH
def test_a_killed_run_is_taken_up_by_the_next_with_not_a_line_lost_or_doubled(treadle: Treadle, kind: str) -> None:
    treadle.write(COUNTING)
    treadle.write(OTHER, "other.yml")
    started = treadle.start()
    started.until_log("\nline 500\n")
    started.kill()
    deadline_at = job_facts(treadle)["deadline_at"]
    if kind == "docker":
        assert treadle.run("other.yml").returncode == 0
        # It leaves when its own run is over; whoever comes next goes on where it left.
        assert treadle.run("other.yml").returncode == 0
    else:
        assert treadle.run("other.yml").returncode == 0
    follow(treadle)
    log = treadle.call("logs", "r1/a").stdout
    assert [line for line in log.splitlines() if line.startswith("line ")] == [f"line {n}" for n in range(1, COUNT + 1)]
    assert log.endswith("\nattempt 1\n")
    facts = job_facts(treadle)
    assert (facts["status"], facts["attempts"], deadline_at is not None) == ("success", 1, True)


def follow(treadle: Treadle) -> None:
    """Have engines run until run 1 has ended."""
    for _ in range(20):
        if job_facts(treadle)["status"] in ("success", "failed"):
            return
        assert treadle.run("other.yml").returncode == 0
    raise AssertionError("run 1 never ended")


@BOTH
def test_a_run_killed_within_an_action_makes_a_new_attempt_and_costs_no_retry(treadle: Treadle, kind: str) -> None:
    action = treadle.repo / "act" / "action.yml"
    action.parent.mkdir()
    wait = "echo begun; until [ $TREADLE_ATTEMPT != 1 ]; do sleep .05; done"
    action.write_text(f"runs: {{using: composite, steps: [{{shell: sh, run: '{wait}'}}]}}")
    treadle.write("""
        jobs:
          a:
            runs-on: here
            retry: {max: 1, backoff: 0s}
            steps: [{uses: actions/checkout@v4}, {uses: ./act}, {run: echo "attempt $TREADLE_ATTEMPT"}]
        """)
    treadle.write(OTHER, "other.yml")
    started = treadle.start()
    started.until_log("\nbegun\n")
    started.kill()
    follow(treadle)
    facts = job_facts(treadle)
    assert (facts["status"], facts["attempts"], facts["retries"]) == ("success", 2, 0)
    assert facts["kinds"] == ["infrastructure", ""]
    assert treadle.call("logs", "r1/a").stdout.endswith("\nattempt 2\n")


GATED = """
    jobs:
      a:
        runs-on: here
        steps:
          - run: echo begun; until [ -e gate ]; do sleep .05; done; echo went on
    """


@BOTH
def test_two_runs_share_one_engine_and_one_home(treadle: Treadle, kind: str) -> None:
    treadle.write(GATED)
    treadle.write(OTHER, "other.yml")
    first = treadle.start()
    first.until_log("\nbegun\n")
    for _ in range(2):
        other = treadle.run("other.yml")
        assert other.returncode == 0, other.stderr
    assert "o | other\n" in other.stdout
    open_gate(treadle, kind)
    assert first.result["status"] == "success"
    [job] = first.result["runs"][0]["jobs"].values()
    assert job["attempts"] == 1


@BOTH
def test_a_second_run_takes_over_from_a_first_that_is_killed(treadle: Treadle, kind: str) -> None:
    treadle.write(GATED)
    treadle.write(OTHER, "other.yml")
    first = treadle.start()
    first.until_log("\nbegun\n")
    treadle.write(GATED.replace("went on", "went on, too"))
    second = treadle.start()
    second.until_log("\nbegun\n")
    first.kill()
    open_gate(treadle, kind)
    assert second.result["status"] == "success"
    follow(treadle)
    assert (job_facts(treadle)["status"], job_facts(treadle)["attempts"]) == ("success", 1)
    for run in ("r1", "r2"):
        log = treadle.call("logs", f"{run}/a").stdout
        assert (log.count("\nbegun\n"), log.count("\nwent on")) == (1, 1)


def open_gate(treadle: Treadle, kind: str) -> None:
    """Let the gated steps go on, wherever they run."""
    if kind == "host":
        for job in (treadle.home / "work").iterdir():
            (job / "workspace" / "gate").touch()
        return
    boxes = subprocess.run(
        ["docker", "ps", "-q", "--filter", f"label=treadle={home_id(treadle.home)}", "--filter", "label=treadle.job"],
        check=True, capture_output=True, text=True,
    ).stdout.split()  # fmt: skip
    for box in boxes:
        subprocess.run(["docker", "exec", box, "touch", "gate"], check=True, capture_output=True)


def job_facts(treadle: Treadle) -> dict[str, Any]:
    """What the store knows of the job of run 1."""
    store = open_store(treadle.home)
    try:
        [job] = store.queries.jobs(1)
        return {"status": str(job.status), "attempts": job.attempts, "deadline_at": job.deadline_at,
                "retries": job.retry_count, "kinds": [a.kind for a in store.queries.attempts(job.id)]}  # fmt: skip
    finally:
        store.close()
