"""The engine as a whole: what it does with what an earlier one left."""

from datetime import UTC, datetime
from threading import Event

import pytest

from engine.bus import Bus
from engine.control.loop import ControlLoop
from engine.engine import Engine
from engine.home import HomeLock
from engine.settings.live import LiveSettings
from engine.settings.model import Settings
from engine.worker.executors import Executors
from engine.worker.fake_executor import FakeExecutor
from engine.worker.swarm.key import key_of
from tests.engine.fakes import FakeClock, Lab, jobs


def test_what_an_earlier_engine_left_is_taken_over_however_long_it_was_away(tmp_path, monkeypatch):
    start = ControlLoop.start
    monkeypatch.setattr(ControlLoop, "start", lambda loop: (loop.turn(), start(loop)))  # as fast as it could be
    lab = Lab(tmp_path / "home")
    lab.clock = FakeClock(datetime(2020, 1, 1, tzinfo=UTC))  # every lease of then ran out long ago
    run_id = lab.run(jobs(a=""))
    left = lab.start("an earlier worker")
    bus, lock = Bus(), HomeLock(lab.store.home)
    assert lock.take()
    news = bus.listen("news")
    engine = Engine(LiveSettings(Settings(lab.store.home, workers=1)), lab.store, lock, bus, Executors({}, set)).start()
    while not lab.named(run_id, "a").finished_at:
        assert news.wait(30)
    engine.stop()
    first, *_ = lab.store.queries.attempts(left.job_id)
    assert first.status == "failed", "it had done nothing: it began again, and here is no executor"
    assert first.worker != "an earlier worker", "the watchdog was quicker"
    assert HomeLock(lab.store.home).take(), "and the home is free again"
    lab.close()


class Swept(FakeExecutor):
    kind = "swarm"

    def __init__(self):
        super().__init__(lambda step: 0)
        self.swept = Event()

    def strays(self, known):
        self.swept.set()
        return super().strays(known)


@pytest.mark.parametrize("had", [True, False])
def test_what_a_kill_left_in_a_swarm_goes_at_the_start_where_the_home_ever_had_a_task(tmp_path, had):
    lab = Lab(tmp_path / "home")
    if had:
        key_of(lab.store.home)
    lock, swarm = HomeLock(lab.store.home), Swept()
    assert lock.take()
    executors = Executors({"swarm": lambda: swarm}, set)
    engine = Engine(LiveSettings(Settings(lab.store.home, workers=1)), lab.store, lock, Bus(), executors).start()
    assert not had or swarm.swept.wait(30)
    engine.stop()
    assert executors.has("swarm") is False
    assert swarm.swept.is_set() == had
    lab.close()
