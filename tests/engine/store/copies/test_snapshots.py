"""Snapshots: cheap when little changed, whole when restored, and nobody's contents go under them."""

import io
import os
import random
import tarfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from engine.core.retry import Outcome
from engine.core.states import JobStatus
from engine.store.contents.artifacts import Artifacts
from engine.store.contents.blobs import GRACE_S, BlobError
from engine.store.contents.gc import Collector, artifact_digests
from engine.store.copies.diff import difference
from engine.store.copies.restore import RestoreError, restore_snapshot
from engine.store.copies.snapshots import HAND, SCHEDULE, Snapshot, SnapshotError, Snapshots
from engine.store.logs.reader import LogReader
from engine.store.logs.writer import LogWriter, Progress, compress
from engine.store.store import open_store
from tests.engine.fakes import Lab

JOB = "jobs:\n  a:\n    runs-on: x\n    steps: [{run: 'true'}]\n"
SUCCEEDED = Outcome("succeeded", exit_code=0)
NOISE = random.Random(7)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path / "home")
    yield lab
    lab.close()


@pytest.fixture
def snapshots(lab: Lab) -> Snapshots:
    return Snapshots(lab.store.home)


@pytest.fixture
def artifacts(lab: Lab) -> Artifacts:
    return Artifacts(lab.store.home / "artifacts", lab.clock)


def take(lab: Lab, snapshots: Snapshots, kind: str = HAND, **more: Snapshot) -> Snapshot:
    lab.clock.advance(60)
    return snapshots.create(kind, lab.clock.now(), **more)


def upload(artifacts: Artifacts, run_id: int, name: str, files: dict[str, bytes]) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, content in files.items():
            info = tarfile.TarInfo(path)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    buffer.seek(0)
    artifacts.save_tar(run_id, 1, 1, name, buffer, 1 << 30)


def ended_run(lab: Lab) -> int:
    """A run whose one job has ended and left a log."""
    run_id = lab.run(JOB)
    lease = lab.start()
    log_of(lab, run_id, lease.job_id, b"what the job said\n")
    lab.finish(lease)
    return run_id


def log_of(lab: Lab, run_id: int, job_id: int, text: bytes) -> Path:
    path = lab.store.log_path(run_id, job_id, 1)
    writer = LogWriter(path, 1 << 20)
    writer.begin_step(0, lab.clock.now())
    writer.append(0, text, Progress(len(text)), lab.clock.now())
    writer.close()
    return path


def test_a_restored_home_is_the_home_of_that_moment(
    lab: Lab, snapshots: Snapshots, artifacts: Artifacts, tmp_path: Path
) -> None:
    first = ended_run(lab)
    upload(artifacts, first, "site", {"a": b"one", "big": NOISE.randbytes(9_000_000)})
    lab.store.vault.set(0, "KEY", "hush", lab.clock.now())
    snapshot = take(lab, snapshots)
    second = ended_run(lab)
    upload(artifacts, second, "site", {"a": b"two"})

    restored = restore_snapshot(snapshots, snapshot, tmp_path / "new", lab.clock.now())
    assert (restored.runs, restored.lost, restored.with_key) == (1, 0, True)
    store = open_store(tmp_path / "new")
    try:
        assert [run.id for run in store.queries.runs()] == [first]
        assert store.vault.values(0)["KEY"] == "hush"
        job = store.queries.jobs(first)[0]
        with LogReader(store.log_path(first, job.id, 1)) as log:
            assert log.read(0, log.size) == b"what the job said\n"
    finally:
        store.close()
    there = Artifacts(tmp_path / "new/artifacts")
    [artifact] = there.list(first)
    assert artifact == artifacts.get(first, "site")
    for _ in there.archive(artifact):
        pass
    assert there.list(second) == []
    assert not (tmp_path / "new/snapshots").exists()
    modes = {path.stat().st_mode & 0o077 for path in (tmp_path / "new").rglob("*") if path.is_file()}
    assert modes == {0} or (tmp_path / "new").stat().st_mode & 0o077 == 0
    assert (tmp_path / "new/secret.key").stat().st_mode & 0o777 == 0o600


def test_what_ran_ends_as_lost_in_the_new_home_and_goes_on_in_the_old(
    lab: Lab, snapshots: Snapshots, tmp_path: Path
) -> None:
    run_id = lab.run(JOB)
    lease = lab.start()
    log = log_of(lab, run_id, lease.job_id, b"half\n")
    snapshot = take(lab, snapshots)
    assert str(log.relative_to(lab.store.home)) not in {file.name for file in snapshots.files(snapshot)}
    restored = restore_snapshot(snapshots, snapshot, tmp_path / "new", lab.clock.now())
    assert restored.lost == 1
    new = open_store(tmp_path / "new")
    assert new.queries.running() == []
    assert [attempt.reason for attempt in new.queries.attempts(lease.job_id)] == [
        "this home was restored while it ran elsewhere"
    ]
    assert new.queue.pause.get() is not None
    new.close()
    old = open_store(lab.store.home)  # the tables speak of the database that was opened last
    assert [attempt.job_id for attempt in old.queries.running()] == [lease.job_id]
    assert old.queue.finish(lease, SUCCEEDED, lab.clock.now(), outputs={}, tolerated=False) == JobStatus.SUCCESS
    old.close()


def test_a_snapshot_of_an_unchanged_home_costs_its_record(lab: Lab, snapshots: Snapshots, artifacts: Artifacts) -> None:
    upload(artifacts, ended_run(lab), "site", {f"f{n}": NOISE.randbytes(2000) for n in range(50)})
    first = take(lab, snapshots)
    second = take(lab, snapshots)
    third = take(lab, snapshots, unchanged=second)
    assert second.new_bytes == third.new_bytes < 1000 < first.new_bytes
    assert (first.database, first.listing) == (third.database, third.listing)


def test_a_little_change_costs_a_little(lab: Lab, snapshots: Snapshots, artifacts: Artifacts) -> None:
    files = {f"f{n}": NOISE.randbytes(40_000) for n in range(100)}
    upload(artifacts, ended_run(lab), "site", files)
    take(lab, snapshots)
    before = sum(blob.stored_bytes for blob in artifacts.blobs.list())
    files["f3"] = NOISE.randbytes(40_000)
    upload(artifacts, ended_run(lab), "site", files)
    take(lab, snapshots)
    after = sum(blob.stored_bytes for blob in artifacts.blobs.list())
    assert after - before < 0.03 * 4_000_000


def test_a_log_that_was_compressed_after_the_latest_snapshot_is_in_the_next(lab: Lab, snapshots: Snapshots) -> None:
    run_id = ended_run(lab)
    job_id = lab.store.queries.jobs(run_id)[0].id
    first = take(lab, snapshots)
    compress(lab.store.log_path(run_id, job_id, 1))
    second = take(lab, snapshots, unchanged=first)
    names = {file.name for file in snapshots.files(second)}
    assert f"logs/{run_id}/{job_id}-1.log.zst" in names and f"logs/{run_id}/{job_id}-1.log" not in names


def test_what_a_snapshot_refers_to_outlives_the_artifact(
    lab: Lab, snapshots: Snapshots, artifacts: Artifacts, tmp_path: Path
) -> None:
    run_id = ended_run(lab)
    upload(artifacts, run_id, "site", {"big": NOISE.randbytes(6_000_000), "a": b"1"})
    snapshot = take(lab, snapshots)
    [artifact] = artifacts.list(run_id)
    artifacts.delete(artifact)
    sweep(lab, snapshots, artifacts)
    restore_snapshot(snapshots, snapshot, tmp_path / "new", lab.clock.now())
    assert Artifacts(tmp_path / "new/artifacts").list(run_id) == [artifact]
    snapshots.remove(snapshot)
    sweep(lab, snapshots, artifacts)
    assert list(artifacts.blobs.list()) == []


def sweep(lab: Lab, snapshots: Snapshots, artifacts: Artifacts) -> None:
    for blob in artifacts.blobs.list():
        os.utime(blob.path, (1000, 1000))
    roots = {"artifacts": lambda: artifact_digests(artifacts.folder), "snapshots": snapshots.digests}
    for _ in Collector(artifacts.blobs, roots).steps(lab.clock.now() + timedelta(seconds=2 * GRACE_S)):
        pass


def test_an_artifact_whose_contents_are_lost_is_named_and_the_rest_is_kept(
    lab: Lab, snapshots: Snapshots, artifacts: Artifacts, tmp_path: Path
) -> None:
    run_id = ended_run(lab)
    upload(artifacts, run_id, "whole", {"a": b"1"})
    upload(artifacts, run_id, "holed", {"a": b"2"})
    [holed, _] = artifacts.list(run_id)
    artifacts.blobs.path(holed.files[0].digest).unlink()
    for _ in range(2):
        snapshot = take(lab, snapshots)
        assert snapshot.incomplete == (f"artifacts/runs/{run_id}/holed.json",)
    restore_snapshot(snapshots, snapshot, tmp_path / "new", lab.clock.now())
    assert len(Artifacts(tmp_path / "new/artifacts").list(run_id)) == 2


def test_damage_stops_a_restore_and_leaves_nothing(lab: Lab, snapshots: Snapshots, tmp_path: Path) -> None:
    ended_run(lab)
    snapshot = take(lab, snapshots)
    piece = snapshots.blobs.pieces(snapshot.database)[0]
    path = snapshots.blobs.path(piece.digest)
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(BlobError):
        restore_snapshot(snapshots, snapshot, tmp_path / "new", lab.clock.now())
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_damage_to_what_a_snapshot_shares_is_found_by_the_next_and_mended_by_the_one_after(
    lab: Lab, snapshots: Snapshots, tmp_path: Path
) -> None:
    ended_run(lab)
    first = take(lab, snapshots)
    for digest in (first.listing, first.database):
        path = snapshots.blobs.path(snapshots.blobs.pieces(digest)[0].digest)
        path.write_bytes(path.read_bytes()[:-1] + b"?")
        with pytest.raises(SnapshotError, match="damaged"):
            take(lab, snapshots)
        restore_snapshot(snapshots, take(lab, snapshots), tmp_path / digest, lab.clock.now())
        lab.store = open_store(lab.store.home)


def test_one_that_is_stopped_leaves_nothing(lab: Lab, snapshots: Snapshots) -> None:
    ended_run(lab)
    with pytest.raises(SnapshotError, match="stopped"):
        snapshots.create(HAND, lab.clock.now(), stopped=lambda: True)
    assert snapshots.list() == [] and list(snapshots.blobs.list()) == []


def test_a_taken_place_is_left_alone(lab: Lab, snapshots: Snapshots, tmp_path: Path) -> None:
    snapshot = take(lab, snapshots)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/file").write_text("x")
    with pytest.raises(RestoreError, match="there already"):
        restore_snapshot(snapshots, snapshot, tmp_path / "mine", lab.clock.now())
    with pytest.raises(RestoreError, match="there already"):
        restore_snapshot(snapshots, snapshot, lab.store.home, lab.clock.now())
    (tmp_path / "empty").mkdir()
    restore_snapshot(snapshots, snapshot, tmp_path / "empty", lab.clock.now())
    assert (tmp_path / "empty/treadle.db").exists()


def test_a_damaged_record_is_told_not_believed_and_the_others_are_listed(lab: Lab, snapshots: Snapshots) -> None:
    sound, bad = take(lab, snapshots), take(lab, snapshots)
    path = snapshots.folder / f"{bad.id}.json"
    path.write_text(path.read_text().replace('"runs": 0', '"runs": 5'))
    assert snapshots.list() == [sound]
    [damaged] = snapshots.damaged()
    assert damaged.id == bad.id and "seal" in damaged.problem
    with pytest.raises(SnapshotError, match="damaged"):
        snapshots.get(bad.id)
    with pytest.raises(SnapshotError, match="damaged"):
        list(snapshots.digests())  # nobody knows what it holds on to: nothing may be swept
    assert take(lab, snapshots) == snapshots.latest()
    snapshots.remove(snapshots.removable(bad.id))
    assert snapshots.damaged() == () and list(snapshots.digests())
    path.mkdir()
    snapshots.remove(snapshots.removable(bad.id))
    assert not path.exists()


def test_a_snapshot_is_found_by_how_its_id_begins(lab: Lab, snapshots: Snapshots) -> None:
    first, second = take(lab, snapshots), take(lab, snapshots)
    assert snapshots.get("latest") == second == snapshots.list()[0]
    assert snapshots.get(first.id) == first
    assert snapshots.get(first.id[:-1]) in (first, second) or first.id[:-1] == second.id[:-1]
    for name in ("", "2030", "x"):
        with pytest.raises(SnapshotError):
            snapshots.get(name)


def test_two_of_one_second_have_each_their_id(lab: Lab, snapshots: Snapshots) -> None:
    now = lab.clock.now()
    ids = [snapshots.create(SCHEDULE, now).id for _ in range(3)]
    assert len(set(ids)) == 3
    assert [one.id for one in snapshots.list()] == sorted(ids, reverse=True)


def test_a_difference_names_what_changed_and_no_secret(lab: Lab, snapshots: Snapshots, artifacts: Artifacts) -> None:
    config = lab.store.home / "treadle.yml"
    config.write_text("workers: 1\nrepos: [{name: a, url: /a, secret: hush}]\n")
    first = ended_run(lab)
    waiting = lab.run(JOB)
    upload(artifacts, first, "kept", {"a": b"1"})
    upload(artifacts, first, "goes", {"a": b"1"})
    lab.store.vault.set(0, "KEY", "hush", lab.clock.now())
    old = take(lab, snapshots)
    config.write_text("workers: 2\nrepos: [{name: a, url: /a, secret: hush2}]\n")
    lab.finish(lab.start())
    third = ended_run(lab)
    [goes, _] = artifacts.list(first)
    artifacts.delete(goes)
    upload(artifacts, third, "new", {"a": b"1"})
    lab.store.vault.set(0, "KEY", "hush3", lab.clock.now())
    new = take(lab, snapshots)
    found = difference(snapshots, old, new)
    assert found.counts["run"] == {"added": 1, "removed": 0, "changed": 1}
    assert found.counts["job"] == {"added": 1, "removed": 0, "changed": 1}
    assert found.counts["artifact"] == {"added": 1, "removed": 1, "changed": 0}
    told = {(change.what, change.verb, change.name): (change.before, change.after) for change in found.changes}
    assert told["artifact", "removed", f"{first}/goes"][1] is None
    assert told["setting", "changed", "workers"] == ("1", "2")
    assert told["setting", "changed", "repos[0].secret"] == ("(not shown)", "(not shown)")
    assert told["secret", "changed", "KEY"] == ("set", "set again")
    assert any(key[0] == "run" and f"#{waiting}" in key[2] for key in told)
    assert "hush" not in repr(found)
    assert difference(snapshots, old, old).changes == ()
    back = difference(snapshots, new, old)
    assert back.counts["artifact"] == {"added": 1, "removed": 1, "changed": 0}
    assert not list(snapshots.folder.glob(".diff-*"))


def test_a_snapshot_that_lacks_what_it_is_made_of_is_named_with_the_way_out(lab: Lab, snapshots: Snapshots) -> None:
    bad = take(lab, snapshots)
    snapshots.blobs.list_path(bad.listing).unlink(missing_ok=True)
    snapshots.blobs.path(bad.listing).write_bytes(b"damaged")
    with pytest.raises(SnapshotError, match=r"Snapshot [\d-]+ is damaged: .*treadle snapshot prune"):
        list(snapshots.digests())
