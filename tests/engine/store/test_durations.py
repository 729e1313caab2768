"""How long jobs usually take, learnt from what was green, and what the next run makes of it."""

from datetime import timedelta

import pytest

from engine.core.retry import Outcome
from engine.store.durations import KEPT, expected_s
from engine.store.sweep import TIMED, Sweep
from engine.store.tables.columns import DATABASE
from engine.store.tables.runs import AttemptRow, DurationRow, JobRow, RunRow
from tests.engine.fakes import FAILURE, LOST, Lab, jobs

CI = ".github/workflows/ci.yml"
CHAIN = jobs(a="", b="needs: a", c="")
MATRIX = "strategy: {matrix: {n: [1, 2]}}"


def take(lab: Lab, run_id: int, outcome: Outcome | None = None, **seconds: float) -> int:
    """Run everything of a run, each job for so many seconds, one after the other."""
    while lease := lab.claim():
        lab.clock.advance(seconds.get(lab.job(lease.job_id).key, 1))
        lab.finish(lease, outcome) if outcome else lab.finish(lease)
    return run_id


def usual(lab: Lab, name: str, key: str = "", path: str = CI) -> float | None:
    return expected_s(1, path, [(name, key or name)])[0]


def rows(run_id: int) -> dict[str, tuple[float | None, int]]:
    found = JobRow.select().where(JobRow.run_id == run_id).order_by(JobRow.id)
    return {row.name: (row.expected_s, row.remaining_path) for row in found}


def test_the_usual_is_the_median_of_the_last_green_attempts(lab: Lab) -> None:
    for seconds in (10, 100, 12):
        take(lab, lab.run(jobs(a="")), a=seconds)
    assert usual(lab, "a") == 12
    for _ in range(KEPT):
        take(lab, lab.run(jobs(a="")), a=7)
    assert usual(lab, "a") == 7
    assert DurationRow.get().seconds == [7.0] * KEPT


def test_what_was_not_green_teaches_nothing(lab: Lab) -> None:
    take(lab, lab.run(jobs(a="")), FAILURE, a=10)
    lab.run(jobs(a=""))
    lab.finish(lab.start(), LOST)
    assert usual(lab, "a") is None
    take(lab, 2, a=20)
    assert usual(lab, "a") == 20


@pytest.mark.parametrize("mark", [
    lambda: AttemptRow.update(patched=True).execute(),
    lambda: AttemptRow.update(began_at={"base": "checkpoint", "step": 2, "skip": False}).execute(),
    lambda: RunRow.update(bisect_id=1).execute(),
])  # fmt: skip
def test_what_was_no_ordinary_whole_attempt_teaches_nothing(lab: Lab, mark) -> None:
    lab.run(jobs(a=""))
    lease = lab.start()
    mark()
    lab.clock.advance(10)
    lab.finish(lease)
    assert usual(lab, "a") is None


def test_an_attempt_counts_from_its_own_claim(lab: Lab) -> None:
    lab.run(jobs(a="retry: {max: 1, backoff: 100s, jitter: 0}"))
    lab.clock.advance(50)
    lease = lab.start()
    lab.clock.advance(5)
    lab.fail(lease)
    lab.clock.advance(100)
    lab.tick()
    take(lab, 1, a=8)
    assert usual(lab, "a") == 8


def test_a_workflow_and_a_repository_know_of_their_own_jobs_alone(lab: Lab) -> None:
    take(lab, lab.run(jobs(a="")), a=10)
    take(lab, lab.run(jobs(a=""), workflow_path="other.yml"), a=99)
    assert (usual(lab, "a"), usual(lab, "a", path="other.yml")) == (10, 99)
    assert expected_s(2, CI, [("a", "a")]) == [None]


def test_a_new_member_of_a_matrix_goes_by_the_others_and_a_new_job_by_nothing(lab: Lab) -> None:
    take(lab, lab.run(jobs(m=MATRIX)), m=30)
    run_id = lab.run(jobs(m="strategy: {matrix: {n: [1, 7]}}", new=""))
    assert {name: seconds for name, (seconds, _) in rows(run_id).items()} == {"m (1)": 30, "m (7)": 30, "new": None}


def test_a_run_is_recorded_with_what_is_expected_of_it(lab: Lab) -> None:
    first = lab.run(CHAIN)
    assert rows(first) == {"a": (None, 2), "b": (None, 1), "c": (None, 1)}
    take(lab, first, a=10, b=20, c=35)
    second = lab.run(CHAIN)
    assert rows(second) == {"a": (10, 30), "b": (20, 20), "c": (35, 35)}
    assert lab.work() == ["c", "a", "b"]


def test_a_job_that_nobody_timed_weighs_as_much_as_the_median_of_the_others(lab: Lab) -> None:
    take(lab, lab.run(CHAIN), a=10, b=20, c=35)
    run_id = lab.run(jobs(a="", b="needs: a", c="", d="needs: b"))
    assert rows(run_id) == {"a": (10, 50), "b": (20, 40), "c": (35, 35), "d": (None, 20)}


def test_a_matrix_that_is_settled_late_is_expected_to_take_what_it_took_before(lab: Lab) -> None:
    late = """on: push
jobs:
  a: {runs-on: x, outputs: {l: '[1, 2]'}, steps: [{run: 'true'}]}
  m: {runs-on: x, needs: a, strategy: {matrix: {n: '${{ fromJSON(needs.a.outputs.l) }}'}}, steps: [{run: 'true'}]}
  z: {runs-on: x, needs: m, steps: [{run: 'true'}]}
"""

    def run() -> int:
        run_id = lab.run(late)
        lease = lab.start()
        lab.clock.advance(5)
        lab.finish(lease, outputs={"l": "[1, 2]"})
        return run_id

    first = run()
    assert rows(first) == {"a": (None, 3), "m (1)": (None, 2), "m (2)": (None, 2), "z": (None, 1)}
    take(lab, first, m=30, z=7)
    second = run()
    assert rows(second) == {"a": (5, 42), "m (1)": (30, 37), "m (2)": (30, 37), "z": (7, 7)}


def test_the_jobs_of_a_called_workflow_have_behind_them_what_follows_on_the_call(lab: Lab) -> None:
    called = "on: workflow_call\njobs:\n  x: {runs-on: x, steps: [{run: 'true'}]}\n"
    files = {".github/workflows/called.yml": called}
    call, after = "c: {uses: ./.github/workflows/called.yml}", "z: {runs-on: x, needs: c, steps: [{run: 'true'}]}"
    text = f"on: push\njobs:\n  {call}\n  {after}\n"
    take(lab, lab.run(text, files=files), **{"c/x": 20, "z": 5})
    assert rows(lab.run(text, files=files)) == {"c": (None, 25), "c / x": (20, 25), "z": (5, 5)}


def test_what_was_learnt_outlasts_its_runs_but_not_for_ever(lab: Lab) -> None:
    take(lab, lab.run(jobs(a="")), a=10)
    for table in (RunRow, JobRow, AttemptRow):
        table.delete().execute()
    sweep = Sweep(lab.store.database)
    assert list(sweep.durations(lab.clock.now() + TIMED)) == []
    assert usual(lab, "a") == 10
    assert list(sweep.durations(lab.clock.now() + TIMED + timedelta(seconds=1))) == [1]
    assert usual(lab, "a") is None


def test_what_is_expected_is_looked_up_by_keys_alone(lab: Lab, monkeypatch) -> None:
    """Every step of every plan is a search of an index, whatever lies in the tables."""
    database, asked = DATABASE.obj, []
    execute = database.execute_sql
    monkeypatch.setattr(database, "execute_sql", lambda sql, *more: asked.append((sql, more)) or execute(sql, *more))
    expected_s(1, CI, [("a", "a"), ("b", "b")])
    monkeypatch.undo()
    plans = [row[3] for sql, more in asked for row in execute(f"EXPLAIN QUERY PLAN {sql}", *more)]
    assert plans and all(line.startswith("SEARCH") for line in plans), plans
