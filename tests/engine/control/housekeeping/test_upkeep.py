"""The hourly upkeep of a home: on a clock that the tests set, with a real mirror."""

from datetime import timedelta
from pathlib import Path

import pytest

from engine.control.housekeeping.upkeep import EVERY, Upkeep
from engine.git.mirror import Mirror
from engine.git.remote import remote
from engine.git.upkeep import tidy
from engine.store.inbox import Arrival, Outcome
from engine.store.sweep import KEPT
from tests.engine.control.post_office import Site
from tests.engine.fakes import START, Lab


@pytest.fixture
def upkeep(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Upkeep:
    monkeypatch.setattr("engine.control.routine.STEP_PAUSE_S", 0)
    upkeep = Upkeep(lab.store, lab.bus, lab.clock)
    monkeypatch.setattr(upkeep._aside, "go", lambda _, work: work())  # so that a test sees it done
    return upkeep


def test_it_is_done_at_the_start_and_then_once_an_hour(lab: Lab, upkeep: Upkeep) -> None:
    repo_id = lab.store.runs.repo("team/site", "")
    for number in range(2):
        [(event_id, _)] = lab.store.inbox.accept([Arrival(repo_id, f"d{number}", "push", "github", {"a": 1})], START)
        lab.store.inbox.settle({event_id: Outcome("nothing")}, START)
    assert upkeep.turn() == START + EVERY
    lab.clock.advance(KEPT.total_seconds() + 1)
    assert upkeep.turn() == lab.clock.now() + EVERY
    assert [event.delivery for event in lab.store.inbox.list()] == ["d1"]
    lab.clock.advance(EVERY.total_seconds() - 1)
    assert upkeep.turn() == lab.clock.now() + timedelta(seconds=1)


def test_mirrors_are_tidied_and_one_that_cannot_be_is_told_of(
    lab: Lab, upkeep: Upkeep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tidy, "__defaults__", (3,))  # packs that are let be
    site = Site(tmp_path / "site")
    mirrors = [Mirror(lab.store.home / "repos", name, remote(str(site.root))) for name in ("a", "b")]
    for number in range(5):
        site.commit(a__txt=str(number))
        for mirror in mirrors:
            mirror.fetch([])
    for pack in (mirrors[0].path / "objects/pack").glob("*.pack"):
        pack.chmod(0o600)
        pack.write_bytes(pack.read_bytes()[:40])
    upkeep.turn()
    lab.clock.advance(EVERY.total_seconds())
    upkeep.turn()
    assert [len(list((mirror.path / "objects/pack").glob("*.pack"))) for mirror in mirrors] == [5, 1]
    assert str(mirrors[0].path) in caplog.text
    assert mirrors[1].resolve("refs/heads/main") == site.head
