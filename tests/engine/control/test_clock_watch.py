"""The machine's clock is set: nothing that runs is lost or shortened, nothing that waits waits longer."""

from datetime import timedelta
from pathlib import Path

import pytest

from engine.control.clock_watch import ClockWatch
from engine.core.deadlines import CLEANUP_S, LEASE_S, PATIENCE_S
from tests.engine.fakes import GRACE_S, START, FakeClock, Lab, jobs


class SettableClock(FakeClock):
    """`set_by` is what a person or the network does to the machine's clock; the steady one goes on."""

    ahead = timedelta(0)

    def now(self):
        return super().now() + self.ahead

    def monotonic_s(self) -> float:
        return (super().now() - START).total_seconds()

    def set_by(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)


@pytest.fixture
def lab(tmp_path: Path):
    lab = Lab(tmp_path / "home")
    lab.clock = lab.watchdog._clock = lab.scheduler._clock = SettableClock()
    lab.watch = ClockWatch(lab.store, lab.bus, lab.clock)
    yield lab
    lab.close()


def turn(lab: Lab) -> None:
    lab.watch.tick()
    lab.scheduler.tick()
    lab.watchdog.tick()


@pytest.mark.parametrize("hours", [1, -1, 24 * 365])
def test_no_job_that_runs_is_lost_or_ends_sooner_or_later(lab: Lab, hours: int, caplog) -> None:
    run = lab.run(jobs(a=""))
    lease = lab.start()
    lab.store.queue.begin(lease, ["x"], lab.clock.now() + timedelta(seconds=600))
    turn(lab)
    lab.clock.set_by(hours * 3600)
    turn(lab)
    assert ("forward" if hours > 0 else "back") in caplog.text
    assert lab.statuses(run) == {"a": "running"}
    for _ in range(31):
        lab.clock.advance(LEASE_S - 11)
        lab.store.queue.heartbeat([lease.token], lab.clock.now())
        turn(lab)
    assert lab.statuses(run) == {"a": "running"}
    lab.clock.advance(600 - 31 * (LEASE_S - 11) + GRACE_S + 3)
    lab.store.queue.heartbeat([lease.token], lab.clock.now())
    turn(lab)
    assert lab.statuses(run) == {"a": "timed_out"}


def test_a_worker_that_fell_silent_is_still_found_after_it(lab: Lab) -> None:
    run = lab.run(jobs(a=""))
    lab.start()
    turn(lab)
    lab.clock.set_by(-3600)
    turn(lab)
    lab.clock.advance(LEASE_S)
    turn(lab)
    assert lab.statuses(run) == {"a": "queued"}


def test_a_retry_waits_no_longer_than_it_was_to(lab: Lab) -> None:
    run = lab.run(jobs(a="retry: {max: 1, backoff: 60s, jitter: 0}"))
    lab.fail(lab.start())
    turn(lab)
    lab.clock.set_by(-7200)
    lab.clock.advance(59)
    turn(lab)
    assert lab.statuses(run) == {"a": "retrying"}
    lab.clock.advance(1)
    turn(lab)
    assert lab.statuses(run) == {"a": "queued"}


def test_a_clock_that_is_slewed_or_a_busy_machine_is_no_jump(lab: Lab, caplog) -> None:
    lab.clock.set_by(1.5)
    turn(lab)
    lab.clock.advance(1000)
    turn(lab)
    assert "clock" not in caplog.text


@pytest.mark.parametrize("hours", [1, -1])
def test_a_cancelled_job_keeps_the_time_that_it_has_to_clean_up(lab: Lab, hours: int) -> None:
    run = lab.run(jobs(a=""))
    lease = lab.start()
    turn(lab)
    [job] = lab.store.queries.jobs(run)
    lab.store.wishes.ask_cancel(None, job.id, "cancelled by ada", "ada", lab.clock.now())
    turn(lab)
    lab.clock.set_by(hours * 3600)
    turn(lab)
    for wait_s, status in ((CLEANUP_S, "running"), (GRACE_S + PATIENCE_S, "cancelled")):
        lab.clock.advance(wait_s)
        lab.store.queue.heartbeat([lease.token], lab.clock.now())
        turn(lab)
        assert lab.statuses(run) == {"a": status}
