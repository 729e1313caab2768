"""The scheduler's decisions: a snapshot in, moves out."""

from dataclasses import replace

import pytest

from engine.core.job_contexts import needs_context
from engine.core.moves import GROUP, MATRIX_FULL, AskCancel, Expand, JobMove, RunMove, Told, Wait
from engine.core.scheduling import decide
from engine.core.snapshot import Candidate, FailedMatrix, Group, Member, Need, Snapshot
from engine.core.states import JobStatus, RunStatus
from engine.core.turns import order_s
from pipelines.template import Condition
from tests.engine.fakes import START

P, Q, R = JobStatus.PENDING, JobStatus.QUEUED, JobStatus.RUNNING
STARTS = JobMove(1, P, "needs_met")
DEPLOY = Group("deploy")


def candidate(job_id=1, condition=None, **more) -> Candidate:
    parsed = Condition.parse(condition) if condition else None
    values = {"run_id": 1, "run_cancelled": False, "ancestry_ok": True, "ancestry_failed": False, "contexts": {}}
    return Candidate(job_id=job_id, condition=parsed.evaluate if parsed else None, **{**values, **more})


def one(**snapshot):
    return decide(Snapshot(**snapshot))


def ends(move) -> str:
    """What becomes of a candidate: starts, or the cause that ends it."""
    assert isinstance(move, JobMove)
    return "starts" if move.cause == "needs_met" else move.cause


OK = {"ancestry_ok": True, "ancestry_failed": False}
FAILED = {"ancestry_ok": False, "ancestry_failed": True}
SKIPPED = {"ancestry_ok": False, "ancestry_failed": False}


@pytest.mark.parametrize(
    ("condition", "ok", "failed", "skipped", "cancelled"),
    [
        (None, "starts", "needs_failed", "needs_failed", "cancelled"),
        ("success()", "starts", "needs_failed", "needs_failed", "cancelled"),
        ("true", "starts", "needs_failed", "needs_failed", "cancelled"),
        ("false", "condition_false", "needs_failed", "needs_failed", "cancelled"),
        ("always()", "starts", "starts", "starts", "starts"),
        ("failure()", "condition_false", "starts", "needs_failed", "cancelled"),
        ("cancelled()", "condition_false", "needs_failed", "needs_failed", "starts"),
        ("!cancelled()", "starts", "starts", "starts", "cancelled"),
        ("failure() || success()", "starts", "starts", "needs_failed", "cancelled"),
        ("always() && false", "condition_false", "needs_failed", "needs_failed", "cancelled"),
    ],
)
def test_status_functions_ask_all_that_the_job_hangs_on(condition, ok, failed, skipped, cancelled):
    found = [ends(one(candidates=(candidate(condition=condition, **state),))[0]) for state in (OK, FAILED, SKIPPED)]
    found.append(ends(one(candidates=(candidate(condition=condition, run_cancelled=True, **OK),))[0]))
    assert found == [ok, failed, skipped, cancelled]


def test_a_condition_that_cannot_be_evaluated_fails_the_job_with_its_reason():
    def broken(contexts, functions):
        raise ValueError("if: there is no x")

    moves = decide(Snapshot((replace(candidate(), condition=broken),)))
    assert moves == [JobMove(1, P, "condition_broken", "if: there is no x")]


def test_an_open_job_is_expanded_only_when_it_may_start():
    assert one(candidates=(candidate(open=True),)) == [Expand(1)]
    assert ends(one(candidates=(candidate(open=True, **FAILED),))[0]) == "needs_failed"
    assert ends(one(candidates=(candidate(condition="false", open=True),))[0]) == "condition_false"


def test_max_parallel_counts_what_is_active_and_what_starts_now():
    cells = tuple(candidate(n, matrix="test", max_parallel=2, active_siblings=1) for n in (1, 2, 3))
    assert decide(Snapshot(cells)) == [STARTS, Wait(2, MATRIX_FULL), Wait(3, MATRIX_FULL)]


def test_max_parallel_is_counted_for_each_run_and_matrix():
    cells = (
        candidate(1, matrix="test", max_parallel=1),
        candidate(2, matrix="lint", max_parallel=1),
        candidate(3, matrix="test", max_parallel=1, run_id=2),
    )
    assert decide(Snapshot(cells)) == [JobMove(n, P, "needs_met") for n in (1, 2, 3)]


def test_a_cell_that_its_group_holds_takes_no_place_of_the_matrix():
    members = (Member(9, R),)
    cells = (
        candidate(1, matrix="test", max_parallel=1, group=DEPLOY),
        candidate(2, matrix="test", max_parallel=1),
    )
    moves = decide(Snapshot(cells, groups={DEPLOY.key: members}))
    assert moves == [Wait(1, GROUP + "deploy"), JobMove(2, P, "needs_met")]


def test_the_siblings_of_a_failed_member_are_ended_once():
    siblings = (Member(2, P), Member(3, Q), Member(4, R), Member(5, JobStatus.RETRYING))
    moves = one(failed_matrices=(FailedMatrix((1,), siblings),))
    assert [type(move) for move in moves] == [JobMove, JobMove, AskCancel, JobMove, Told]
    assert {move.reason for move in moves[:-1]} == {"another job of the matrix failed"}
    assert moves[-1] == Told(1)


def test_what_was_cancelled_ends_unless_a_worker_has_to_end_it():
    moves = one(cancelled=(Member(1, P), Member(2, R), Member(3, Q, reason="cancelled by ada")))
    assert moves == [
        JobMove(1, P, "cancelled", "the run was cancelled"),
        AskCancel(2, False, "the run was cancelled"),
        JobMove(3, Q, "cancelled", "cancelled by ada"),
    ]


def test_a_job_that_is_ended_is_not_started_in_the_same_breath():
    moves = one(candidates=(candidate(1),), due=(2,), cancelled=(Member(1, P), Member(2, JobStatus.RETRYING)))
    assert [move.cause for move in moves] == ["cancelled", "cancelled"]


def test_a_retry_that_is_due_is_queued():
    assert one(due=(7,)) == [JobMove(7, JobStatus.RETRYING, "due")]


# concurrency groups


def grouped(*members, group=DEPLOY, job_id=1, **more):
    return decide(Snapshot((candidate(job_id, group=group, **more),), groups={group.key: tuple(members)}))


def test_a_free_group_lets_a_job_in():
    assert grouped() == [STARTS]


def test_one_runs_and_one_waits():
    assert grouped(Member(9, R)) == [Wait(1, GROUP + "deploy")]


def test_a_newer_one_takes_the_waiting_place():
    moves = grouped(Member(2, R), Member(3, P), job_id=4)
    assert [(type(move), getattr(move, "job_id", None)) for move in moves] == [(JobMove, 3), (Wait, 4)]
    assert "newer" in moves[0].reason


def test_an_older_one_does_not_take_it():
    assert grouped(Member(2, R), Member(3, P), job_id=1) == [Wait(1, GROUP + "deploy")]


def test_each_of_many_that_come_at_once_is_ended_once():
    candidates = tuple(candidate(n, group=DEPLOY) for n in (2, 3, 4, 5))
    moves = decide(Snapshot(candidates, groups={DEPLOY.key: (Member(1, R),)}))
    ended = [move.job_id for move in moves if isinstance(move, JobMove)]
    assert ended == [2, 3, 4]
    assert moves[-1] == Wait(5, GROUP + "deploy")


def test_queue_all_keeps_everybody_in_order():
    group = replace(DEPLOY, queue_all=True)
    candidates = tuple(candidate(n, group=group) for n in (2, 3))
    moves = decide(Snapshot(candidates, groups={group.key: (Member(1, R),)}))
    assert moves == [Wait(2, GROUP + "deploy"), Wait(3, GROUP + "deploy")]
    moves = decide(Snapshot(candidates))
    assert moves == [JobMove(2, P, "needs_met"), Wait(3, GROUP + "deploy")]


def test_a_limit_lets_so_many_in():
    group = replace(DEPLOY, queue_all=True, limit=2)
    moves = decide(Snapshot(tuple(candidate(n, group=group) for n in (1, 2, 3))))
    assert moves == [STARTS, JobMove(2, P, "needs_met"), Wait(3, GROUP + "deploy")]


def test_cancel_in_progress_ends_the_holder_and_waits_for_its_end():
    group = replace(DEPLOY, cancel_in_progress=True)
    moves = grouped(Member(9, R), group=group)
    assert [type(move) for move in moves] == [AskCancel, Wait]
    moves = grouped(Member(9, R, is_run=True), group=group)
    assert moves[0] == AskCancel(9, True, "superseded in the concurrency group 'deploy'")


def test_cancel_in_progress_ends_nobody_while_there_is_room():
    group = replace(DEPLOY, cancel_in_progress=True, limit=2)
    assert grouped(Member(9, R), group=group) == [STARTS]


def test_groups_of_two_repositories_have_nothing_to_do_with_each_other():
    theirs = replace(DEPLOY, repo_id=2)
    moves = decide(Snapshot((candidate(group=DEPLOY),), groups={theirs.key: (Member(9, R),)}))
    assert moves == [STARTS]


def test_a_job_that_would_wait_for_its_own_run_is_cancelled():
    moves = grouped(Member(1, RunStatus.RUNNING, is_run=True))
    assert [(move.job_id, move.cause) for move in moves] == [(1, "cancelled")]
    assert "its own run" in moves[0].reason


def waiting(*ids, group=DEPLOY, holders=()):
    runs = tuple((Member(n, RunStatus.PENDING, is_run=True), group) for n in ids)
    return decide(Snapshot(waiting_runs=runs, groups={group.key: (*holders, *(run for run, _ in runs))}))


def test_of_the_waiting_runs_the_first_goes_when_the_group_is_free():
    assert waiting(3) == [RunMove(3, RunStatus.PENDING, "group_free")]
    assert waiting(3, holders=(Member(1, RunStatus.QUEUED, is_run=True),)) == []


def test_a_newer_run_cancels_the_older_one_that_waits():
    moves = waiting(3, 4, holders=(Member(1, RunStatus.RUNNING, is_run=True),))
    assert [(move.id, move.is_run) for move in moves] == [(3, True)]


def test_runs_queue_up_when_asked_to():
    group = replace(DEPLOY, queue_all=True, limit=2)
    moves = waiting(3, 4, 5, group=group, holders=(Member(1, RunStatus.RUNNING, is_run=True),))
    assert moves == [RunMove(3, RunStatus.PENDING, "group_free")]


# order


def test_priority_is_a_head_start_in_time():
    old, new = START, START.replace(minute=10)
    assert order_s(old, 0) < order_s(new, 0)
    assert order_s(new, 100) < order_s(old, 0)
    assert order_s(old, 0) < order_s(new, 1), "so nothing waits for ever behind what is a little more urgent"


# what needs tell


def need(key="a", status=JobStatus.SUCCESS, tolerated=False, **outputs) -> Need:
    return Need(key, status, tolerated, outputs)


@pytest.mark.parametrize(
    ("statuses", "result"),
    [
        (["success", "success"], "success"),
        (["success", "failed"], "failure"),
        (["timed_out", "success"], "failure"),
        (["cancelled", "success"], "cancelled"),
        (["cancelled", "failed"], "failure"),
        (["skipped", "success"], "success"),
        (["skipped", "skipped"], "skipped"),
    ],
)
def test_a_matrix_counts_as_its_worst_member(statuses, result):
    assert needs_context(need(status=JobStatus(status)) for status in statuses)["a"]["result"] == result


def test_a_tolerated_failure_reads_as_success():
    assert needs_context([need(status=JobStatus.FAILED, tolerated=True)])["a"]["result"] == "success"


def test_the_outputs_of_a_matrix_are_merged_and_empty_ones_do_not_win():
    merged = needs_context([need(x="1", y="1"), need(x="2", y="")])
    assert merged["a"]["outputs"] == {"x": "2", "y": "1"}
