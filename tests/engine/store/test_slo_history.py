"""How promises were kept over time: every event and job in the piece of time that it belongs to, from real rows."""

import pytest

from engine.core.slo import Spread
from engine.core.slo_history import BUCKET_S, place_of, places
from engine.settings.model import Slo
from engine.store.slo_history import SloHistorian, slo_history
from engine.store.tables.columns import DATABASE
from engine.store.tables.runs import JobRow, RunRow
from tests.engine.fakes import FAILURE, START, Lab, jobs


@pytest.fixture
def lab(tmp_path):
    lab = Lab(tmp_path / "home")
    yield lab
    lab.close()


def event(lab: Lab, delivery: str) -> int:
    repo = lab.store.runs.repo("team/site", "/srv/site")
    return lab.store.runs.event(repo, delivery, "push", {}, lab.clock.now())[0]


def run(lab: Lab, delivery: str, wait_s: float, outcome=None) -> int:
    made = lab.run(jobs(a=""), event_id=event(lab, delivery))
    lab.clock.advance(wait_s)
    lease = lab.start()
    lab.finish(lease, outcome) if outcome else lab.finish(lease)
    return made


def told(history):
    """Return what happened in which bucket, counted from the last: 0, -1, …"""
    last = len(history.buckets) - 1
    return {
        place - last: (one.trigger.count, one.succeeded, one.failed_by_code)
        for place, one in enumerate(history.buckets)
        if one.trigger.count or one.ended
    }


@pytest.mark.parametrize("window", BUCKET_S)
def test_a_window_ends_in_the_bucket_that_now_is_in_and_has_equal_pieces(window):
    numbers = places(window, START)
    assert numbers[-1] * BUCKET_S[window] <= START.timestamp() < (numbers[-1] + 1) * BUCKET_S[window]
    assert 60 <= len(numbers) <= 84
    assert place_of(window, numbers[0] * BUCKET_S[window]) == numbers[0]


def test_each_event_and_job_is_in_the_bucket_of_its_time(lab):
    run(lab, "1", 3.0)
    lab.clock.advance(120)
    run(lab, "2", 7.0, FAILURE)
    history = slo_history(Slo(), "1h", lab.clock.now())
    assert told(history) == {-2: (1, 1, 0), 0: (1, 0, 1)}
    assert history.buckets[-1].trigger == Spread(1, 7.0, 7.0, 7.0)
    assert history.buckets[0].at < history.buckets[-1].at <= history.at


def test_what_is_older_than_the_window_is_not_told(lab):
    run(lab, "1", 3.0)
    lab.clock.advance(3600 + 60)
    assert told(slo_history(Slo(), "1h", lab.clock.now())) == {}
    assert sum(one.ended for one in slo_history(Slo(), "24h", lab.clock.now()).buckets) == 1


def test_a_job_that_begins_again_leaves_the_bucket_in_which_it_had_failed(lab):
    historian = SloHistorian(Slo)
    made = run(lab, "1", 1.0, FAILURE)
    lab.clock.advance(300)
    assert told(historian.history("1h", lab.clock.now())) == {-5: (1, 0, 1)}
    lab.retry(made, "a")
    lab.finish(lab.start())
    lab.clock.advance(5)
    assert told(historian.history("1h", lab.clock.now())) == {-5: (1, 0, 0), 0: (0, 1, 0)}


def test_what_one_historian_remembers_is_what_another_works_out_afresh(lab):
    historian = SloHistorian(Slo)
    for number in range(12):
        run(lab, str(number), float(number), FAILURE if number % 3 == 0 else None)
        lab.clock.advance(40)
        for window in BUCKET_S:
            kept = historian.history(window, lab.clock.now())
            assert kept.buckets == slo_history(Slo(), window, kept.at).buckets


def test_a_bucket_that_is_over_is_not_read_again(lab, monkeypatch):
    historian = SloHistorian(Slo)
    run(lab, "1", 3.0)
    lab.clock.advance(600)
    before = historian.history("1h", lab.clock.now())
    lab.clock.advance(10)
    asked = []
    execute = DATABASE.obj.execute_sql
    monkeypatch.setattr(DATABASE.obj, "execute_sql", lambda *args, **more: asked.append(args) or execute(*args, **more))
    assert historian.history("1h", lab.clock.now()).buckets[:-1] == before.buckets[:-1]
    since = [value for sql, values, *_ in asked for value in values if isinstance(value, float) and value > 1e9]
    assert asked and min(since) >= lab.clock.now().timestamp() - 180


def test_a_patched_job_is_no_success_and_a_bisection_counts_neither_way(lab):
    patched, trial, _ = (run(lab, str(n), 3.0) for n in range(3))
    JobRow.update(patched=True).where(JobRow.run_id == patched).execute()
    RunRow.update(bisect_id=1).where(RunRow.id == trial).execute()
    assert told(slo_history(Slo(), "1h", lab.clock.now())) == {0: (2, 1, 1)}
