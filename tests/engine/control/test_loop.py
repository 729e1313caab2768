"""The control plane's thread: woken, or on time, and otherwise asleep."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from engine.bus import Bus
from engine.control.loop import ControlLoop
from engine.core.deadlines import LEASE_S, PATIENCE_S
from engine.core.errors import LeaseLost, StoreBusy
from engine.settings.live import LiveSettings
from engine.settings.model import Settings
from engine.store.queue import StepNews
from tests.engine.fakes import FAILURE, GRACE_S, START, Lab, jobs


class Listening(Bus):
    """A bus that tells what the loop waits for, and when it does."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float | None] = []
        self.asleep = threading.Semaphore(0)

    def listen(self, *topics: str):
        listener = super().listen(*topics)
        wait = listener.wait

        def told(timeout_s: float | None = None) -> bool:
            self.waits.append(timeout_s)
            self.asleep.release()
            return wait(None)  # time is the test's to move; only a wake-up ends the wait

        listener.wait = told
        return listener


@pytest.fixture
def start(lab: Lab) -> Iterator[Callable[[], Listening]]:
    """Start a loop on the lab's store, and return its bus once it sleeps."""
    loops = []

    def begin() -> Listening:
        bus = Listening()
        loop = ControlLoop(lab.store, bus, lab.clock, LiveSettings(Settings(lab.store.home, grace_s=GRACE_S)))
        loop.start()
        loops.append(loop)
        assert bus.asleep.acquire(timeout=30)
        return bus

    yield begin
    for loop in loops:
        loop.stop()


def wake(bus: Listening) -> float | None:
    """Wake the loop and let it turn once; return for how long it would sleep now."""
    bus.wake("schedule")
    assert bus.asleep.acquire(timeout=30)
    return bus.waits[-1]


# the watchdog by itself


def test_a_silent_workers_lease_runs_out_and_the_job_has_a_new_attempt(lab):
    run_id = lab.run(jobs(a=""))
    silent = lab.start("silent")
    lab.clock.advance(LEASE_S - 0.1)
    lab.tick()
    assert lab.statuses(run_id) == {"a": "running"}
    lab.clock.advance(0.1)
    lab.tick()
    assert lab.statuses(run_id) == {"a": "queued"}
    again = lab.start("w2")
    assert (again.job_id, again.number) == (silent.job_id, 2)
    with pytest.raises(LeaseLost):
        lab.finish(silent)
    first, second = lab.store.queries.attempts(silent.job_id)
    assert (first.status, first.kind) == ("lost", "infrastructure")
    assert second.started_at == START + timedelta(seconds=LEASE_S)
    assert lab.named(run_id, "a").retry_count == 0


def test_a_worker_that_beats_keeps_its_job(lab):
    run_id = lab.run(jobs(a=""))
    lease = lab.start()
    for _ in range(10):
        lab.clock.advance(LEASE_S / 3)
        assert lab.store.queue.heartbeat([lease.token], lab.clock.now()) == {lease.token}
        lab.tick()
    assert lab.statuses(run_id) == {"a": "running"}


def test_a_job_past_its_deadline_and_grace_is_timed_out_over_its_workers_head(lab):
    run_id = lab.run(jobs(a=""))
    lease = lab.start()
    lab.store.queue.begin(lease, ["one"], START + timedelta(seconds=60))
    lab.store.queue.steps(lease, [StepNews(0, "started", START)])
    for seconds in (60, GRACE_S, PATIENCE_S - 0.1):
        lab.clock.advance(seconds)
        lab.store.queue.heartbeat([lease.token], lab.clock.now())
        lab.tick()
        assert lab.statuses(run_id) == {"a": "running"}
    lab.clock.advance(0.1)
    lab.tick()
    assert lab.statuses(run_id) == {"a": "timed_out"}
    assert lab.status(run_id) == "failed"
    assert [str(step.status) for step in lab.store.queries.steps(lease.attempt_id)] == ["timed_out"]


def test_each_attempt_has_a_deadline_of_its_own(lab):
    run_id = lab.run(jobs(a="retry: {max: 1, backoff: 0s}"))
    lease = lab.start()
    lab.store.queue.begin(lease, [], START + timedelta(seconds=60))
    lab.fail(lease)
    assert lab.named(run_id, "a").deadline_at is None
    lab.clock.advance(1)
    lab.tick()
    again = lab.start()
    lab.clock.advance(100)
    lab.store.queue.heartbeat([again.token], lab.clock.now())
    lab.tick()
    assert lab.statuses(run_id) == {"a": "running"}


# the loop


def test_an_idle_loop_sleeps_until_it_is_woken(lab, start):
    assert start().waits == [None]


def test_a_finished_run_leaves_nothing_to_wake_up_for(lab, start):
    lab.run(jobs(a=""))
    lab.work()
    assert start().waits == [None]


def test_the_loop_sleeps_until_the_next_lease_or_retry_is_due(lab, start):
    lab.run(jobs(a="", b="retry: {max: 1, backoff: 10s, jitter: 0}"))
    bus = start()
    leases = {lab.job(lease.job_id).name: lease for lease in (lab.start(), lab.start())}
    assert wake(bus) == LEASE_S
    lab.store.queue.finish(leases["b"], FAILURE, START, outputs={}, tolerated=False)
    assert wake(bus) == 10
    lab.clock.advance(10)
    assert wake(bus) == LEASE_S - 10


def test_a_wake_up_is_answered_with_decisions(lab, start):
    bus = start()
    run_id = lab.run(jobs(a=""), tick=False)
    news = Bus.listen(bus, "queue")
    wake(bus)
    assert lab.statuses(run_id) == {"a": "queued"}
    assert news.wait(0)


def test_a_busy_store_is_tried_again(lab, start, monkeypatch):
    bus = start()

    def busy(*_):
        raise StoreBusy("locked")

    with monkeypatch.context() as patch:
        patch.setattr(lab.store.decisions, "snapshot", busy)
        assert wake(bus) == 1
    assert wake(bus) is None


def test_an_error_of_ours_is_told_and_does_not_end_the_control_plane(lab, start, monkeypatch, caplog):
    bus = start()
    with monkeypatch.context() as patch:
        patch.setattr(lab.store.decisions, "snapshot", lambda *_: 1 / 0)
        assert wake(bus) == 1
    assert "ZeroDivisionError" in caplog.text
    run_id = lab.run(jobs(a=""), tick=False)
    assert wake(bus) is None
    assert lab.statuses(run_id) == {"a": "queued"}
