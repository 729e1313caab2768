"""When jobs are expected to start and to end: by the queue's own order, never in the past, and only where known."""

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.forecast import SLOWER_LEAST_S, Forecast, forecast, slower
from engine.core.play import SOON, SOON_LEAST_S, Outlook, Work
from engine.core.states import JobStatus as J
from engine.core.turns import RUNNING_JOB_S
from tests.engine.fakes import START

NOW_S = START.timestamp()


def work(id: int, seconds: float | None = 10.0, *needs: int, status: J | None = None, **more: object) -> Work:
    """A job that is queued, or waits for its needs."""
    return Work(id, 1, status or (J.PENDING if needs else J.QUEUED), f"k{id}", 1, needs, expected_s=seconds, **more)


def running(id: int, seconds: float | None, since_s: float, **more: object) -> Work:
    return work(id, seconds, status=J.RUNNING, started_s=NOW_S - since_s, **more)


def told(*jobs: Work, workers: int = 2, claims: bool = True) -> Forecast:
    return forecast(Outlook(jobs, workers, claims), START)


def times(found: Forecast) -> dict[int, tuple[float | None, float | None]]:
    """Return start and end of each job, in seconds from now."""
    return {
        id: tuple(None if at is None else (at - START).total_seconds() for at in (one.start_at, one.finish_at))
        for id, one in found.jobs.items()
    }


def end_s(found: Forecast, run: int = 1) -> float | None:
    at = found.runs[run].finish_at
    return None if at is None else (at - START).total_seconds()


def test_what_is_queued_starts_when_a_worker_is_free_in_the_order_of_the_queue() -> None:
    found = told(work(1, 10, path=10), work(2, 20, path=20), work(3, 5, path=5), workers=1)
    assert times(found) == {2: (0, 20), 1: (20, 30), 3: (30, 35)}
    assert end_s(found) == 35


def test_an_earlier_run_and_a_larger_priority_go_first() -> None:
    found = told(work(1, 10, order=100.0), work(2, 10, order=40.0), workers=1)
    assert times(found) == {2: (0, 10), 1: (10, 20)}


def test_a_repository_that_runs_much_is_put_back_as_the_queue_does() -> None:
    busy, other = work(1, 10, order=0.0), replace(work(2, 10, order=RUNNING_JOB_S / 2), repo_id=2)
    found = told(running(9, 100, 0), busy, other, workers=2)
    assert times(found)[2] == (0, 10)
    assert times(found)[1] == (10, 20)


def test_a_job_starts_after_all_that_it_needs() -> None:
    found = told(work(1, 10), work(2, 30), work(3, 5, 1, 2), work(4, 1, 1))
    assert times(found) == {1: (0, 10), 2: (0, 30), 4: (10, 11), 3: (30, 35)}


def test_what_runs_ends_when_its_usual_time_is_over() -> None:
    found = told(running(1, 60, 40))
    assert times(found) == {1: (None, 20)}


@pytest.mark.parametrize(("since_s", "left_s"), [(60, 6), (61, 6.1), (600, 60), (5, SOON_LEAST_S)])
def test_what_is_over_its_time_is_expected_to_end_soon_and_never_in_the_past(since_s: float, left_s: float) -> None:
    expected_s = min(since_s, 60)
    [(_, end)] = times(told(running(1, expected_s, since_s))).values()
    assert end == pytest.approx(left_s)
    assert SOON == 0.1


def test_what_is_tried_again_starts_when_its_backoff_ends() -> None:
    found = told(work(1, 10, status=J.RETRYING, due_s=NOW_S + 30), work(2, 10, 1))
    assert times(found) == {1: (30, 40), 2: (40, 50)}


def test_nothing_is_said_where_nothing_is_known() -> None:
    assert told(work(1, None), running(2, None, 5)) == Forecast()


def test_of_a_job_that_nobody_timed_only_the_start_is_told_and_others_wait_for_its_likely_end() -> None:
    found = told(work(1, 10, path=99), work(2, None, 1), work(3, 30, 2), workers=1)
    assert times(found) == {1: (0, 10), 2: (10, None), 3: (30, 60)}
    assert found.jobs[2].expected_s is None
    assert end_s(found) == 60


def test_the_end_of_a_run_is_not_told_when_most_of_it_is_a_guess() -> None:
    assert end_s(told(work(1, 10), work(2, None), work(3, None))) is None


def test_a_run_that_nobody_timed_holds_up_others_and_is_told_nothing() -> None:
    new = replace(work(1, None, order=-1.0), run_id=2)
    found = told(new, work(2, 10), workers=1)
    assert times(found) == {2: (10, 20)}
    assert 2 not in found.runs


def test_nothing_is_said_of_what_waits_for_a_person_and_of_what_follows() -> None:
    found = told(work(1, 10), work(2, 10, status=J.BLOCKED, held=True), work(3, 10, 2), work(4, 10, 1))
    assert times(found) == {1: (0, 10), 2: (None, None), 3: (None, None), 4: (10, 20)}
    assert end_s(found) is None


def test_what_will_not_run_takes_no_time_and_is_told_none() -> None:
    found = told(work(1, 10), work(2, 10, 1, doomed=True), work(3, 10, 2))
    assert times(found) == {1: (0, 10), 2: (None, None), 3: (None, None)}
    assert end_s(found) == 10


def test_while_nothing_is_claimed_only_what_runs_has_an_end() -> None:
    found = told(running(1, 10, 5), work(2, 10), claims=False)
    assert times(found) == {1: (None, 5), 2: (None, None)}
    assert end_s(found) is None


def test_of_a_matrix_no_more_run_at_once_than_it_allows() -> None:
    cells = [replace(work(id, 10), key="m", max_parallel=2) for id in range(1, 4)]
    held = replace(work(4, 10, status=J.PENDING), key="m", max_parallel=2)
    found = told(*cells[:2], held, workers=8)
    assert times(found) == {1: (0, 10), 2: (0, 10), 4: (10, 20)}


def test_a_call_begins_with_the_first_of_its_jobs_and_ends_with_the_last() -> None:
    call = work(2, None, 1, is_call=True)
    inner = [work(3, 20, status=J.PENDING, caller=2), work(4, 5, 3, caller=2)]
    found = told(work(1, 10), call, *inner, work(5, 7, 2))
    assert times(found) == {1: (0, 10), 2: (10, 35), 3: (10, 30), 4: (30, 35), 5: (35, 42)}
    assert found.runs[1].critical == (1, 2, 3, 4, 5)


def test_a_call_that_runs_ends_with_the_last_of_its_jobs() -> None:
    call = work(1, None, is_call=True, status=J.RUNNING, started_s=NOW_S - 5)
    done = work(2, 5, status=J.SUCCESS, caller=1, finished_s=NOW_S - 1)
    found = told(call, done, running(3, 20, 5, caller=1), work(4, 7, 1))
    assert times(found) == {1: (None, 15), 3: (None, 15), 4: (15, 22)}


def test_a_call_that_waits_for_a_person_keeps_its_jobs_waiting() -> None:
    call = work(1, None, is_call=True, status=J.BLOCKED, held=True)
    found = told(call, work(2, 5, status=J.PENDING, caller=1))
    assert times(found) == {1: (None, None), 2: (None, None)}


def test_the_critical_path_is_what_the_end_waits_for_also_where_that_is_over() -> None:
    done = work(1, 10, status=J.SUCCESS, finished_s=NOW_S - 5)
    skipped = work(2, 10, status=J.SKIPPED, finished_s=NOW_S - 1)
    found = told(done, skipped, work(3, 10, 1, 2), work(4, 3, 1), work(5, 5, 3, 4))
    assert found.runs[1].critical == (1, 3, 5)


@pytest.mark.parametrize(
    ("elapsed_s", "expected_s", "times"),
    [(300, 60, 5.0), (180, 60, None), (181, 60, 181 / 60),
     (31, 10, None), (40, 10, 4.0), (1e3, None, None), (9, 0, None)],
)  # fmt: skip
def test_slower_than_usual_is_three_times_and_half_a_minute_more(elapsed_s, expected_s, times) -> None:
    assert slower(elapsed_s, expected_s) == times
    assert SLOWER_LEAST_S == 30


def test_a_job_that_runs_is_told_to_be_slower_while_it_is() -> None:
    found = told(running(1, 20, 80), running(2, 20, 30), work(3, 20))
    assert [found.jobs[id].slower for id in (1, 2, 3)] == [4.0, None, None]


@st.composite
def outlooks(draw: st.DrawFn) -> Outlook:
    """A run of jobs that need earlier ones, some under way, some over."""
    count, jobs = draw(st.integers(1, 25)), []
    ready = True
    for id in range(1, count + 1):
        needs = draw(st.sets(st.integers(1, id - 1), max_size=3)) if id > 1 else set()
        ready = all(jobs[need - 1].status == J.SUCCESS for need in needs)
        status = draw(st.sampled_from([J.SUCCESS, J.RUNNING, J.QUEUED] if ready else [J.PENDING]))
        ago_s = draw(st.integers(0, 100))
        job = work(id, float(draw(st.integers(1, 60))), *sorted(needs), status=status, path=draw(st.integers(0, 99)))
        if status == J.SUCCESS:
            job = replace(job, finished_s=NOW_S - ago_s)
        elif status == J.RUNNING:
            job = replace(job, started_s=NOW_S - ago_s)
        jobs.append(job)
    running = sum(job.status == J.RUNNING for job in jobs)
    return Outlook(tuple(jobs), max(running, draw(st.integers(1, 5))))


@given(outlooks())
def test_every_job_is_expected_to_end_after_all_that_it_needs_and_nothing_in_the_past(outlook: Outlook) -> None:
    found = forecast(outlook, START)
    for job in outlook.jobs:
        if job.id not in found.jobs:
            continue
        mine = found.jobs[job.id]
        assert mine.finish_at is not None and mine.finish_at > START
        assert mine.start_at is None or START <= mine.start_at <= mine.finish_at
        for need in job.needs:
            if need in found.jobs:
                assert found.jobs[need].finish_at <= mine.start_at


@given(outlooks())
def test_never_more_jobs_run_at_once_than_there_are_workers(outlook: Outlook) -> None:
    found = forecast(outlook, START)
    changes = sorted(
        change
        for one in found.jobs.values()
        for change in ((one.start_at or START, 1), (one.finish_at, -1))
        if change[0] is not None
    )  # an end sorts before a start at the same instant
    busy = 0
    for _, step in changes:
        busy += step
        assert busy <= outlook.workers


@given(outlooks())
def test_the_whole_takes_no_less_than_the_bound_and_no_more_than_any_list_order_may(outlook: Outlook) -> None:
    """From below: the longest chain, and all the work shared out. From above: Graham's bound."""
    found = forecast(outlook, START)
    left = {
        id: (one.finish_at - max(one.start_at or START, START)) / timedelta(seconds=1) for id, one in found.jobs.items()
    }
    if not left:
        return
    chains: dict[int, float] = {}
    for job in outlook.jobs:
        if job.id in left:
            chains[job.id] = left[job.id] + max((chains[need] for need in job.needs if need in chains), default=0.0)
    longest, work_s = max(chains.values()), sum(left.values())
    makespan = end_s(found)
    assert makespan is not None
    assert makespan >= max(longest, work_s / outlook.workers) - 1e-3
    assert makespan <= work_s / outlook.workers + (1 - 1 / outlook.workers) * longest + 1e-3


@given(outlooks())
def test_the_critical_path_is_a_chain_of_needs_that_ends_with_the_last(outlook: Outlook) -> None:
    found = forecast(outlook, START)
    if not found.jobs:
        return
    jobs = {job.id: job for job in outlook.jobs}
    path = found.runs[1].critical
    assert found.jobs[path[-1]].finish_at == max(one.finish_at for one in found.jobs.values())
    assert all(need in jobs[job].needs for need, job in itertools.pairwise(path))
    assert not jobs[path[0]].needs


def test_a_chain_of_thousands_is_no_matter_also_when_it_is_all_dropped() -> None:
    chain = [work(1, 1.0), *(work(id, 1.0, id - 1) for id in range(2, 5001))]
    assert end_s(told(*chain)) == 5000
    dropped = [replace(chain[0], doomed=True), *chain[1:]]
    assert end_s(told(*dropped)) == 0
