"""What a full disk does: nothing is broken, everything says why, and all goes on once there is room."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.control.housekeeping.disk_watch import LOOK, LOOK_WHILE_SHORT, DiskWatch
from engine.core.errors import DiskFull, is_full
from engine.core.waiting import Cause, why
from engine.settings.model import Settings
from engine.store.contents.artifacts import Artifacts
from engine.store.logs.reader import LogReader
from engine.store.logs.writer import LogWriter, Progress
from engine.store.soundness import check_database
from engine.store.store import open_store
from tests.engine.fakes import START, Lab, jobs
from tests.engine.small_disk import SmallDisk, small_disk
from tests.engine.store.tars import tar_of
from tests.engine.works import Works


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk") as disk:
        yield disk


@pytest.fixture
def short(lab: Lab) -> Lab:
    """A lab on a disk that has less room than it should."""
    lab.store.disk.floor = lambda total: total + 1
    return lab


def test_below_the_floor_nothing_is_claimed_and_a_job_says_so(short: Lab) -> None:
    short.run(jobs(a=""))
    assert short.claim() is None
    seen = short.store.line.look(10)
    reason = why(seen.waiting[0], seen.paused, seen.room)
    assert reason.cause is Cause.DISK and "GiB free, floor" in reason.sentence
    short.store.disk.floor = lambda total: 0
    assert short.claim() is not None


def test_work_goes_on_by_itself_when_there_is_room(short: Lab, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    watch, worker = DiskWatch(short.store, short.bus, short.clock), short.bus.listen("queue")
    assert watch.turn() == START + LOOK_WHILE_SHORT
    worker.wait(0)
    assert watch.turn() == START + LOOK_WHILE_SHORT
    assert not worker.wait(0)
    short.store.disk.floor = lambda total: 0
    assert watch.turn() == START + LOOK
    assert worker.wait(0)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "The disk is nearly full" in caplog.text and "There is room" in caplog.text


def test_a_worker_that_looked_in_a_short_moment_is_woken_later(lab: Lab) -> None:
    lab.run(jobs(a=""))
    lab.store.queue.load()
    worker = lab.bus.listen("queue")
    DiskWatch(lab.store, lab.bus, lab.clock).turn()
    assert worker.wait(0)


def test_the_database_refuses_a_write_as_a_whole_and_takes_it_later(disk: SmallDisk) -> None:
    store = open_store(disk.path / "home", create=True)
    try:
        repo = store.runs.repo("team/site", "/srv")
        disk.fill()
        with pytest.raises(DiskFull, match="The disk is full") as refused:
            for number in range(1000):
                store.runs.event(repo, f"d{number}", "push", {"text": "x" * 10_000}, START)
        assert is_full(refused.value)
        kept = store.database.rows("SELECT count(*) FROM event")
        disk.free()
        store.runs.event(repo, "after", "push", {}, START)
        assert store.database.rows("SELECT count(*) FROM event") == [(kept[0][0] + 1,)]
        assert not list(check_database(store.database.path, deep=True))
    finally:
        store.close()


def test_a_log_keeps_what_it_has_and_goes_on(disk: SmallDisk) -> None:
    path = disk.path / "1-1.log"
    writer = LogWriter(path, 1 << 30)
    writer.append(0, b"before\n", Progress(7), START)
    disk.fill()
    with pytest.raises(OSError) as refused:
        writer.append(0, b"x" * (1 << 20), Progress(1 << 20), START)
    assert is_full(refused.value)
    disk.free()
    writer.append(0, b"after\n", Progress(20), START)
    writer.close()
    with LogReader(path) as log:
        assert log.read(0, log.size) == b"before\nafter\n"
        assert log.entries()[-1].raw_end == 20


def test_an_artifact_is_not_there_by_halves(disk: SmallDisk) -> None:
    artifacts = Artifacts(disk.path / "artifacts")
    disk.fill(200_000)
    with pytest.raises(OSError) as refused:
        artifacts.save_tar(1, 1, 1, "a", tar_of({"f": os.urandom(2 << 20)}), 4 << 20)
    assert refused.value.errno == errno.ENOSPC
    assert artifacts.list(1) == [] and list(artifacts.blobs.list()) == []
    disk.free()
    assert artifacts.save_tar(1, 1, 1, "a", tar_of({"f": b"1"}), 100).name == "a"


FILLS = "steps: [{run: 'head -c 60000000 /dev/zero | tr \"\\\\0\" x | fold -w 80'}]"


def test_a_job_that_fills_the_disk_ends_with_that_reason_and_the_engine_goes_on(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 24) as disk:
        works = Works(disk.path, Settings(home=disk.path / "home", labels={"here": "host"}, workers=1)).start()
        works.store.disk.floor = lambda total: 8 << 20
        try:
            run = works.record(FILLS)
            failed = works.ended(run)
            assert failed.status == "failed"
            for attempt in failed.attempts():
                assert "The disk of the home is full" in attempt.reason or "No space left" in attempt.reason
            assert not list(check_database(works.store.database.path, deep=True))
            assert works.run("steps: [{run: 'echo fine'}]").status == "success"
        finally:
            works.close()
