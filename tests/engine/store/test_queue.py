"""The queue and its leases, on a real SQLite file."""

import sqlite3
import threading
from datetime import timedelta

import pytest

from engine.control.asks.commands import prioritize
from engine.core.deadlines import LEASE_S
from engine.core.errors import EngineError, LeaseLost, StoreBusy
from engine.core.retry import LOST_LIMIT, Outcome
from engine.core.states import JobStatus
from engine.core.turns import PRIORITY_S, RUNNING_JOB_S
from engine.store.queue import Queue, StepNews
from tests.engine.fakes import FAILURE, LOST, START, Lab, jobs

GOOD = Outcome("succeeded", exit_code=0)
RETRY = "retry: {max: 2, backoff: 10s, jitter: 0}"


def names(lab: Lab, count: int | None = None) -> list[str]:
    """Claim, and say which jobs came, in order."""
    found = []
    while (lease := lab.claim()) and (count is None or len(found) < count):
        found.append(lab.job(lease.job_id).name)
    return found


def cells(count: int) -> str:
    return jobs(a=f"strategy: {{fail-fast: false, matrix: {{n: [{', '.join(map(str, range(count)))}]}}}}")


# claiming


def test_eight_threads_claim_two_hundred_jobs_and_none_twice(lab):
    lab.run(cells(200))
    claimed: list[list[int]] = []

    def work(worker: str) -> None:
        mine = []
        while lease := lab.store.queue.claim(worker, START):
            mine.append(lease.job_id)
        claimed.append(mine)
        lab.store.close()

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    every = [job_id for mine in claimed for job_id in mine]
    assert len(every) == len(set(every)) == 200
    assert len(lab.store.queries.running()) == 200
    assert len({attempt.token for attempt in lab.store.queries.running()}) == 200


def test_two_queues_on_one_store_never_give_out_the_same_job(lab):
    run_id = lab.run(jobs(a=""))
    other = Queue(lab.store.database)
    assert other.load() == 1
    assert lab.claim() is not None
    assert other.claim("w2", START) is None
    assert lab.statuses(run_id) == {"a": "running"}


def test_the_first_claim_starts_the_run_and_the_job(lab):
    run_id = lab.run(jobs(a="", b=""))
    lab.clock.advance(5)
    lab.start()
    lab.clock.advance(5)
    lab.start()
    run = lab.store.queries.run(run_id)
    assert (run.status, run.started_at) == ("running", START + timedelta(seconds=5))
    assert lab.named(run_id, "b").started_at == START + timedelta(seconds=10)


def test_a_claim_that_the_store_is_too_busy_for_is_not_lost(lab, monkeypatch):
    lab.run(jobs(a=""))

    def busy(*_):
        raise StoreBusy("locked")

    with monkeypatch.context() as patch:
        patch.setattr(lab.store.queue, "_take", busy)
        with pytest.raises(StoreBusy):
            lab.claim()
    assert names(lab) == ["a"]


def test_the_order_is_rebuilt_from_the_rows(lab):
    lab.run(jobs(a="priority: 1", b="priority: 2"))
    lab.store.queue = Queue(lab.store.database)
    assert lab.claim() is None
    assert lab.store.queue.load() == 2
    assert names(lab) == ["b", "a"]


# order


def test_a_larger_priority_goes_first(lab):
    lab.run(jobs(low="priority: -1", plain="", high="priority: 5"))
    assert names(lab) == ["high", "plain", "low"]


def test_the_older_run_goes_first(lab):
    first, second = lab.run(jobs(a=""), tick=False), None
    lab.clock.advance(1)
    second = lab.run(jobs(b="", c="needs: b"), tick=False)
    lab.tick()
    assert names(lab) == ["a", "b"]
    assert lab.status(first) == lab.status(second) == "running"


def test_within_a_run_the_longest_remaining_path_goes_first(lab):
    lab.run(jobs(short="", long="", middle="", m2="needs: middle", l2="needs: long", l3="needs: l2"))
    assert names(lab) == ["long", "middle", "short"]


def test_the_repository_that_runs_less_goes_first(lab):
    lab.run(cells(3), repo="team/big")
    lab.clock.advance(RUNNING_JOB_S / 2)
    lab.run(jobs(small=""), repo="team/small")
    assert names(lab, 3) == ["a (0)", "small", "a (1)"]


def test_what_ended_no_longer_counts_against_its_repository(lab):
    lab.run(cells(3), repo="team/big")
    lab.clock.advance(RUNNING_JOB_S / 2)
    lab.run(jobs(small=""), repo="team/small")
    lab.finish(lab.start())
    assert names(lab, 2) == ["a (1)", "small"]


def test_time_makes_everybodys_turn_come(lab):
    lab.run(jobs(old=""))
    lab.clock.advance(PRIORITY_S * 3 + 1)
    lab.run(jobs(urgent="priority: 3"))
    lab.run(jobs(more="priority: 4"))
    assert names(lab) == ["more", "old", "urgent"]


# leases


def test_a_lost_lease_cannot_finish_a_job(lab):
    run_id = lab.run(jobs(a=""))
    lease = lab.start()
    lab.store.queue.end_overdue(lease.token, LOST, "watchdog", START)
    for late in (
        lambda: lab.finish(lease),
        lambda: lab.store.queue.begin(lease, ["x"], None),
        lambda: lab.store.queue.note(lease, box_id="x"),
        lambda: lab.store.queue.steps(lease, []),
        lambda: lab.store.queue.annotate(lease, [{"step": 0, "level": "error", "message": "", "properties": {}}]),
    ):
        with pytest.raises(LeaseLost):
            late()
    assert lab.statuses(run_id) == {"a": "queued"}


def test_finish_counts_once(lab):
    run_id = lab.run(jobs(a=""))
    lease = lab.start()
    assert lab.finish(lease) == JobStatus.SUCCESS
    with pytest.raises(LeaseLost):
        lab.fail(lease)
    assert lab.statuses(run_id) == {"a": "success"}


def test_of_two_threads_that_finish_one_wins(lab):
    run_id = lab.run(jobs(a=""))
    lease = lab.start()
    barrier, results = threading.Barrier(2), []

    def finish(outcome: Outcome) -> None:
        barrier.wait()
        try:
            results.append(lab.store.queue.finish(lease, outcome, START, outputs={}, tolerated=False))
        except LeaseLost:
            results.append(None)
        lab.store.close()

    threads = [threading.Thread(target=finish, args=(outcome,)) for outcome in (GOOD, FAILURE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, results)) in (["None", "failed"], ["None", "success"])
    assert lab.statuses(run_id)["a"] in map(str, results)


def test_a_heartbeat_renews_what_still_runs_and_tells_what_does_not(lab):
    lab.run(jobs(a="", b=""))
    good, lost = lab.start(), lab.start()
    lab.store.queue.end_overdue(lost.token, LOST, "watchdog", START)
    now = START + timedelta(seconds=20)
    assert lab.store.queue.heartbeat([good.token, lost.token, "nonsense"], now) == {good.token}
    [attempt] = lab.store.queries.running()
    assert attempt.lease_expires_at == now + timedelta(seconds=LEASE_S)
    query = "SELECT heartbeat_at FROM attempt WHERE token = ?"
    assert lab.store.database.rows(query, (good.token,)) == [(now.timestamp(),)]


def test_taking_over_puts_the_earlier_holder_out(lab):
    lab.run(jobs(a=""))
    old = lab.start("old")
    lab.clock.advance(100)
    new = lab.store.queue.take_over(old.attempt_id, "new", lab.clock.now())
    assert (new.job_id, new.number, new.worker) == (old.job_id, 1, "new")
    with pytest.raises(LeaseLost):
        lab.finish(old)
    assert lab.finish(new) == JobStatus.SUCCESS
    assert lab.store.queue.take_over(old.attempt_id, "third", lab.clock.now()) is None


# what becomes of a job


def test_a_retry_is_a_new_attempt_of_the_same_job_with_its_own_start(lab):
    run_id = lab.run(jobs(a=RETRY))
    first = lab.start()
    lab.clock.advance(3)
    assert lab.fail(first) == JobStatus.RETRYING
    job = lab.job(first.job_id)
    assert (job.retry_count, job.attempts) == (1, 1)
    assert job.next_attempt_at == START + timedelta(seconds=13)
    lab.clock.advance(9.9)
    lab.tick()
    assert lab.claim() is None
    lab.clock.advance(0.1)
    lab.tick()
    second = lab.start()
    assert (second.job_id, second.number) == (first.job_id, 2)
    starts = [attempt.started_at for attempt in lab.store.queries.attempts(first.job_id)]
    assert starts == [START, START + timedelta(seconds=13)]
    assert lab.finish(second) == JobStatus.SUCCESS
    assert lab.status(run_id) == "success"


def test_the_retries_run_out(lab):
    run_id = lab.run(jobs(a=RETRY))
    for expected in ("retrying", "retrying", "failed"):
        assert lab.fail(lab.start()) == expected
        lab.clock.advance(60)
        lab.tick()
    job = lab.named(run_id, "a")
    assert (job.retry_count, job.max_retries, job.attempts) == (2, 2, 3)
    assert lab.status(run_id) == "failed"


def test_a_lost_attempt_comes_back_at_once_and_costs_no_retry(lab):
    lab.run(jobs(a=RETRY))
    lease = lab.start()
    assert lab.finish(lease, LOST) == JobStatus.QUEUED
    job = lab.job(lease.job_id)
    assert (job.retry_count, job.attempts) == (0, 1)
    assert lab.start().number == 2


def test_a_job_under_which_everything_goes_away_is_given_up(lab):
    run_id = lab.run(jobs(a=""))
    for _ in range(LOST_LIMIT):
        lab.finish(lab.start(), LOST)
    assert lab.statuses(run_id) == {"a": "failed"}
    assert lab.named(run_id, "a").attempts == LOST_LIMIT


def test_a_job_that_is_being_cancelled_is_not_retried(lab):
    run_id = lab.run(jobs(a=RETRY))
    lease = lab.start()
    lab.cancel_job(lease.job_id)
    assert lab.store.queue.cancel_asked() == {lease.job_id: ("cancelled by ada", False)}
    lab.fail(lease)
    assert lab.statuses(run_id) == {"a": "failed"}


def test_a_cancelled_job_whose_worker_is_lost_is_cancelled_not_tried_again(lab):
    run_id = lab.run(jobs(a=""))
    lease = lab.start()
    lab.cancel_job(lease.job_id)
    lab.finish(lease, LOST)
    assert lab.statuses(run_id) == {"a": "cancelled"}
    assert lab.claim() is None


def test_only_what_the_policy_names_is_tried_again_after_its_delay(lab):
    lab.run(jobs(a="retry: {max: 3, backoff: 1.5s, factor: 3, max-delay: 9s, jitter: 0, on: [oom]}"))
    for seconds in (1.5, 4.5, 9):
        lease = lab.start()
        assert lab.finish(lease, Outcome("failed", "oom")) == JobStatus.RETRYING
        assert lab.job(lease.job_id).next_attempt_at == lab.clock.now() + timedelta(seconds=seconds)
        lab.clock.advance(seconds)
        lab.tick()
    lease = lab.start()
    assert lab.fail(lease) == JobStatus.FAILED


# steps


def test_steps_keep_to_their_states_and_close_with_the_attempt(lab):
    lab.run(jobs(a=""))
    lease = lab.start()
    queue, later = lab.store.queue, START + timedelta(seconds=1)
    queue.begin(lease, ["one", "two", "three"], later)
    queue.steps(lease, [StepNews(0, "started", START), StepNews(0, "succeeded", later, 0, log_start=0, log_end=9)])
    queue.steps(lease, [StepNews(1, "started", later, name="two, renamed")])
    lab.finish(lease, FAILURE)
    steps = lab.store.queries.steps(lease.attempt_id)
    assert [(step.name, str(step.status), step.exit_code, step.log_end) for step in steps] == [
        ("one", "success", 0, 9),
        ("two, renamed", "cancelled", None, None),
        ("three", "cancelled", None, None),
    ]
    assert steps[0].started_at == START and steps[0].finished_at == later


def test_the_step_that_overran_is_named(lab):
    lab.run(jobs(a=""))
    lease = lab.start()
    lab.store.queue.begin(lease, ["one", "two"], START)
    lab.store.queue.steps(lease, [StepNews(0, "started", START)])
    lab.store.queue.end_overdue(lease.token, Outcome("overran", "timed_out"), "watchdog", START)
    assert [str(step.status) for step in lab.store.queries.steps(lease.attempt_id)] == ["timed_out", "cancelled"]


def test_news_of_steps_is_written_whole_or_not_at_all(lab):
    lab.run(jobs(a=""))
    lease = lab.start()
    lab.store.queue.begin(lease, ["one"], None)
    with pytest.raises(Exception, match="cannot become"):
        lab.store.queue.steps(lease, [StepNews(0, "started", START), StepNews(0, "started", START)])
    assert lab.store.queries.steps(lease.attempt_id)[0].status == "pending"


# durability


def test_what_is_promised_is_written_with_full_syncs_and_the_rest_without(lab):
    lab.run(jobs(a=""))
    connection: sqlite3.Connection = lab.store.database._db.connection()
    seen: list[str] = []
    connection.set_trace_callback(seen.append)
    lease = lab.start()
    assert not any("synchronous" in statement for statement in seen)
    lab.store.queue.finish(lease, GOOD, START, outputs={}, tolerated=False)
    connection.set_trace_callback(None)
    begin = next(n for n, statement in enumerate(seen) if "synchronous=FULL" in statement)
    commit = max(n for n, statement in enumerate(seen) if statement == "COMMIT")
    after = next(n for n, statement in enumerate(seen) if "synchronous=NORMAL" in statement)
    assert begin < commit < after


# pausing


def test_a_paused_queue_gives_out_nothing_until_it_is_resumed(lab):
    lab.run(jobs(a="", b=""))
    running = lab.start()
    assert lab.store.queue.pause.set("ada", lab.clock.now())
    assert not lab.store.queue.pause.set("eve", lab.clock.now()), "who paused it first is kept"
    assert lab.store.queue.pause.get().by == "ada"
    assert lab.claim() is None
    assert lab.finish(running) == JobStatus.SUCCESS, "what runs goes on"
    assert lab.store.queue.pause.clear()
    assert not lab.store.queue.pause.clear()
    assert names(lab) == ["b"]


def test_a_pause_outlives_the_engine(lab):
    lab.run(jobs(a=""))
    lab.store.queue.pause.set("ada", lab.clock.now())
    lab.store.queue = Queue(lab.store.database)
    assert lab.store.queue.load() == 1
    assert lab.claim() is None
    lab.store.queue.pause.clear()
    assert names(lab) == ["a"]


# another priority


def test_a_job_put_forward_runs_first_and_one_put_back_last(lab):
    run_id = lab.run(jobs(a="", b="", c=""))
    prioritize(lab.store, lab.named(run_id, "c"), 10)
    prioritize(lab.store, lab.named(run_id, "a"), -10)
    assert lab.store.queue.waiting() == 3
    assert names(lab) == ["c", "b", "a"]
    assert lab.store.queue.waiting() == 0


def test_a_priority_that_another_process_changed_counts_once_the_bell_rang(lab):
    run_id = lab.run(jobs(a="", b=""))
    lab.store.wishes.prioritize(lab.named(run_id, "b").id, 10)
    lab.store.queue.doubt()
    assert names(lab) == ["b", "a"]


def test_a_priority_given_before_a_job_is_queued_counts_then(lab):
    run_id = lab.run(jobs(a="", b="needs: a", c="needs: a"))
    prioritize(lab.store, lab.named(run_id, "c"), 10)
    lab.finish(lab.start())
    assert names(lab) == ["c", "b"]


def test_a_priority_that_cannot_be_is_refused(lab):
    run_id = lab.run(jobs(a=""))
    with pytest.raises(EngineError, match="between -1000 and 1000"):
        prioritize(lab.store, lab.named(run_id, "a"), 1001)
    lab.work()
    with pytest.raises(EngineError, match="has ended"):
        prioritize(lab.store, lab.named(run_id, "a"), 1)
