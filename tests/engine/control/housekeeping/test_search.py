"""Logs become searchable after their job has ended; what is lost of the index is made anew."""

import pytest

from engine.control.housekeeping import search
from engine.control.housekeeping.search import SearchRoutine, catch_up
from engine.store.logs.search import SearchIndex, Where
from engine.store.logs.words import Words
from tests.engine.fakes import Lab, jobs


@pytest.fixture
def index(lab: Lab) -> SearchIndex:
    return SearchIndex(lab.store.home)


def routine(lab: Lab, limit: int = 1 << 30) -> SearchRoutine:
    return SearchRoutine(lab.store, lab.bus, lab.clock, limit)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.control.housekeeping.search.GATHER_S", 0)


def say(lab: Lab, run: int, text: str, attempt: int = 1) -> None:
    path = lab.store.log_path(run, lab.named(run, "a").id, attempt)
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.with_suffix(".idx").touch()


def found(index: SearchIndex, text: str) -> list[tuple[int, int, str]]:
    hits = index.search(Words([text]), Where(), 100).hits
    return [(hit.log.run_id, hit.log.attempt, hit.log.status) for hit in hits]


def test_each_attempt_is_known_once_it_has_ended(lab: Lab, index: SearchIndex) -> None:
    run = lab.run(jobs(a=""))
    lease = lab.start()
    say(lab, run, "the needle\n")
    routine(lab).turn()
    assert found(index, "needle") == []
    lab.fail(lease)
    routine(lab).turn()
    assert found(index, "needle") == [(run, 1, "failed")]
    lab.retry(run, "a")
    say(lab, run, "no needle\n", 2)
    lab.work()
    routine(lab).turn()
    assert found(index, "needle") == [(run, 2, "success"), (run, 1, "failed")]


def test_many_are_taken_page_by_page(lab: Lab, index: SearchIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(7):
        say(lab, lab.run(jobs(a="")), "needle\n")
        lab.work()
    monkeypatch.setattr(search, "PAGE", 3)
    routine(lab).turn()
    assert len(found(index, "needle")) == 7


def test_a_damaged_index_is_made_anew(lab: Lab, index: SearchIndex, caplog: pytest.LogCaptureFixture) -> None:
    run = lab.run(jobs(a=""))
    say(lab, run, "needle\n")
    lab.work()
    index.path.write_bytes(b"no database at all, and long enough to be looked at" * 100)
    searching = routine(lab)
    searching.turn()
    assert "is damaged" in caplog.text
    searching.turn()
    assert found(index, "needle") == [(run, 1, "success")]


def test_without_room_for_an_index_there_is_none(lab: Lab, index: SearchIndex) -> None:
    say(lab, lab.run(jobs(a="")), "needle\n")
    lab.work()
    routine(lab).turn()
    assert index.path.exists()
    routine(lab, 0).turn()
    assert not index.path.exists()


def test_who_asks_right_after_the_end_has_the_index_catch_up_itself(lab: Lab, index: SearchIndex) -> None:
    for _ in range(7):
        say(lab, lab.run(jobs(a="")), "needle\n")
        lab.work()
    assert not catch_up(lab.store, 1 << 30, lab.clock, -1)
    assert catch_up(lab.store, 1 << 30, lab.clock, 5)
    assert len(found(index, "needle")) == 7
    index.path.write_bytes(b"no database at all, and long enough to be looked at" * 100)
    assert catch_up(lab.store, 1 << 30, lab.clock, 5)
    assert len(found(index, "needle")) == 7


def test_an_index_that_another_process_writes_is_asked_as_it_is(
    lab: Lab, index: SearchIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.store.logs.search.BUSY_S", 0.01)
    say(lab, lab.run(jobs(a="")), "needle\n")
    lab.work()
    assert catch_up(lab.store, 1 << 30, lab.clock, 5)
    say(lab, lab.run(jobs(a="")), "needle\n")
    lab.work()
    with index._write():
        assert not catch_up(lab.store, 1 << 30, lab.clock, 5)
