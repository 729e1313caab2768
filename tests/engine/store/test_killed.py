"""A kill at each step of whatever keeps state: nothing half is there afterwards, and the next who comes goes on.

A step is whatever changes a file system or opens a database; a child of this process is killed at the first of them,
then another one at the second, until one comes to its end.
"""

import io
import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from engine.settings.model import Retention as Rules
from engine.store.contents import blobs
from engine.store.contents.artifacts import Artifacts
from engine.store.contents.caches import Caches
from engine.store.contents.gc import Collector, artifact_digests
from engine.store.copies.restore import restore_snapshot
from engine.store.copies.snapshots import HAND, Snapshots
from engine.store.logs.search import LogFacts, SearchIndex
from engine.store.retention import Retention
from engine.store.store import open_store
from tests.engine.fakes import Lab, jobs
from tests.engine.store.tars import tar_of

CHANGES = {"os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "os.utime", "os.chmod", "sqlite3.connect"}
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
NOW = datetime(2031, 1, 1, tzinfo=UTC)
BIG = os.urandom(5 << 20)  # which is cut into pieces


def killed_at(step: int, deed: Callable[[], object]) -> bool:
    """Do something in a child that is killed at one of its steps; return False when it had ended before that."""
    child = os.fork()
    if child == 0:
        left = step

        def hook(event: str, args: tuple[object, ...]) -> None:
            nonlocal left
            if event in CHANGES or (event == "open" and isinstance(args[2], int) and args[2] & WRITES):
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        try:
            deed()
        except BaseException as error:
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    assert os.WEXITSTATUS(status) == 0, "the deed failed by itself"
    return False


def killed_at_each_step(deed: Callable[[int], object], sound: Callable[[int], object]) -> int:
    """Have a deed killed at each of its steps in turn, and see each time that what is left is sound; count them."""
    step = 1
    while killed_at(step, partial(deed, step)):
        sound(step)
        step += 1
    sound(step)
    return step - 1


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with three runs that ended, each with a log, and two artifacts."""
    lab = Lab(tmp_path / "home")
    artifacts = Artifacts(lab.store.home / "artifacts")
    for number in range(3):
        run = lab.run(jobs(a=""))
        job = lab.named(run, "a")
        lab.work()
        path = lab.store.log_path(run, job.id, 1)
        path.parent.mkdir(parents=True)
        path.write_text(f"needle {number}\n")
        path.with_suffix(".idx").touch()
        artifacts.save_tar(run, job.id, 1, "kept", tar_of({"a": b"alpha", f"b{number}": b"beta"}), 1 << 30)
    lab.close()
    return tmp_path / "home"


def whole(artifacts: Artifacts, run: int, name: str) -> bool:
    found = artifacts.get(run, name)
    return found is not None and sum(map(len, artifacts.archive(found))) > 0


def test_an_upload_is_there_as_a_whole_or_not_at_all(home: Path) -> None:
    tar = tar_of({"x/big": BIG, "small": b"s", "again": b"s"}).getvalue()

    def upload(step: int) -> None:
        Artifacts(home / "artifacts").save_tar(1000 + step, 1, 1, "new", io.BytesIO(tar), 1 << 30)

    def sound(step: int) -> None:
        artifacts = Artifacts(home / "artifacts")
        artifacts.recover()
        assert artifacts.list(1000 + step) == [] or whole(artifacts, 1000 + step, "new")
        assert whole(artifacts, 1, "kept") and list((home / "artifacts" / "partial").iterdir()) == []

    assert killed_at_each_step(upload, sound) > 5


def test_an_overwritten_artifact_is_the_old_or_the_new_one(home: Path) -> None:
    artifacts = Artifacts(home / "artifacts")
    artifacts.save_tar(9, 1, 1, "x", tar_of({"f": b"0"}), 1 << 30)

    def upload(step: int) -> None:
        tar = tar_of({"f": b"x" * step})
        Artifacts(home / "artifacts").save_tar(9, 1, 1, "x", tar, 1 << 30, overwrite=True)

    def sound(_: int) -> None:
        [artifact] = artifacts.list(9)
        assert b"".join(artifacts.read(artifact.files[0])).strip(b"x") in (b"", b"0")

    assert killed_at_each_step(upload, sound) > 3


def test_a_snapshot_is_listed_only_when_all_of_it_is_there(home: Path, tmp_path: Path) -> None:
    def sound(_: int) -> None:
        snapshots = Snapshots(home)
        snapshots.blobs.recover()
        assert snapshots.damaged() == ()
        for snapshot in snapshots.list()[:1]:
            assert all(snapshots.blobs.has(digest) for digest in snapshots.digests())
            snapshots.remove(snapshot)

    assert killed_at_each_step(lambda _: Snapshots(home).create(HAND, NOW), sound) > 10
    last = Snapshots(home).create(HAND, NOW)
    assert restore_snapshot(Snapshots(home), last, tmp_path / "new", NOW).runs == 3


def test_a_restored_home_appears_as_a_whole(home: Path, tmp_path: Path) -> None:
    snapshots = Snapshots(home)
    snapshot = snapshots.create(HAND, NOW)

    def restore(step: int) -> None:
        restore_snapshot(Snapshots(home), snapshot, tmp_path / f"new-{step}", NOW)

    def sound(step: int) -> None:
        new = tmp_path / f"new-{step}"
        if new.exists():
            store = open_store(new)
            assert len(store.queries.runs()) == 3 and whole(Artifacts(new / "artifacts"), 1, "kept")
            store.close()

    assert killed_at_each_step(restore, sound) > 10


def test_a_cache_is_there_as_a_whole_or_not_at_all(home: Path) -> None:
    def save(step: int) -> None:
        parts = {"a": io.BytesIO(BIG), "b": io.BytesIO(b"beta")}
        Caches(home / "cache" / "actions").save("r", "main", f"key-{step}", "v", parts)

    def sound(step: int) -> None:
        caches = Caches(home / "cache" / "actions")
        caches.recover()
        caches.make_room(1 << 40)
        for entry in caches.list("r"):
            assert b"".join(caches.read(entry, "a")) == BIG and b"".join(caches.read(entry, "b")) == b"beta"

    assert killed_at_each_step(save, sound) > 5


def test_a_sweep_takes_nothing_that_is_referred_to(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blobs, "GRACE_S", 0.0)
    artifacts = Artifacts(home / "artifacts")

    def sweep(_: int) -> None:
        for number in range(3):
            with artifacts.blobs.batch() as batch:
                batch.put_bytes(os.urandom(100) + bytes([number]))
                batch.commit()
        roots = {"artifacts": lambda: artifact_digests(artifacts.folder)}
        for _ in Collector(artifacts.blobs, roots).steps(datetime.now(UTC) + timedelta(hours=2)):
            pass

    assert killed_at_each_step(sweep, lambda _: all(whole(artifacts, run, "kept") for run in (1, 2, 3))) > 5


def test_a_removal_that_was_begun_is_finished(home: Path) -> None:
    rules = Rules(runs_s=86_400.0, artifacts_s=20 * 365 * 86_400.0)

    def retention() -> tuple[Retention, Callable[[], None]]:
        store = open_store(home)
        artifacts = Artifacts(home / "artifacts")
        return Retention(store.database, home, artifacts, store.definitions), store.close

    def prune(_: int) -> None:
        ours, _close = retention()
        for one in list(ours.going(rules, NOW)):
            for _step in ours.take(one):
                pass

    def sound(_: int) -> None:
        ours, close = retention()
        for _step in ours.go_on():
            pass
        store = open_store(home)
        runs = {run.id for run in store.queries.runs()}
        assert 3 in runs, "the newest of its workflow stays"
        assert {int(path.name) for path in (home / "logs").iterdir()} <= runs
        assert all(whole(Artifacts(home / "artifacts"), run, "kept") for run in runs)
        close()
        store.close()

    assert killed_at_each_step(prune, sound) > 2


def test_the_search_index_is_as_it_was_or_knows_more(home: Path) -> None:
    def learn(step: int) -> None:
        for run in (1, 2, 3):
            SearchIndex(home).take([LogFacts(run, run, 1, "r", "CI", "ci.yml", "a", "success")], 10 * step + run)

    places = [0]

    def sound(_: int) -> None:
        index = SearchIndex(home)
        logs, _text = index.counts()
        assert logs <= 3 and index.place() >= places[-1]
        places.append(index.place())

    assert killed_at_each_step(learn, sound) > 2
    assert places[-1] > 0
