"""The doctor looks at everything, says what to do, and its exit code says whether jobs can run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli.main import main
from engine.home import HomeLock
from engine.store.outbox import NewLetter
from tests.engine.fakes import Lab, jobs

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def doctor(tmp_path, capsys):
    (tmp_path / "treadle.yml").write_text("executor: host\n")

    def call(*line):
        code = main(["doctor", "--home", str(tmp_path), *line])
        return code, capsys.readouterr().out

    return call


def test_a_sound_machine_is_told_so(doctor):
    code, out = doctor("--json")
    checks = {check["name"]: check for check in json.loads(out)}
    assert code == 0
    assert {"python", "sqlite", "git", "home", "disk", "engine", "configuration", "host"} <= set(checks)
    assert "WAL works" in checks["sqlite"]["message"]


def test_every_finding_that_is_not_ok_comes_with_a_fix(doctor, tmp_path):
    (tmp_path / "treadle.yml").write_text("exekutor: host\n")
    (tmp_path / "treadle.db").write_bytes(b"not a database" * 100)
    code, out = doctor("--json")
    checks = json.loads(out)
    assert code in (1, 3)
    assert {"configuration", "database"} <= {check["name"] for check in checks if check["state"] == "fail"}
    assert all(check["fix"] for check in checks if check["state"] != "ok")


def test_a_forge_that_has_not_heard_of_a_result_is_named_with_the_reason(doctor, tmp_path):
    lab = Lab(tmp_path)
    run = lab.run(jobs(a=""))
    outbox = lab.store.outbox
    outbox.add([NewLetter("https://git.example", "lane", "status", run, {})], lab.clock.now())
    assert "git.example" not in doctor()[1]  # it may be heard yet
    [letter] = outbox.due("https://git.example", lab.clock.now())
    outbox.given_up(letter.id, "it answered 401", lab.clock.now())
    lab.close()
    code, out = doctor()
    assert code == 0 and "telling: https://git.example has not heard of a result of team/site: it answered 401" in out


def test_a_variable_that_only_the_server_has_is_no_fault(doctor, tmp_path):
    (tmp_path / "treadle.yml").write_text("executor: host\nrepos: [{name: a, url: /a, secret: '${ONLY_THE_SERVER}'}]\n")
    code, out = doctor()
    assert code == 0
    assert "! warn  configuration: " in out and "ONLY_THE_SERVER, which is not set" in out


def test_a_home_that_others_may_enter_is_told_of(doctor, tmp_path):
    tmp_path.chmod(0o755)
    code, out = doctor()
    assert code == 0
    assert f"! warn  home: {tmp_path} is open to other users" in out and f"chmod 700 {tmp_path}" in out


def apart(home: Path, docker_host: str) -> subprocess.CompletedProcess[str]:
    """Ask in a process of its own: Docker's client leaves a socket that it could not connect to the collector."""
    line = [sys.executable, "-m", "app.cli.main", "doctor", "--home", str(home)]
    environment = {**os.environ, "DOCKER_HOST": docker_host}
    return subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_no_docker_engine_is_exit_3_and_makes_no_home(tmp_path):
    run = apart(tmp_path / "none" / "home", f"unix://{tmp_path}/none.sock")
    assert (run.returncode, run.stderr) == (3, "")
    assert "✗ fail  docker: No Docker Engine answers" in run.stdout
    assert not (tmp_path / "none").exists()


def test_a_running_engine_is_named(doctor, tmp_path):
    lock = HomeLock(tmp_path)
    assert lock.take()
    assert "an engine runs on this home" in doctor()[1]
    lock.release()
    assert "no engine runs on this home" in doctor()[1]
