"""The hourly retention: on a clock that the tests set, over a real store."""

import os
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from engine.control.housekeeping.retention import EVERY, Pruning, RetentionRoutine, pruning_of
from engine.settings.live import LiveSettings
from engine.settings.model import DAY_S, Settings
from engine.store.contents.artifacts import Artifacts
from engine.store.contents.caches import caches_of
from tests.engine.fakes import Lab, jobs
from tests.engine.store.tars import tar_of


@pytest.fixture
def artifacts(lab: Lab) -> Artifacts:
    return Artifacts(lab.store.home / "artifacts", lab.clock)


@pytest.fixture
def routine(lab: Lab, artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch) -> RetentionRoutine:
    monkeypatch.setattr("engine.control.routine.STEP_PAUSE_S", 0)
    settings = LiveSettings(Settings(home=lab.store.home))
    return RetentionRoutine(lab.store, settings, lab.bus, lab.clock, pruning_of(lab.store, artifacts))


def ended(lab: Lab) -> int:
    run = lab.run(jobs(a=""))
    lab.work()
    return run


def blobs(artifacts: Artifacts) -> int:
    return sum(1 for _ in artifacts.blobs.list())


def test_an_old_run_goes_within_the_hour_and_its_contents_with_it(
    lab: Lab, artifacts: Artifacts, routine: RetentionRoutine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    old = ended(lab)
    artifacts.save_tar(old, 1, 1, "a", tar_of({"own": b"own", "shared": b"shared"}), 100)
    lab.clock.advance(91 * DAY_S)
    artifacts.save_tar(ended(lab), 1, 1, "a", tar_of({"shared": b"shared"}), 100)
    assert blobs(artifacts) == 2
    assert routine.turn() == lab.clock.now() + EVERY
    assert lab.store.queries.run(old) is None
    assert blobs(artifacts) == 1
    assert "Retention took away 1 (run)" in caplog.text
    assert routine.turn() == lab.clock.now() + EVERY


def test_it_can_be_hurried(lab: Lab, routine: RetentionRoutine) -> None:
    old = ended(lab)
    assert routine.turn() == lab.clock.now() + EVERY
    lab.clock.advance(91 * DAY_S)
    ended(lab)
    routine._due_at = lab.clock.now() + EVERY
    routine.turn()
    assert lab.store.queries.run(old) is not None
    routine.hurry()
    routine.turn()
    assert lab.store.queries.run(old) is None


def test_what_a_killed_engine_began_to_remove_is_finished(lab: Lab, artifacts: Artifacts, tmp_path: Path) -> None:
    pruning: Pruning = pruning_of(lab.store, artifacts)
    ended(lab)
    lab.clock.advance(91 * DAY_S)
    ended(lab)
    next(iter(pruning.steps(Settings(home=tmp_path).retention, lab.clock.now())))
    assert lab.store.database.rows("SELECT count(*) FROM removal") == [(1,)]
    assert len(list(pruning.steps(Settings(home=tmp_path).retention, lab.clock.now()))) > 0
    assert lab.store.database.rows("SELECT count(*) FROM removal") == [(0,)]
    assert lab.store.database.rows("SELECT count(*) FROM job") == [(1,)]


def test_caches_beyond_a_limit_that_was_lowered_go(lab: Lab, artifacts: Artifacts, tmp_path: Path) -> None:
    caches = caches_of(lab.store.home)
    for key in "ab":
        assert caches.save("acme/app", "refs/heads/main", key, "v", {"root": BytesIO(os.urandom(1000))})
    rules = Settings(home=tmp_path).retention
    pruning = pruning_of(lab.store, artifacts)
    for _ in pruning.steps(rules, lab.clock.now()):
        pass
    assert len(caches.list()) == 2
    for _ in pruning.steps(replace(rules, caches_bytes=1500), lab.clock.now()):
        pass
    assert len(caches.list()) == 1
