"""The laws of checkpoints in the store: which one is nearest, what goes when there is too much, what a kill leaves."""

import io
import os

import pytest

from engine.control.housekeeping.retention import pruning_of
from engine.core.beginning import CHECKPOINT, Beginning
from engine.core.errors import LeaseLost
from engine.core.retry import Outcome
from engine.settings.model import DAY_S
from engine.settings.model import Retention as Rules
from engine.store.contents.artifacts import Artifacts
from engine.store.contents.checkpoints import Checkpoint, CheckpointGone, CheckpointRefused
from engine.store.contents.gc import Collector
from engine.store.queue import Lease
from engine.store.retention import Going, Kind, Retention
from engine.store.tables.runs import AttemptRow, JobRow
from tests.engine.fakes import Lab, jobs

BOX = ("docker", "busybox", "/")
MUCH = 1 << 40
HOUR_S = 3600.0


def begin(lab: Lab, text: str = jobs(a="")) -> Lease:
    lab.run(text)
    lease = lab.start()
    assert lease is not None
    return lease


def keep(lab: Lab, lease: Lease, step: int, data: bytes, below: tuple = (), gone: bytes = b"") -> Checkpoint:
    lab.clock.advance(1)
    tar = io.BytesIO(data)
    return lab.store.checkpoints.save(lease, step, BOX, below, tar, gone, {"index": step + 1}, lab.clock.now())


def test_the_nearest_before_a_step_is_taken(lab):
    lease = begin(lab)
    for step in (0, 2):
        keep(lab, lease, step, b"x")
    checkpoints = lab.store.checkpoints
    assert [one.step for one in checkpoints.list(lease.job_id)] == [0, 2]
    nearest = [checkpoints.before(lease.job_id, step) for step in (0, 1, 2, 3, 9)]
    assert [found.step if found else None for found in nearest] == [None, 0, 0, 2, 2]


def test_what_is_kept_comes_back_with_its_state_and_its_layers(lab):
    lease = begin(lab)
    first = keep(lab, lease, 0, os.urandom(9 << 20))
    second = keep(lab, lease, 1, b"more", first.layers, b"./gone\0")
    found = lab.store.checkpoints.before(lease.job_id, 5)
    assert found == second
    assert found.state == {"index": 2}
    assert [layer.stored_bytes for layer in found.layers] == [first.size_bytes, second.size_bytes]
    assert b"".join(lab.store.checkpoints.read(found.layers[1].gone)) == b"./gone\0"
    assert sum(map(len, lab.store.checkpoints.read(found.layers[0].tar))) == 9 << 20


def test_a_later_attempt_replaces_the_checkpoint_of_its_step(lab):
    lease = begin(lab, jobs(a="retry: 1"))
    keep(lab, lease, 0, b"1")
    keep(lab, lease, 1, b"1")
    lab.fail(lease)
    lab.clock.advance(100)
    lab.tick()
    again = lab.claim()
    keep(lab, again, 0, b"2")
    assert [(one.step, one.attempt) for one in lab.store.checkpoints.list(lease.job_id)] == [(0, 2), (1, 1)]


def test_a_lost_lease_keeps_nothing(lab):
    lease = begin(lab)
    lab.finish(lease, Outcome("lost", "infrastructure"))
    with pytest.raises(LeaseLost):
        keep(lab, lease, 0, b"x")
    assert lab.store.checkpoints.list(lease.job_id) == []


def test_nothing_is_kept_of_a_box_that_a_person_had_hands_on(lab):
    lease = begin(lab)
    keep(lab, lease, 0, b"x")
    AttemptRow.update(patched=True).where(AttemptRow.id == lease.attempt_id).execute()
    with pytest.raises(CheckpointRefused):
        keep(lab, lease, 1, b"patched")
    assert [one.step for one in lab.store.checkpoints.list(lease.job_id)] == [0]


def test_the_oldest_go_when_there_is_too_much_and_shared_layers_with_the_last(lab):
    old, new = begin(lab), begin(lab)
    first = keep(lab, old, 0, os.urandom(100_000))
    keep(lab, old, 1, os.urandom(100_000), first.layers)
    keep(lab, new, 0, os.urandom(100_000))
    checkpoints = lab.store.checkpoints
    assert checkpoints.trim(MUCH) == ()
    assert 300_000 <= checkpoints.size_bytes() < 310_000
    assert [(one.job_id, one.step) for one in checkpoints.trim(310_000)] == []
    gone = checkpoints.trim(250_000)
    assert [(one.job_id, one.step) for one in gone] == [(old.job_id, 0), (old.job_id, 1)]
    assert [one.step for one in checkpoints.list(new.job_id)] == [0]
    assert checkpoints.size_bytes() < 110_000


def test_a_checkpoint_that_a_job_is_about_to_begin_at_stays(lab):
    lease = begin(lab)
    keep(lab, lease, 0, os.urandom(1000))
    keep(lab, lease, 1, os.urandom(1000))
    JobRow.update(begin_at=Beginning(CHECKPOINT, 1, 1).to_json()).where(JobRow.id == lease.job_id).execute()
    assert [one.step for one in lab.store.checkpoints.trim(0)] == [1]
    assert [one.step for one in lab.store.checkpoints.list(lease.job_id)] == [0]


def test_contents_of_forgotten_checkpoints_are_swept_and_those_of_others_stay(lab):
    lease = begin(lab)
    first = keep(lab, lease, 0, os.urandom(1000))
    second = keep(lab, lease, 1, os.urandom(1000), first.layers)
    third = keep(lab, lease, 2, os.urandom(1000))
    checkpoints = lab.store.checkpoints
    for path in checkpoints.blobs.list():
        os.utime(path.path, (0, 0))
    checkpoints.remove(first)
    checkpoints.remove(third)
    checkpoints.remove(third)
    list(Collector(checkpoints.blobs, {"checkpoints": checkpoints.roots}).steps(lab.clock.now()))
    assert checkpoints.list(lease.job_id) == [second]
    assert not checkpoints.blobs.has(third.layers[0].tar)


def test_one_that_is_damaged_stops_no_sweep_and_goes(lab, caplog):
    lease = begin(lab)
    bad, good = keep(lab, lease, 0, os.urandom(9_000_000)), keep(lab, lease, 1, b"good")
    checkpoints = lab.store.checkpoints
    checkpoints.blobs.list_path(bad.layers[0].tar).write_bytes(b"damaged")
    list(checkpoints.sweep(lab.clock.now()))
    assert checkpoints.list(lease.job_id) == [good]
    assert f"The checkpoint after step 0 of job {lease.job_id} is damaged, and goes." in caplog.text


def test_a_checkpoint_whose_contents_are_gone_is_none(lab):
    lease = begin(lab)
    first = keep(lab, lease, 0, b"first")
    second = keep(lab, lease, 1, b"second", first.layers)
    lab.store.checkpoints.blobs.path(first.layers[0].tar).unlink()
    assert lab.store.checkpoints.before(lease.job_id, 9) is None
    with pytest.raises(CheckpointGone):
        keep(lab, lease, 2, b"third", second.layers)
    with pytest.raises(CheckpointGone):
        list(lab.store.checkpoints.read(first.layers[0].tar))


def test_what_a_killed_engine_was_writing_goes_at_the_next_start(lab):
    lease = begin(lab)
    kept = keep(lab, lease, 0, b"kept")
    half = lab.store.checkpoints.blobs.folder / "partial" / "half"
    half.mkdir()
    (half / "draft").write_bytes(b"half")
    lab.store.checkpoints.recover()
    assert not half.exists()
    assert lab.store.checkpoints.list(lease.job_id) == [kept]


def test_checkpoints_go_with_their_run_and_with_its_files(lab):
    artifacts = Artifacts(lab.store.home / "artifacts", lab.clock)
    retention = Retention(lab.store.database, lab.store.home, artifacts, lab.store.definitions)
    jobs_of = []
    for _ in range(3):
        lease = begin(lab)
        keep(lab, lease, 0, b"x")
        lab.finish(lease)
        jobs_of.append(lease.job_id)
    lab.clock.advance(100 * DAY_S)
    last = begin(lab)
    keep(lab, last, 0, b"x")
    first, second, third = (lab.job(job_id).run_id for job_id in jobs_of)
    list(retention.take(Going(Kind.RUN, first, "", 0, lab.clock.now())))
    list(retention.take(Going(Kind.FILES, second, "", 0, lab.clock.now())))
    left = [job_id for job_id in (*jobs_of, last.job_id) if lab.store.checkpoints.list(job_id)]
    assert left == [jobs_of[2], last.job_id]
    assert lab.store.queries.run(second) is not None
    assert third


def test_the_hourly_pruning_holds_the_quota_and_sweeps_what_is_left(lab):
    lease = begin(lab)
    for step in range(3):
        keep(lab, lease, step, os.urandom(100_000))
    for blob in lab.store.checkpoints.blobs.list():
        os.utime(blob.path, (0, 0))
    pruning = pruning_of(lab.store, Artifacts(lab.store.home / "artifacts", lab.clock))
    for _ in pruning.steps(Rules(checkpoints_bytes=150_000), lab.clock.now()):
        pass
    assert [one.step for one in lab.store.checkpoints.list(lease.job_id)] == [2]
    assert pruning.freed_bytes > 200_000
