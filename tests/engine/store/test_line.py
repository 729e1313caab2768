"""What is shown of the queue is what would be claimed, in that order, and it says for what the rest waits."""

from datetime import timedelta

from engine.core.waiting import Cause, why
from tests.engine.fakes import Lab, jobs

RETRY = "retry: {max: 2, backoff: 10s, jitter: 0}"


def shown(lab: Lab, limit: int = 100) -> list[tuple[str, str, int | None]]:
    seen = lab.store.line.look(limit)
    return [(one.job.name, str(why(one, seen.paused).cause), one.place) for one in seen.waiting]


def test_the_queued_are_shown_in_the_order_of_their_claims(lab):
    for text, repo in (("a: {}", "x/one"), ("b: {}", "x/two"), ("c: {priority: 5}", "x/one"), ("d: {}", "x/one")):
        name = text[0]
        lab.run(jobs(**{name: "priority: 5" if "priority" in text else ""}), repo)
        lab.clock.advance(1)
    lab.start()  # so that one repository has a job running, and is put back
    names = [name for name, _, _ in shown(lab)]
    assert [place for _, _, place in shown(lab)] == [1, 2, 3]
    lease = lab.start()
    assert lab.job(lease.job_id).name == names[0]


def test_what_tries_again_and_what_is_held_comes_behind(lab):
    lab.run(jobs(first=RETRY, then="needs: first"))
    lab.fail(lab.start())
    lab.run(jobs(other=""))
    lab.run(jobs(mine=""), blocked=True)
    assert shown(lab) == [
        ("other", "worker", 1), ("first", "retry", None), ("then", "needs", None), ("mine", "approval", None),
    ]  # fmt: skip
    assert [name for name, _, _ in shown(lab, 2)] == ["other", "first"]
    assert lab.store.line.look(1).counts == {"queued": 1, "retrying": 1, "pending": 2}


def test_groups_and_full_matrices_are_told_apart(lab):
    group = "concurrency: deploy\n"
    lab.run(group + jobs(a=""))
    lab.run(group + jobs(b=""))
    lab.run(jobs(c="strategy: {max-parallel: 1, matrix: {n: [1, 2]}}"))
    causes = {name: cause for name, cause, _ in shown(lab)}
    assert causes == {"a": "worker", "b": "group", "c (1)": "worker", "c (2)": "matrix"}


def test_who_runs_what_is_told_by_worker(lab):
    run_id = lab.run(jobs(a=""))
    lab.start("worker-2")
    seen = lab.store.line.look(10)
    job, run, started_at = seen.running["worker-2"]
    assert (job.name, run.id, started_at) == ("a", run_id, lab.clock.now())
    assert (seen.waiting, seen.counts) == ((), {"running": 1})


def test_an_empty_queue_is_empty(lab):
    seen = lab.store.line.look(10)
    assert (seen.paused, seen.waiting, seen.running, seen.counts) == (None, (), {}, {})


def test_a_paused_queue_holds_all_that_is_queued(lab):
    lab.run(jobs(a="", b="needs: a"))
    lab.store.queue.pause.set("ada", lab.clock.now())
    assert [cause for _, cause, _ in shown(lab)] == [Cause.PAUSE, Cause.NEEDS]


def test_a_retry_says_until_when(lab):
    lab.run(jobs(a=RETRY))
    lab.fail(lab.start())
    [one] = lab.store.line.look(10).waiting
    assert why(one, None).until == lab.clock.now() + timedelta(seconds=10)
