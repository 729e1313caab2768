"""What a forecast is made from, read from real rows."""

import pytest

from engine.core.play import Work
from engine.store import outlook as store_outlook
from engine.store.outlook import is_worked_on, outlook, path_of
from engine.store.tables.columns import DATABASE
from engine.store.tables.runs import AttemptRow, JobRow
from tests.engine.fakes import START, Lab, jobs

CHAIN = jobs(a="", b="needs: a", c="needs: b")


def works() -> dict[str, Work]:
    return {work.key: work for work in outlook(2, claims=True).jobs}


def train(lab: Lab, text: str, seconds: float = 10) -> None:
    lab.run(text)
    while lease := lab.claim():
        lab.clock.advance(seconds)
        lab.finish(lease)


def test_the_jobs_of_open_runs_are_there_with_what_they_need_and_usually_take(lab: Lab) -> None:
    train(lab, CHAIN)
    run_id = lab.run(CHAIN)
    lab.clock.advance(5)
    lease = lab.start()
    found = works()
    assert {work.run_id for work in found.values()} == {run_id}
    assert [(work.status, work.expected_s, len(work.needs)) for work in found.values()] == [
        ("running", 10, 0), ("pending", 10, 1), ("pending", 10, 1),
    ]  # fmt: skip
    assert found["a"].started_s == lab.clock.now().timestamp()
    assert found["b"].needs == (lease.job_id,)
    assert [work.path for work in found.values()] == [30, 20, 10]


def test_the_place_in_the_queue_is_that_of_the_claim(lab: Lab) -> None:
    lab.run(jobs(late="priority: -5", soon="priority: 5"))
    found = works()
    assert found["late"].order - found["soon"].order == 600
    assert found["late"].order == START.timestamp() + 300


def test_what_waits_for_a_person_or_a_group_is_held(lab: Lab) -> None:
    lab.run(jobs(blocked=""), blocked=True)
    lab.run(jobs(first="concurrency: one"))
    lab.run(jobs(second="concurrency: one"))
    lab.run("concurrency: two\n" + jobs(third=""))
    lab.run("concurrency: two\n" + jobs(fourth=""))
    held = {key for key, work in works().items() if work.held}
    assert held == {"blocked", "second", "fourth"}


def test_what_was_cancelled_or_lost_its_need_will_not_run(lab: Lab) -> None:
    lab.run(jobs(a="", b="needs: a", c="needs: [b, d]", d=""))
    lab.fail(lab.start())
    assert {key for key, work in works().items() if work.doomed} == {"c"}
    run_id = lab.run(jobs(e=""))
    lab.start()
    lab.start()
    lab.cancel(run_id)
    assert works()["e"].doomed


def test_a_limit_of_a_matrix_and_a_backoff_are_known(lab: Lab) -> None:
    lab.run(jobs(m="strategy: {max-parallel: 2, matrix: {n: [1, 2, 3]}}", r="retry: {max: 1, backoff: 60s, jitter: 0}"))
    while (lease := lab.start()) and lab.job(lease.job_id).key != "r":
        pass
    lab.fail(lease)
    found = works()
    assert (found["m"].max_parallel, found["r"].max_parallel) == (2, None)
    assert (found["r"].status, found["r"].due_s) == ("retrying", lab.clock.now().timestamp() + 60)


def test_an_attempt_that_began_late_is_not_held_against_the_usual(lab: Lab) -> None:
    train(lab, jobs(a=""))
    lab.run(jobs(a=""))
    lab.start()
    AttemptRow.update(began_at={"base": "checkpoint", "step": 3, "skip": False}).where(AttemptRow.job_id == 2).execute()
    assert works()["a"].expected_s is None


def test_the_path_of_a_run_that_is_over_is_read_from_its_rows(lab: Lab) -> None:
    run_id = lab.run(jobs(c="", a="", b="needs: a"))
    while lease := lab.claim():  # a, then c, then b
        lab.clock.advance(5)
        lab.finish(lease)
    assert path_of(run_id) == tuple(row.id for row in JobRow.select().where(JobRow.key.in_(["a", "b"])))


def test_there_is_an_engine_while_a_lease_is_good(lab: Lab) -> None:
    now_s = START.timestamp()
    assert not is_worked_on(now_s)
    lab.run(jobs(a=""))
    lab.start()
    assert is_worked_on(now_s)
    assert not is_worked_on(now_s + 3600)


@pytest.mark.parametrize(("name", "most", "left"), [("MOST_JOBS", 4, 3), ("MOST_NEEDS", 3, 0)])
def test_what_is_too_much_to_foretell_is_left_out(lab: Lab, monkeypatch, name: str, most: int, left: int) -> None:
    for query in ("_JOBS", "_NEEDS"):
        text = getattr(store_outlook, query).replace(f"LIMIT {getattr(store_outlook, name) + 1}", f"LIMIT {most + 1}")
        monkeypatch.setattr(store_outlook, query, text)
    monkeypatch.setattr(store_outlook, name, most)
    lab.run(CHAIN)
    lab.run(CHAIN)
    assert len(outlook(2, claims=True).jobs) == left


def test_an_idle_home_is_asked_one_question_of_an_index(lab: Lab) -> None:
    train(lab, CHAIN)
    plan = [row[3] for row in DATABASE.execute_sql(
        f"EXPLAIN QUERY PLAN {store_outlook._JOBS % store_outlook._OPEN_RUNS}")]  # fmt: skip
    assert outlook(2, claims=True).jobs == ()
    assert not [line for line in plan if line.startswith("SCAN")], plan
