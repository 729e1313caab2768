"""One engine, whole and real, while its clock is set and its database is locked: no job notices."""

import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.core.deadlines import LEASE_S
from tests.faults.machine import Machine
from tests.faults.stories import do, workflow

FILES = {
    "gated": workflow(
        f"a: {{runs-on: here, timeout-minutes: 10, steps: [{do('one', 'gate')}, {do('two')}]}}", "workflow_dispatch"
    ),
    "locked": workflow(
        f"a: {{runs-on: here, steps: [{do('three', 'free')}, {do('four')}, {do('five')}]}}", "workflow_dispatch"
    ),
    "quick": workflow("a: {runs-on: here, steps: [{run: 'true'}]}", "workflow_dispatch"),
}


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """An engine whose clock is what `clock` in its folder says, as libfaketime reads it."""
    tool = shutil.which("faketime")
    if tool is None:
        pytest.skip("There is no faketime here: apt-get install faketime.")
    told = subprocess.run(
        [tool, "-m", "now", "sh", "-c", "echo $LD_PRELOAD"], capture_output=True, text=True, check=True
    )
    (tmp_path / "clock").write_text("+0")
    env = {
        "LD_PRELOAD": told.stdout.strip(), "FAKETIME_TIMESTAMP_FILE": str(tmp_path / "clock"), "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1",
    }  # fmt: skip
    machine = Machine(tmp_path / "m", FILES, env=env)
    yield machine.start()
    machine.end()


@pytest.mark.timeout(300)
def test_a_clock_that_is_set_and_a_locked_database_cost_no_job_anything(machine: Machine, tmp_path: Path) -> None:
    gated = machine.dispatch("gated")
    machine.until_begun("one")
    for ahead in ("+2h", "-3h", "+0"):
        (tmp_path / "clock").write_text(ahead)
        assert machine.ended(machine.dispatch("quick"))["status"] == "success"  # the control plane has had its turns
        assert machine.job(gated)["status"] == "running"
    assert "The clock was set forward" in machine.said.read_text()
    assert "The clock was set back" in machine.said.read_text()

    locked = machine.dispatch("locked")
    machine.until_begun("three")
    with sqlite3.connect(machine.home / "treadle.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        machine.open("free")  # a step ends, others are to begin, leases run out, and nothing can be written
        threading.Event().wait(LEASE_S + 3)
        other.execute("ROLLBACK")
    assert "stayed locked by another process for 5 s" in machine.said.read_text()
    machine.open("gate")
    for run in (gated, locked):
        job = machine.ended(run)
        assert (job["status"], job["attempts"]) == ("success", 1), machine.said.read_text()[-3000:]
    assert sorted(line.split()[-1] for line in machine.effects().elements()) == ["five", "four", "one", "three", "two"]
