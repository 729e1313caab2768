"""Scheduler and store together: what becomes of whole runs."""

import pytest

from engine.core.retry import Outcome
from engine.store.tables.runs import JobRow
from pipelines.plan import JobPlan, RunPlan
from tests.engine.fakes import FAILURE, START, jobs

GOOD = Outcome("succeeded", exit_code=0)
MATRIX = "strategy: {matrix: {n: [1, 2, 3]}"


def fail(*names):
    return dict.fromkeys(names, FAILURE)


# how a run ends


@pytest.mark.parametrize(
    ("outcomes", "text", "status"),
    [
        ({}, jobs(a="", b="needs: a"), "success"),
        (fail("a"), jobs(a="", b="needs: a"), "failed"),
        ({"a": Outcome("overran", "timed_out")}, jobs(a=""), "failed"),
        ({}, jobs(a="if: false", b="needs: a"), "skipped"),
        ({}, jobs(a="if: false", b=""), "success"),
        (fail("a"), jobs(a="", b="needs: a, if: failure()"), "failed"),
    ],
)
def test_a_run_ends_as_its_jobs_did(lab, outcomes, text, status):
    run_id = lab.run(text)
    lab.work(outcomes)
    assert lab.status(run_id) == status


def test_a_tolerated_failure_breaks_neither_the_run_nor_what_needs_it(lab):
    run_id = lab.run(jobs(a="", b="needs: a", c="if: false"))
    lab.finish(lab.start(), FAILURE, tolerated=True)
    lab.work()
    assert lab.statuses(run_id) == {"a": "failed", "b": "success", "c": "skipped"}
    assert lab.status(run_id) == "success"


def test_a_run_of_tolerated_failures_and_skipped_jobs_did_not_do_nothing(lab):
    run_id = lab.run(jobs(a="", c="if: false"))
    lab.finish(lab.start(), FAILURE, tolerated=True)
    assert lab.status(run_id) == "success"


def test_a_failure_far_above_is_seen_below(lab):
    text = jobs(
        a="", b="needs: a, if: always()", c="needs: b", d="needs: b, if: failure()", e="needs: b, if: success()"
    )
    run_id = lab.run(text)
    lab.work(fail("a"))
    assert lab.statuses(run_id) == {"a": "failed", "b": "success", "c": "skipped", "d": "success", "e": "skipped"}


def test_a_job_below_a_skipped_one_is_skipped_unless_it_says_otherwise(lab):
    run_id = lab.run(jobs(a="if: false", b="needs: a", c="needs: b, if: always()", d="needs: c"))
    assert lab.work() == ["c"]
    assert lab.statuses(run_id) == {"a": "skipped", "b": "skipped", "c": "success", "d": "skipped"}


def test_an_if_may_ask_for_outputs(lab):
    run_id = lab.run(jobs(a="", b="needs: a, if: needs.a.outputs.go == 'yes'", c="needs: a, if: needs.a.outputs.no"))
    lab.finish(lab.start(), outputs={"go": "yes"})
    lab.work()
    assert lab.statuses(run_id) == {"a": "success", "b": "success", "c": "skipped"}


def test_an_if_that_breaks_fails_its_job_with_a_sentence(lab):
    run_id = lab.run(jobs(a='if: "fromJSON(github.ref)"', b="needs: a"))
    assert lab.statuses(run_id) == {"a": "failed", "b": "skipped"}
    assert lab.reason(run_id, "a").startswith("if: ")


def test_a_workflow_that_is_read_no_more_fails_its_jobs_and_nothing_else(lab):
    other = lab.run(jobs(other=""), repo="team/other")
    digest, _ = lab.store.definitions.keep("ci.yml", "on: push\njobs: {a: {runs-on: x, steps: [{run: x}]}}", "")
    lab.store.database._db.execute_sql("UPDATE definition SET text = 'jobs: 1' WHERE digest = ?", (digest,))
    lab.store.definitions._parsed.clear()
    plan = RunPlan("", None, False, False, 1, 0, (JobPlan("a", "a"),))
    broken = lab.record(plan, "team/site", tick=True, definition=digest)
    assert lab.status(broken) == "failed"
    assert "reads its workflow no more" in lab.reason(broken, "a")
    assert lab.work() == ["other"]
    assert lab.status(other) == "success"


# matrices


def test_one_failed_cell_ends_its_siblings(lab):
    run_id = lab.run(jobs(a=f"{MATRIX}}}", b=""))
    first, second = lab.start(), lab.start()
    lab.fail(first)
    assert lab.statuses(run_id) == {"a (1)": "failed", "a (2)": "running", "a (3)": "cancelled", "b": "queued"}
    assert lab.reason(run_id, "a (3)") == "another job of the matrix failed"
    assert lab.store.queue.cancel_asked() == {second.job_id: ("another job of the matrix failed", False)}
    lab.finish(second, Outcome("cancelled"))
    lab.work()
    assert lab.status(run_id) == "failed"


def test_a_cell_that_is_tried_again_ends_nobody_yet(lab):
    run_id = lab.run(jobs(a=f"{MATRIX}}}, retry: {{max: 1, backoff: 0s}}"))
    lab.fail(lab.start())
    assert "cancelled" not in lab.statuses(run_id).values()
    lab.tick()
    lab.work(fail("a (1)"))
    assert lab.statuses(run_id)["a (1)"] == "failed"


def test_a_tolerated_cell_ends_nobody(lab):
    run_id = lab.run(jobs(a=f"{MATRIX}}}"))
    lab.finish(lab.start(), FAILURE, tolerated=True)
    assert lab.work() == ["a (2)", "a (3)"]
    assert lab.status(run_id) == "success"


def test_without_fail_fast_every_cell_has_its_turn(lab):
    run_id = lab.run(jobs(a=f"{MATRIX}, fail-fast: false}}"))
    assert lab.work(fail("a (1)")) == ["a (1)", "a (2)", "a (3)"]
    assert lab.status(run_id) == "failed"


def test_max_parallel_lets_one_go_as_one_ends(lab):
    lab.run(jobs(a="strategy: {matrix: {n: [1, 2, 3, 4, 5]}, max-parallel: 2}"))
    running = [lab.start(), lab.start()]
    assert lab.claim() is None
    seen = 2
    while running:
        lab.finish(running.pop(0))
        if lease := lab.claim():
            running.append(lease)
            seen += 1
        assert lab.claim() is None
    assert seen == 5


def test_a_retrying_cell_keeps_its_place(lab):
    lab.run(jobs(a="strategy: {matrix: {n: [1, 2]}, max-parallel: 1}, retry: {max: 1, backoff: 5s, jitter: 0}"))
    lab.fail(lab.start())
    assert lab.claim() is None
    lab.clock.advance(5)
    lab.tick()
    assert lab.work() == ["a (1)", "a (2)"]


DYNAMIC = jobs(
    list="",
    test="needs: list, strategy: {matrix: {n: '${{ fromJSON(needs.list.outputs.all) }}'}, max-parallel: 2}",
    done="needs: test",
    always="needs: [list, test], if: always()",
)


def test_a_matrix_from_outputs_is_worked_out_when_they_are_there(lab):
    run_id = lab.run(DYNAMIC)
    assert list(lab.statuses(run_id)) == ["list", "test", "done", "always"]
    lab.finish(lab.start(), outputs={"all": "[7, 8, 9]"})
    assert list(lab.statuses(run_id)) == ["list", "test (7)", "done", "always", "test (8)", "test (9)"]
    assert JobRow.get_by_id(lab.named(run_id, "done").id).unmet == 3
    assert sorted(lab.work()) == ["always", "done", "test (7)", "test (8)", "test (9)"]
    assert lab.status(run_id) == "success"


def test_what_waits_for_such_a_matrix_waits_for_all_of_it(lab):
    run_id = lab.run(DYNAMIC)
    lab.finish(lab.start(), outputs={"all": "[7, 8, 9]"})
    for _ in range(3):
        assert lab.statuses(run_id)["done"] == "pending"
        lab.finish(lab.start())
    assert lab.statuses(run_id)["done"] == "queued"


@pytest.mark.parametrize("value", ["[]", "nonsense", "{}"])
def test_a_matrix_that_cannot_be_worked_out_fails_with_a_sentence(lab, value):
    run_id = lab.run(DYNAMIC)
    lab.finish(lab.start(), outputs={"all": value})
    assert lab.statuses(run_id)["test"] == "failed"
    assert "cannot be worked out" in lab.reason(run_id, "test")
    lab.work()
    assert lab.status(run_id) == "failed"


def test_a_matrix_behind_a_failed_job_is_never_worked_out(lab):
    run_id = lab.run(DYNAMIC)
    lab.work(fail("list"))
    assert lab.statuses(run_id) == {"list": "failed", "test": "skipped", "done": "skipped", "always": "success"}


def test_a_matrix_that_was_skipped_is_worked_out_when_it_is_woken(lab):
    run_id = lab.run(DYNAMIC)
    lab.work(fail("list"))
    lab.retry(run_id, "list")
    lab.finish(lab.start(), outputs={"all": "[1]"})
    lab.work()
    assert lab.statuses(run_id)["test (1)"] == "success"


# concurrency groups


def test_of_the_runs_that_wait_only_the_newest_stays(lab):
    runs = [lab.run("concurrency: deploy\n" + jobs(a="")) for _ in range(3)]
    assert [lab.status(run) for run in runs] == ["queued", "cancelled", "pending"]
    assert "newer" in lab.store.queries.run(runs[1]).reason
    lab.work()
    assert [lab.status(run) for run in runs] == ["success", "cancelled", "success"]


def test_cancel_in_progress_ends_the_run_before(lab):
    text = "concurrency: {group: deploy, cancel-in-progress: true}\n" + jobs(a="", b="needs: a")
    first = lab.run(text)
    lease = lab.start()
    second = lab.run(text)
    assert (lab.status(first), lab.status(second)) == ("running", "pending")
    assert list(lab.store.queue.cancel_asked()) == [lease.job_id]
    lab.finish(lease, Outcome("cancelled"))
    assert (lab.status(first), lab.status(second)) == ("cancelled", "queued")
    assert "superseded" in lab.store.queries.run(first).reason


def test_a_run_that_nobody_has_begun_gives_way_at_once(lab):
    text = "concurrency: {group: deploy, cancel-in-progress: true}\n" + jobs(a="")
    first, second = lab.run(text), lab.run(text)
    assert (lab.status(first), lab.status(second)) == ("cancelled", "queued")


def test_a_job_that_nobody_has_begun_gives_way_at_once(lab):
    text = jobs(a="concurrency: {group: deploy, cancel-in-progress: true}")
    first, second = lab.run(text), lab.run(text)
    assert (lab.statuses(first), lab.statuses(second)) == ({"a": "cancelled"}, {"a": "queued"})


def test_runs_that_queue_up_go_in_the_order_of_their_coming(lab):
    text = "concurrency: {group: deploy, queue: all, limit: 2}\n" + jobs(a="")
    runs = [lab.run(text) for _ in range(5)]
    assert [lab.status(run) for run in runs] == ["queued", "queued", "pending", "pending", "pending"]
    lab.finish(lab.start())
    assert [lab.status(run) for run in runs] == ["success", "queued", "queued", "pending", "pending"]
    lab.work()
    assert {lab.status(run) for run in runs} == {"success"}


def test_jobs_of_two_runs_share_a_group(lab):
    text = jobs(build="", deploy="needs: build, concurrency: prod")
    first, second = lab.run(text), lab.run(text)
    lab.finish(lab.start())
    lab.finish(lab.start())
    assert lab.statuses(first)["deploy"] == "queued"
    assert lab.statuses(second)["deploy"] == "pending"
    assert lab.work() == ["deploy", "deploy"]
    assert lab.status(second) == "success"


def test_a_full_group_does_not_hold_up_another(lab):
    lab.run("concurrency: {group: full, queue: all}\n" + jobs(a=""))
    for _ in range(5):
        lab.run("concurrency: {group: full, queue: all}\n" + jobs(a=""))
    free = lab.run("concurrency: free\n" + jobs(a=""))
    assert lab.status(free) == "queued"


def test_repositories_do_not_share_groups(lab):
    text = "concurrency: deploy\n" + jobs(a="concurrency: inner")
    runs = [lab.run(text, repo=f"team/{name}") for name in "ab"]
    assert [lab.status(run) for run in runs] == ["queued", "queued"]
    assert [lab.statuses(run)["a"] for run in runs] == ["queued", "queued"]


def test_a_group_that_hangs_on_outputs_is_settled_in_time(lab):
    text = jobs(a="", b="needs: a, concurrency: '${{ needs.a.outputs.where }}'")
    first, second = lab.run(text), lab.run(text)
    for _ in range(2):
        lab.finish(lab.start(), outputs={"where": "prod"})
    assert (lab.statuses(first)["b"], lab.statuses(second)["b"]) == ("queued", "pending")
    assert len(lab.work()) == 2


def test_a_job_does_not_wait_for_its_own_run(lab):
    run_id = lab.run("concurrency: deploy\n" + jobs(a="concurrency: deploy", b=""))
    lab.work()
    assert lab.statuses(run_id) == {"a": "cancelled", "b": "success"}
    assert "its own run" in lab.reason(run_id, "a")


# races


def test_what_ends_while_the_scheduler_decides_sets_free_what_it_was_about_to_hold(lab):
    text = jobs(a="concurrency: prod")
    lab.run(text)
    lease = lab.start()
    second = lab.run(text, tick=False)
    decisions = lab.store.decisions
    read = decisions.snapshot

    def snapshot(*args):
        decisions.snapshot = read
        found = read(*args)
        lab.store.queue.finish(lease, GOOD, START, outputs={}, tolerated=False)
        return found

    decisions.snapshot = snapshot
    lab.scheduler.tick()
    assert lab.statuses(second) == {"a": "queued"}


def test_an_idle_scheduler_changes_nothing(lab):
    lab.run(jobs(a="", b="needs: a", c="strategy: {matrix: {n: [1, 2]}, max-parallel: 1}"))
    before = lab.store.queries.last_sequence()
    listener = lab.bus.listen("queue", "wishes", "news")
    lab.tick()
    assert lab.store.queries.last_sequence() == before
    assert not listener.wait(0)


def test_however_many_moves_there_are_each_write_makes_few(lab, monkeypatch):
    monkeypatch.setattr("engine.control.scheduler.MOVES_AT_ONCE", 3)
    made: list[int] = []
    apply = lab.store.decisions.apply

    def counted(moves, *more):
        made.append(len(moves))
        return apply(moves, *more)

    monkeypatch.setattr(lab.store.decisions, "apply", counted)
    run_id = lab.run(jobs(**{f"j{n}": "" for n in range(10)}))
    assert lab.store.queue.waiting() == 10
    lab.cancel(run_id)
    assert lab.status(run_id) == "cancelled"
    assert sum(made) >= 20 and max(made) == 3
