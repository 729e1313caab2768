"""What may be wrong with a home: several engines want it, strange files lie in it, it cannot be read or written."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.core.errors import EngineError
from tests.faults.machine import ROOT, Machine
from tests.faults.stories import do, workflow

FILES = {
    "ci": workflow(f"a: {{runs-on: here, steps: [{do('one')}]}}", "workflow_dispatch"),
    "gated": workflow(f"a: {{runs-on: here, steps: [{do('two', 'gate')}, {do('three')}]}}", "workflow_dispatch"),
}


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path / "m", FILES)
    yield machine
    machine.end()


def test_of_engines_that_race_for_a_home_one_gets_it_and_the_others_say_whose_it_is(machine: Machine) -> None:
    racing = [subprocess.Popen(machine.line, cwd=ROOT, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    try:
        machine.until(lambda: sum(one.poll() is None for one in racing) == 1, "three of four leave")
        [winner] = [one for one in racing if one.poll() is None]
        for one in racing:
            if one is not winner:
                assert one.stderr is not None and one.returncode == 1
                assert f"Another engine runs on {machine.home} already (process {winner.pid})" in one.stderr.read()
        assert winner.stderr is not None and winner.stderr.readline().startswith("Listening on")
        winner.send_signal(signal.SIGTERM)
        assert winner.wait(20) == 0
    finally:
        for one in racing:
            one.kill()
            one.communicate()


def test_what_lies_where_sockets_pipes_and_logs_belong_stops_no_engine(machine: Machine) -> None:
    machine.start()
    machine.end(signal.SIGKILL)
    for place in ("treadle.sock", "treadle.bell"):
        (machine.home / place).unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(machine.home / place))
    os.mkfifo(machine.home / "logs" / "fifo")
    (machine.home / "logs" / "1").mkdir()
    os.mkfifo(machine.home / "logs" / "1" / "1-1.log")
    (machine.home / "work" / "1-1").mkdir(mode=0o700)
    os.mkfifo(machine.home / "work" / "1-1" / "go")
    os.mkfifo(machine.home / "artifacts" / "partial" / "fifo")
    machine.start()
    assert machine.ended(machine.dispatch("ci"))["status"] == "success"
    machine.until(lambda: not list((machine.home / "work").iterdir()), "the folder of the job is taken away")


def test_settings_that_cannot_be_read_change_nothing_and_are_told(machine: Machine) -> None:
    machine.start()
    settings = machine.home / "treadle.yml"
    text = settings.read_text()
    for make in (
        lambda: settings.write_text("workers: ["), lambda: settings.write_bytes(b"\xff\xfe"), settings.unlink,
        settings.mkdir,
    ):  # fmt: skip
        before = len(machine.said.read_text())
        make()
        machine.until(lambda: "treadle.yml" in machine.said.read_text()[before:], "the fault is told")  # noqa: B023
        assert "Traceback" not in machine.said.read_text()[before:]
        assert machine.ended(machine.dispatch("ci"))["status"] == "success"
    settings.rmdir()
    settings.write_text(text)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a disk")
def test_a_home_that_cannot_be_written_is_named(machine: Machine) -> None:
    machine.start()
    machine.end()
    home = str(machine.home)
    subprocess.run(["mount", "--bind", home, home], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", home], check=True)
        for line in (machine.line, [sys.executable, "-m", "app.cli.main", "list", "--home", home]):
            done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
            assert "Traceback" not in done.stderr, done.stderr
            if "--headless" in line:
                assert done.returncode != 0 and home in done.stderr and "read" in done.stderr.lower(), done.stderr
    finally:
        subprocess.run(["umount", "-l", home], check=True)
    machine.start()
    assert machine.ended(machine.dispatch("ci"))["status"] == "success"


@contextmanager
def refused(*files: Path) -> Iterator[None]:
    """Have the disk refuse every write of these files, also by who has them open."""
    lock = subprocess.run(["chattr", "+i", *files], capture_output=True, check=False)
    if lock.returncode:
        pytest.skip("no file can be made immutable here")
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", *files], check=True)


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("chattr") is None, reason="only root refuses itself a write")
@pytest.mark.timeout(300)
def test_a_disk_that_takes_no_writes_for_a_while_is_told_once_and_loses_no_job(machine: Machine) -> None:
    machine.start()
    gated = machine.dispatch("gated")
    machine.until_begun("two")

    def told() -> list[str]:
        lines = machine.said.read_text().splitlines()
        return [line for line in lines if "its disk is read-only, or fails" in line and "Trying again." in line]

    with refused(machine.home / "treadle.db", machine.home / "treadle.db-wal"):
        machine.until(told, "the heart beats in vain, and says so")
        for _ in range(3):
            with pytest.raises(EngineError, match="cannot be written: its disk is read-only, or fails"):
                machine.dispatch("ci")
        machine.open("gate")  # what the job does now cannot be noted
        assert machine.run(gated)["status"] == "running"
    machine.until(lambda: "it goes on." in machine.said.read_text(), "it goes on, and says so")
    job = machine.ended(gated)
    assert (job["status"], job["retry_count"]) == ("success", 0), machine.said.read_text()[-3000:]
    assert set(machine.effects().values()) == {1} and not any(one.startswith("twice") for one in machine.effects())
    assert machine.ended(machine.dispatch("ci"))["status"] == "success"
    assert len(told()) == 1 and "Traceback" not in machine.said.read_text(), machine.said.read_text()[-5000:]
