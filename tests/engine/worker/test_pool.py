"""The pool: every queued job gets a worker, no job two of them, and the pool can leave at any time."""

import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from engine.core.errors import LeaseLost, StoreBusy
from engine.core.retry import Outcome
from engine.store.queue import Lease
from engine.worker import pool as pool_module
from engine.worker.halt import Detached, Halt
from engine.worker.pool import Pool
from tests.engine.fakes import Lab, jobs

GOOD = Outcome("succeeded", exit_code=0)


class Runner:
    """Plays a job: calls `play(lease, halt, resumed)`, then finishes the attempt."""

    def __init__(self, lab: Lab, play: Callable[[Lease, Halt, bool], None], lease: Lease, halt: Halt) -> None:
        self.lab, self.play, self.lease, self.halt = lab, play, lease, halt

    def run(self, resumed: bool = False) -> None:
        self.play(self.lease, self.halt, resumed)
        outcome = Outcome("cancelled", reason=self.halt.reason) if self.halt.cancel.is_set() else GOOD
        self.lab.store.queue.finish(self.lease, outcome, self.lab.clock.now(), outputs={}, tolerated=False)

    def resume(self) -> None:
        self.run(resumed=True)


class Hands:
    """A pool over a lab, whose jobs a function plays."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.news = lab.bus.listen("news", "schedule")
        self.pools: list[Pool] = []

    def start(self, play: Callable[[Lease, Halt, bool], None], size: int = 2) -> Pool:
        def runner(lease: Lease, halt: Halt) -> Any:
            return Runner(self.lab, play, lease, halt)

        pool = Pool(self.lab.store, self.lab.bus, self.lab.clock, size, runner)
        self.pools.append(pool)
        pool.start()
        return pool

    def until(self, holds: Callable[[], Any]) -> None:
        """Schedule and wait until `holds`."""
        for _ in range(3000):
            self.lab.scheduler.tick()
            if holds():
                return
            self.news.wait(0.01)
        raise AssertionError("it never came to that")


@pytest.fixture
def hands(lab: Lab) -> Iterator[Hands]:
    hands = Hands(lab)
    yield hands
    for pool in hands.pools:
        pool.stop()


def test_every_job_runs_once_and_no_more_at_once_than_there_are_workers(lab: Lab, hands: Hands) -> None:
    lock, at_once, most, seen = threading.Lock(), [0], [0], []

    def play(lease: Lease, halt: Halt, resumed: bool) -> None:
        with lock:
            at_once[0] += 1
            most[0] = max(most[0], at_once[0])
            seen.append(lease.job_id)
        with lock:
            at_once[0] -= 1

    run_id = lab.run(jobs(**{f"j{n}": "" for n in range(40)}))
    hands.start(play, size=4)
    hands.until(lambda: lab.status(run_id) == "success")
    assert sorted(seen) == sorted(job.id for job in lab.store.queries.jobs(run_id))
    assert most[0] <= 4


def test_a_fault_of_ours_fails_the_job_and_not_the_worker_and_tells_no_secret(lab: Lab, hands: Hands, caplog) -> None:
    def play(lease: Lease, halt: Halt, resumed: bool) -> None:
        if lease.job_id == 1:
            raise ZeroDivisionError("s3cret")

    run_id = lab.run(jobs(a="", b=""))
    hands.start(play, size=1)
    hands.until(lambda: lab.status(run_id) == "failed")
    assert lab.statuses(run_id) == {"a": "failed", "b": "success"}
    [attempt] = lab.store.queries.attempts(1)
    assert attempt.kind == "infrastructure"
    assert re.fullmatch(r"Treadle failed: ZeroDivisionError in test_pool\.py, line \d+", attempt.reason)
    assert "ZeroDivisionError" in caplog.text
    assert "s3cret" not in caplog.text.replace('raise ZeroDivisionError("s3cret")', "")


def test_a_worker_that_lost_its_lease_or_meets_a_busy_store_goes_on(lab: Lab, hands: Hands) -> None:
    left = [LeaseLost("gone"), StoreBusy("The database is busy.")]

    def play(lease: Lease, halt: Halt, resumed: bool) -> None:
        if lease.job_id <= 2:
            raise left[lease.job_id - 1]

    lab.run(jobs(a="", b="", c=""))
    hands.start(play, size=1)
    hands.until(lambda: lab.job(3).status == "success")
    assert lab.job(1).status == "running"  # the watchdog's to end


def test_a_wish_to_cancel_reaches_the_job_with_its_reason(lab: Lab, hands: Hands) -> None:
    started = threading.Event()

    def play(lease: Lease, halt: Halt, resumed: bool) -> None:
        started.set()
        assert halt.cancel.wait(30)

    run_id = lab.run(jobs(a=""))
    hands.start(play)
    assert started.wait(30)
    lab.cancel_job(1)
    lab.bus.wake("wishes")
    hands.until(lambda: lab.status(run_id) == "cancelled")
    assert lab.reason(run_id, "a") == "cancelled by ada"


def test_a_wish_that_was_there_before_the_job_was_claimed_is_passed_on(lab: Lab, hands: Hands) -> None:
    lab.run(jobs(a=""))
    lease = lab.start()
    lab.cancel_job(lease.job_id)
    seen = threading.Event()

    def play(lease: Lease, halt: Halt, resumed: bool) -> None:
        if halt.cancel.wait(30):
            seen.set()

    hands.start(play)  # takes the job over
    assert seen.wait(30)


def test_a_wish_to_end_at_once_is_known_to_who_takes_the_job_over(lab: Lab, hands: Hands) -> None:
    lab.run(jobs(a=""))
    lease = lab.start()
    lab.cancel_job(lease.job_id)
    lab.store.wishes.end_now(None, lease.job_id, "cancelled by ada", lab.clock.now())
    seen: list[bool] = []
    hands.start(lambda lease, halt, resumed: seen.append(halt.cancel.is_set() and halt.kill.is_set()))
    hands.until(lambda: seen == [True])


def test_a_second_wish_ends_at_once_only_the_job_it_names(lab: Lab, hands: Hands) -> None:
    both, killed = threading.Barrier(3), []
    let_go = threading.Event()

    def play(lease: Lease, halt: Halt, resumed: bool) -> None:
        both.wait(30)
        if lease.job_id == 1:
            assert halt.kill.wait(30)
        else:
            assert let_go.wait(30)
        killed.append((lease.job_id, halt.kill.is_set()))

    run_id = lab.run(jobs(a="", b=""))
    pool = hands.start(play)
    both.wait(30)
    assert pool.busy == 2
    lab.cancel_job(1)
    assert lab.store.wishes.end_now(None, 1, "cancelled by ada", lab.clock.now())
    lab.bus.wake("wishes")
    hands.until(lambda: lab.job(1).status == "cancelled")
    let_go.set()
    hands.until(lambda: lab.status(run_id) == "cancelled")
    assert sorted(killed) == [(1, True), (2, False)]
    hands.until(lambda: pool.busy == 0)


def test_what_runs_is_left_to_the_next_pool_under_a_new_lease(lab: Lab, hands: Hands) -> None:
    begun, taken_up = threading.Event(), threading.Event()
    leases: list[Lease] = []

    def leave(lease: Lease, halt: Halt, resumed: bool) -> None:
        leases.append(lease)
        begun.set()
        assert halt.detach.wait(30)
        raise Detached

    def finish(lease: Lease, halt: Halt, resumed: bool) -> None:
        leases.append(lease)
        assert resumed
        taken_up.set()

    run_id = lab.run(jobs(a="", b="needs: a"))
    pool = hands.start(leave, size=1)
    assert begun.wait(30)
    pool.stop()
    assert lab.job(1).status == "running"
    lab.store.queue.load()
    pool = hands.start(lambda lease, halt, resumed: finish(lease, halt, resumed) if lease.job_id == 1 else None)
    assert taken_up.wait(30)
    hands.until(lambda: lab.status(run_id) == "success")
    first, second = leases
    assert (first.attempt_id, first.number) == (second.attempt_id, second.number)
    assert first.token != second.token
    with pytest.raises(LeaseLost):
        lab.store.queue.finish(first, GOOD, lab.clock.now(), outputs={}, tolerated=False)


def test_a_smaller_pool_takes_up_all_that_a_larger_one_left(lab: Lab, hands: Hands) -> None:
    together = threading.Barrier(4)

    def leave(lease: Lease, halt: Halt, resumed: bool) -> None:
        together.wait(30)
        assert halt.detach.wait(30)
        raise Detached

    run_id = lab.run(jobs(a="", b="", c="", d="needs: a"))
    pool = hands.start(leave, size=3)
    together.wait(30)
    pool.stop()

    def finish(lease: Lease, halt: Halt, resumed: bool) -> None:
        if resumed:
            together.wait(30)

    hands.start(finish, size=1)
    together.wait(30)
    hands.until(lambda: lab.status(run_id) == "success")
    assert [len(lab.store.queries.attempts(job.id)) for job in lab.store.queries.jobs(run_id)] == [1] * 4


def test_folders_of_attempts_that_run_no_more_are_cleared_away(lab: Lab, hands: Hands) -> None:
    lab.run(jobs(a=""))
    lease = lab.start()
    kept, old = lab.store.work_folder(lease.job_id, lease.number), lab.store.work_folder(99, 1)
    for folder in (kept, old):
        (folder / "channel").mkdir(parents=True)
    begun = threading.Event()

    def leave(lease: Lease, halt: Halt, resumed: bool) -> None:
        begun.set()
        assert halt.detach.wait(30)
        raise Detached

    hands.start(leave)
    assert begun.wait(30)
    assert (kept.exists(), old.exists()) == (True, False)


def test_a_lost_lease_is_told_to_its_job(lab: Lab, hands: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "LEASE_S", 0.03)
    begun, told = threading.Event(), threading.Event()

    def play(lease: Lease, halt: Halt, resumed: bool) -> None:
        begun.set()
        if lease.number == 1 and halt.lost.wait(30):
            told.set()
            raise LeaseLost("gone")

    lab.run(jobs(a=""))
    hands.start(play, size=1)
    assert begun.wait(30)
    [attempt] = lab.store.queries.running()
    lab.store.queue.end_overdue(attempt.token, Outcome("lost", "infrastructure"), "watchdog", lab.clock.now())
    assert told.wait(30)


def test_leases_are_renewed_while_their_jobs_run(lab: Lab, hands: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "LEASE_S", 0.03)
    begun, go = threading.Event(), threading.Event()

    def play(lease: Lease, halt: Halt, resumed: bool) -> None:
        begun.set()
        assert go.wait(30)
        assert not halt.lost.is_set()

    run_id = lab.run(jobs(a=""))
    hands.start(play)
    assert begun.wait(30)
    before = lab.store.queries.running()[0].lease_expires_at
    lab.clock.advance(20)
    hands.until(lambda: lab.store.queries.running()[0].lease_expires_at > before)
    go.set()
    hands.until(lambda: lab.status(run_id) == "success")


def test_a_store_that_fails_now_and_then_ends_no_thread(
    lab: Lab, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "RETRY_S", 0.01)
    monkeypatch.setattr(pool_module, "LEASE_S", 0.03)
    failed: dict[str, int] = {}

    def at_times(name: str) -> None:
        asked = getattr(lab.store.queue, name)

        def ask(*given: Any) -> Any:
            failed[name] = failed.get(name, 0) + 1
            if failed[name] <= 2:
                raise OSError("the disk has gone for a moment")
            return asked(*given)

        monkeypatch.setattr(lab.store.queue, name, ask)

    for name in ("claim", "cancel_asked", "heartbeat"):
        at_times(name)
    go_on = threading.Event()
    run_id = lab.run(jobs(a=""))
    lab.scheduler.tick()
    hands.start(lambda lease, halt, _: go_on.wait(30) or None, size=1)
    hands.until(lambda: failed.get("heartbeat", 0) > 2 and failed.get("cancel_asked", 0) > 2)
    go_on.set()
    hands.until(lambda: lab.status(run_id) == "success")
