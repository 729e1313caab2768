"""The ledger of failures: what passed later at the same commit, what says nothing, and what is forgotten when."""

from dataclasses import replace
from datetime import timedelta

import pytest

from engine.core.flaky import Seen, symptom
from engine.core.retry import Outcome
from engine.store.queue import Lease
from engine.store.sweep import FAILURES_KEPT, Sweep
from engine.store.tables.mending import FailureRow
from engine.store.tables.runs import AttemptRow, RunRow
from tests.engine.fakes import START, Lab, jobs

RETRIED = jobs(a="retry: {max: 3, backoff: 0s, on: [failure]}")
FLAKY = jobs(a="retry: {max: 3, backoff: 0s, on: [flaky]}")
SHA, OTHER = "1" * 40, "2" * 40


def failure(lab: Lab, lease: Lease, line: str = "Error: no") -> Outcome:
    """What a worker would say of an attempt that failed with this line."""
    found = symptom(line, "test", 1, "failure")
    return Outcome("failed", "failure", 1, "exit code 1", replace(found, seen=seen(lab, lease.job_id, line)))


def seen(lab: Lab, job_id: int, line: str = "Error: no") -> Seen:
    return lab.store.failures.seen(job_id, symptom(line, "test", 1, "failure").fingerprint)


def again(lab: Lab) -> Lease:
    lab.clock.advance(1)
    lab.tick()
    return lab.start()


def fail_then_pass(lab: Lab, text: str = RETRIED, line: str = "Error: no", **new: object) -> Lease:
    lab.run(text, **new)  # type: ignore[arg-type]
    lease = lab.start()
    lab.finish(lease, failure(lab, lease, line))
    lab.finish(again(lab))
    return lease


def test_a_failure_is_kept_with_the_end_of_its_attempt(lab: Lab):
    lab.run(jobs(a=""), ref="refs/heads/topic")
    lease = lab.start()
    lab.finish(lease, failure(lab, lease))
    row = FailureRow.get()
    assert (row.attempt_id, row.job, row.step, row.line, row.exit_code) == (
        lease.attempt_id,
        "a",
        "test",
        "Error: no",
        1,
    )
    assert (row.sha, row.ref, row.passed_later, row.at) == (SHA, "refs/heads/topic", False, START)
    assert seen(lab, lease.job_id) == Seen(1, 0)


def test_passing_in_a_later_attempt_makes_it_known_flaky(lab: Lab):
    lease = fail_then_pass(lab)
    assert seen(lab, lease.job_id) == Seen(1, 1)
    assert seen(lab, lease.job_id, "Error: another") == Seen(0, 0)


def test_passing_in_another_run_of_the_same_commit_counts_as_well(lab: Lab):
    lab.run(jobs(a=""))
    lease = lab.start()
    lab.finish(lease, failure(lab, lease))
    lab.run(jobs(a=""))
    lab.finish(lab.start())
    assert seen(lab, lease.job_id) == Seen(1, 1)


@pytest.mark.parametrize(
    "other",
    [
        {"sha": OTHER},
        {"source": {"sha": OTHER}},
        {"workflow_path": ".github/workflows/other.yml"},
        {"repo": "team/other"},
    ],
    ids=["commit", "working tree", "workflow", "repository"],
)
def test_passing_elsewhere_says_nothing(lab: Lab, other: dict[str, str]):
    lab.run(jobs(a=""))
    lease = lab.start()
    lab.finish(lease, failure(lab, lease))
    lab.run(jobs(a=""), **other)
    lab.finish(lab.start())
    assert seen(lab, lease.job_id) == Seen(1, 0)


def test_passing_with_other_inputs_says_nothing(lab: Lab):
    lab.run(jobs(a=""))
    lease = lab.start()
    lab.finish(lease, failure(lab, lease))
    run_id = lab.run(jobs(a=""))
    contexts = {**RunRow.get_by_id(run_id).contexts, "inputs": {"fast": True}}
    RunRow.update(contexts=contexts).where(RunRow.id == run_id).execute()
    lab.finish(lab.start())
    assert seen(lab, lease.job_id) == Seen(1, 0)


def test_another_job_that_passes_says_nothing(lab: Lab):
    lab.run(jobs(a="", b=""))
    lease = lab.start()
    lab.finish(lease, failure(lab, lease))
    lab.finish(lab.start())
    assert seen(lab, lease.job_id) == Seen(1, 0)


def test_a_box_that_a_person_had_hands_on_says_nothing(lab: Lab):
    lab.run(RETRIED)
    lease = lab.start()
    lab.finish(lease, failure(lab, lease))
    patched = again(lab)
    AttemptRow.update(patched=True).where(AttemptRow.id == patched.attempt_id).execute()
    lab.finish(patched)
    assert seen(lab, lease.job_id) == Seen(1, 0)


def test_a_bisection_says_nothing(lab: Lab):
    lab.run(jobs(a=""))
    lease = lab.start()
    lab.finish(lease, failure(lab, lease))
    for outcome in (Outcome("succeeded", exit_code=0), failure(lab, lease)):
        run = lab.run(jobs(a=""))
        RunRow.update(bisect_id=1).where(RunRow.id == run).execute()
        lab.finish(lab.start(), outcome)
    assert seen(lab, lease.job_id) == Seen(1, 0)


def test_what_is_known_flaky_is_tried_again_and_what_is_new_is_not(lab: Lab):
    fail_then_pass(lab)
    for line, status in (("Error: no", "queued"), ("Error: another", "failed")):
        run = lab.run(FLAKY, sha=OTHER)
        lease = lab.start()
        outcome = failure(lab, lease, line)
        assert lab.store.failures.is_tried_again(lease.job_id, outcome, START) == (status == "queued")
        lab.finish(lease, outcome)
        assert lab.named(run, "a").status == status
        if status == "queued":
            lab.finish(again(lab))
    assert seen(lab, lease.job_id) == Seen(2, 2)
    assert seen(lab, lease.job_id, "Error: another") == Seen(1, 0)


def test_the_ledger_tells_since_when_how_often_and_how_often_it_passed(lab: Lab):
    first = fail_then_pass(lab)
    lab.clock.advance(60)
    lab.run(jobs(a=""), sha=OTHER)
    last = lab.start()
    lab.finish(last, failure(lab, last))
    [entry] = lab.store.failures.ledger()
    assert (entry.repo, entry.job, entry.step, entry.line, entry.exit_code) == (
        "team/site",
        "a",
        "test",
        "Error: no",
        1,
    )
    assert (entry.seen, entry.first_sha, entry.first_at) == (Seen(2, 1), SHA, START)
    assert (entry.last_sha, entry.job_id, entry.run_id, entry.attempt) == (OTHER, last.job_id, last.run_id, 1)
    assert lab.store.failures.of_job(first.job_id)[first.attempt_id].seen == Seen(2, 1)


def test_the_ledger_lists_what_is_flaky_or_all_of_one_repository_or_of_all(lab: Lab):
    fail_then_pass(lab)
    fail_then_pass(lab, repo="team/other")
    lab.run(jobs(a=""))
    lease = lab.start()
    lab.finish(lease, failure(lab, lease, "Error: another"))
    ledger = lab.store.failures.ledger
    assert [one.repo for one in ledger()] == ["team/other", "team/site"]
    assert [one.repo for one in ledger("team/site")] == ["team/site"]
    assert [one.line for one in ledger("team/site", all=True)] == ["Error: no", "Error: another"]
    assert ledger("team/none") == []
    assert len(ledger(all=True, limit=2)) == 2


def test_the_ledger_outlives_the_runs_that_it_tells_of(lab: Lab):
    lease = fail_then_pass(lab)
    for table in ("run", "job", "attempt"):
        with lab.store.database.write():
            lab.store.database.execute_many(f"DELETE FROM {table}", [()])
    [entry] = lab.store.failures.ledger()
    assert (entry.seen, entry.run_id, entry.job_id, entry.attempt) == (Seen(1, 1), None, None, None)
    assert lab.store.failures.of_job(lease.job_id) == {}


def test_failures_are_forgotten_when_they_are_old_or_too_many(lab: Lab):
    for _ in range(5):
        fail_then_pass(lab)
    sweep = Sweep(lab.store.database)
    assert sum(sweep.failures(lab.clock.now())) == 0
    assert sum(sweep.failures(lab.clock.now(), most=3)) == 2
    assert FailureRow.select().count() == 3
    assert sum(sweep.failures(lab.clock.now() + FAILURES_KEPT + timedelta(hours=1))) == 3
