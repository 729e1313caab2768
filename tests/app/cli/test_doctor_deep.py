"""`treadle doctor --deep` and the disk: what does not fit together in a home is named, with what to do."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from app.cli.main import main
from engine.home import HomeLock
from engine.store.contents.artifacts import Artifacts
from tests.engine.fakes import Lab, jobs
from tests.engine.store.tars import tar_of

Checks = Callable[..., dict[str, dict[str, str]]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a run that ended in a box, with its log and an artifact, and one whose attempt runs."""
    lab = Lab(tmp_path / "home")
    run = lab.run(jobs(a=""))
    lease = lab.start()
    lab.store.queue.note(lease, box_id="box")
    path = lab.store.log_path(run, lease.job_id, 1)
    path.parent.mkdir()
    path.write_bytes(b"x" * 100_000)
    path.with_suffix(".idx").touch()
    lab.finish(lease)
    Artifacts(lab.store.home / "artifacts").save_tar(run, 1, 1, "a", tar_of({"f": b"1"}), 100)
    lab.close()
    (tmp_path / "home" / "treadle.yml").write_text("executor: host\n")
    return tmp_path / "home"


@pytest.fixture
def doctor(home: Path, capsys: pytest.CaptureFixture[str]) -> Checks:
    def look(*line: str) -> dict[str, dict[str, str]]:
        main(["doctor", "--json", "--home", str(home), *line])
        checks = json.loads(capsys.readouterr().out)
        assert all(check["fix"] for check in checks if check["state"] != "ok")
        return {check["name"]: check for check in checks}

    return look


def test_a_home_in_which_all_fits_is_told_so(doctor: Checks) -> None:
    checks = doctor("--deep")
    for name in ("all of the database", "rows", "logs", "leases", "contents"):
        assert checks[name]["state"] == "ok", checks[name]
    assert "rows" not in doctor()


def test_what_takes_the_room_is_told(doctor: Checks, home: Path) -> None:
    assert "floor" in doctor()["disk"]["message"] and "database" in doctor()["disk"]["message"]
    (home / "treadle.yml").write_text("executor: host\ndisk_floor: 900TiB\n")
    disk = doctor()["disk"]
    assert disk["state"] == "fail"
    assert disk["fix"].startswith("No job is started.") and "treadle prune --dry-run" in disk["fix"]


def test_a_content_that_is_gone_is_named(doctor: Checks, home: Path) -> None:
    for path in (home / "artifacts" / "blobs").rglob("*.zst"):
        path.unlink()
    assert "contents of artifacts are not there" in doctor("--deep")["contents"]["message"]
    assert doctor("--deep")["contents"]["state"] == "fail"


def test_logs_without_a_run_and_attempts_without_a_log_are_named(doctor: Checks, home: Path) -> None:
    shutil.copytree(home / "logs" / "1", home / "logs" / "77")
    logs = doctor("--deep")["logs"]
    assert logs["state"] == "warn" and "1 (77) logs of runs that are not there" in logs["message"]
    assert main(["prune", "--home", str(home), "--json"]) == 0
    assert not (home / "logs" / "77").exists() and (home / "logs" / "1").exists()


def test_an_attempt_whose_log_is_gone_is_named(doctor: Checks, home: Path) -> None:
    next((home / "logs" / "1").glob("*.log")).rename(home / "logs" / "1" / "elsewhere")
    assert "whose log is gone" in doctor("--deep")["logs"]["message"]


def test_rows_that_speak_of_nothing_are_named(doctor: Checks, home: Path) -> None:
    lab = Lab(home)
    lab.store.database.rows("DELETE FROM run")
    lab.close()
    assert "1 (1) jobs without a run" in doctor("--deep")["rows"]["message"]


def test_jobs_that_an_engine_left_running_are_told_of(doctor: Checks, home: Path) -> None:
    lab = Lab(home)
    lab.run(jobs(b=""))
    lab.start()
    lab.close()
    leases = doctor("--deep")["leases"]
    assert leases["state"] == "warn" and "left running" in leases["message"]
    lock = HomeLock(home)
    assert lock.take()
    assert doctor("--deep")["leases"]["state"] == "ok", "its lease is good and an engine has it"
    lock.release()


def test_a_damaged_page_is_found_by_reading_all(doctor: Checks, home: Path) -> None:
    database = home / "treadle.db"
    lab = Lab(home)
    lab.store.database.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    lab.close()
    data = bytearray(database.read_bytes())
    for page in (3, 4, 5):
        data[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    database.write_bytes(bytes(data))
    assert "fail" in {doctor("--deep")[name]["state"] for name in ("database", "all of the database")}


def test_a_damaged_search_index_may_be_thrown_away(doctor: Checks, home: Path) -> None:
    (home / "search.db").write_bytes(b"no database" * 1000)
    found = doctor("--deep")["search index"]
    assert found["state"] == "fail" and found["fix"].startswith(f"Remove {home / 'search.db'}")
