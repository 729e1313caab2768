"""How `treadle run` ends when it is told to: nothing is left behind. Two of them share one engine."""

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

from tests.app.cli.kinds import BOTH, GATED, OTHER, open_gate, treadle
from tests.app.cli.treadle_process import Started, Treadle

__all__ = ["treadle"]


def deaf(treadle: Treadle) -> Started:
    """Start a run that does not heed TERM, with a long grace period and what is to run always; it has begun."""
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
    return started


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
    started = deaf(treadle)
    started.process.send_signal(signal.SIGINT)
    started.until_log("\nterm\n")
    started.process.send_signal(signal.SIGINT)
    assert started.result["status"] == "cancelled"
    assert started.process.returncode == 130
    assert "\nnever\n" not in started.log()


@BOTH
def test_a_second_cancel_from_another_process_ends_it_at_once(treadle: Treadle, kind: str) -> None:
    started = deaf(treadle)
    assert treadle.call("cancel", "r1").stdout.startswith("Run 1 is being cancelled.")
    started.until_log("\nterm\n")
    assert treadle.call("cancel", "r1").stdout == "Run 1 is ended at once.\n"
    assert started.result["status"] == "cancelled"
    assert "\nnever\n" not in started.log()
    assert "Run 1 has ended already: it is cancelled." in treadle.call("cancel", "r1").stderr


@BOTH
def test_a_second_cancel_with_the_engine_killed_in_between_ends_it_at_once(treadle: Treadle, kind: str) -> None:
    started = deaf(treadle)
    treadle.call("cancel", "r1")
    started.until_log("\nterm\n")
    started.kill()
    assert treadle.call("cancel", "r1").stdout == "Run 1 is ended at once.\n"
    treadle.write(OTHER, "other.yml")
    for _ in range(20):
        assert treadle.run("other.yml").returncode == 0
        shown = json.loads(treadle.call("show", "r1", "--json").stdout)
        if shown["status"] == "cancelled":
            break
    jobs = {job["name"]: (job["status"], len(job["attempts"])) for job in shown["jobs"]}
    assert jobs == {"a": ("cancelled", 1), "b": ("cancelled", 0)}
    assert "\nnever\n" not in treadle.call("logs", "r1/a").stdout


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


def test_a_terminal_that_is_closed_cancels_the_run(treadle: Treadle) -> None:
    treadle.write("jobs: {a: {runs-on: here, steps: [{run: 'echo begun; sleep 4744'}]}}")
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(treadle.repo)
        line = [sys.executable, "-m", "app.cli.main", "run", "--plain", "--executor", "host"]
        os.execve(sys.executable, line, treadle.environment)
    seen = b""
    while b"| begun" not in seen:
        seen += os.read(terminal, 4096)
    os.close(terminal)
    os.waitpid(child, 0)
    assert [run["status"] for run in json.loads(treadle.call("list", "--json").stdout)] == ["cancelled"]


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
