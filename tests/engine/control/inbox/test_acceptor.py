"""The laws of taking events in: on disk before anybody is told, each once, in order, within the backlog's limit."""

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine.bus import Bus
from engine.control.inbox.acceptor import Acceptor, BacklogFull, Draining
from engine.core.clock import SystemClock
from engine.store.inbox import Arrival, Outcome
from tests.engine.fakes import FakeClock, Lab

LIMIT = 8


@pytest.fixture
def acceptor(lab: Lab) -> Iterator[Acceptor]:
    lab.store.runs.repo("team/site", "")
    acceptor = Acceptor(lab.store, lab.bus, lab.clock, LIMIT)
    acceptor.start()
    yield acceptor
    acceptor.stop()


def arrival(delivery: str, repo_id: int = 1) -> Arrival:
    return Arrival(repo_id, delivery, "push", "github", {"event": {"forge": "github"}})


def test_what_is_acknowledged_is_on_disk(acceptor: Acceptor, lab: Lab) -> None:
    accepted = acceptor.submit(arrival("d1")).result(30)
    with sqlite3.connect(lab.store.home / "treadle.db") as other:
        assert other.execute("select id, delivery, status from event").fetchall() == [
            (accepted.event_id, "d1", "received")
        ]


def test_a_redelivery_is_the_same_event(acceptor: Acceptor) -> None:
    futures = [acceptor.submit(arrival(name)) for name in ("d1", "d2", "d1", "d1")]
    first, second, again, once_more = [future.result(30) for future in futures]
    assert first.new and second.new and not again.new and not once_more.new
    assert first.event_id == again.event_id == once_more.event_id != second.event_id
    assert not acceptor.submit(arrival("d2")).result(30).new


def test_the_same_delivery_to_two_repositories_are_two_events(acceptor: Acceptor) -> None:
    one, other = acceptor.submit(arrival("d1", 1)).result(30), acceptor.submit(arrival("d1", 2)).result(30)
    assert one.new and other.new and one.event_id != other.event_id


def test_events_keep_the_order_in_which_they_came(acceptor: Acceptor) -> None:
    futures = [acceptor.submit(arrival(f"d{n}")) for n in range(LIMIT)]
    ids = [future.result(30).event_id for future in futures]
    assert ids == sorted(ids)


def test_a_new_event_wakes_the_planner_and_a_redelivery_does_not(acceptor: Acceptor, lab: Lab) -> None:
    listener = lab.bus.listen("inbox")
    acceptor.submit(arrival("d1")).result(30)
    assert listener.wait(30)
    acceptor.submit(arrival("d1")).result(30)
    assert not listener.wait(0)


def test_a_full_backlog_refuses_until_something_is_planned(acceptor: Acceptor, lab: Lab) -> None:
    ids = [acceptor.submit(arrival(f"d{n}")).result(30).event_id for n in range(LIMIT)]
    with pytest.raises(BacklogFull):
        acceptor.submit(arrival("more"))
    lab.store.inbox.settle({ids[0]: Outcome()}, lab.clock.now())
    assert any(_taken(acceptor, lab) for _ in range(500)), "the room in the backlog was never seen"
    with pytest.raises(BacklogFull):
        acceptor.submit(arrival("yet more"))


def _taken(acceptor: Acceptor, lab: Lab) -> bool:
    lab.clock.advance(1)
    try:
        return acceptor.submit(arrival("more")).result(30).new
    except BacklogFull:
        threading.Event().wait(0.01)  # what waits is counted on the acceptor's own thread
        return False


def test_a_count_that_fails_does_not_end_the_acceptor(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.store.runs.repo("team/site", "")
    acceptor = Acceptor(lab.store, lab.bus, lab.clock, 1)
    acceptor.start()
    acceptor.submit(arrival("d1")).result(30)
    counted = threading.Event()

    def backlog() -> int:
        counted.set()
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(lab.store.inbox, "backlog", backlog)
    lab.clock.advance(1)
    with pytest.raises(BacklogFull):
        acceptor.submit(arrival("d2"))
    assert counted.wait(30)
    monkeypatch.undo()
    lab.clock.advance(1)
    lab.store.inbox.settle({1: Outcome("done")}, lab.clock.now())
    assert any(_taken(acceptor, lab) for _ in range(500)), "nothing was taken any more"
    acceptor.stop()


def test_what_waited_before_the_start_counts(lab: Lab) -> None:
    lab.store.runs.repo("team/site", "")
    lab.store.inbox.accept([arrival(f"d{n}") for n in range(LIMIT)], lab.clock.now())
    acceptor = Acceptor(lab.store, lab.bus, lab.clock, LIMIT)
    acceptor.start()
    with pytest.raises(BacklogFull):
        acceptor.submit(arrival("more"))
    acceptor.stop()


def test_stopping_writes_what_was_submitted_and_takes_nothing_more(lab: Lab) -> None:
    lab.store.runs.repo("team/site", "")
    acceptor = Acceptor(lab.store, lab.bus, lab.clock, LIMIT)
    futures = [acceptor.submit(arrival(f"d{n}")) for n in range(3)]
    acceptor.start()
    acceptor.stop()
    assert all(future.result(0).new for future in futures)
    with pytest.raises(Draining):
        acceptor.submit(arrival("late"))


def test_many_threads_get_one_event_each(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "home")
    lab.store.runs.repo("team/site", "")
    acceptor = Acceptor(lab.store, Bus(), FakeClock(), 1000)
    acceptor.start()

    def deliver(number: int) -> int:
        return acceptor.submit(arrival(f"d{number % 100}")).result(30).event_id

    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(deliver, range(300)))
    acceptor.stop()
    assert len(set(ids)) == 100 == lab.store.inbox.backlog()
    assert ids[:100] == ids[100:200] == ids[200:]
    lab.close()


def test_events_that_cannot_be_written_are_refused_not_lost(lab: Lab) -> None:
    lab.store.runs.repo("team/site", "")
    acceptor = Acceptor(lab.store, lab.bus, lab.clock, LIMIT)
    acceptor.start()
    bad = Arrival(1, "d1", "push", "github", {"event": object()})
    with pytest.raises(TypeError):
        acceptor.submit(bad).result(30)
    assert acceptor.submit(arrival("d2")).result(30).new
    acceptor.stop()


def test_who_plans_gives_way_to_a_storm_and_to_nothing_else(lab: Lab) -> None:
    lab.store.runs.repo("team/site", "")
    acceptor = Acceptor(lab.store, lab.bus, lab.clock, LIMIT)
    futures = [acceptor.submit(arrival(f"d{n}")) for n in range(5)]
    acceptor.start()
    assert all(future.result(30).new for future in futures)
    clock, waited = SystemClock(), []
    for seconds in (0, 60):
        lab.clock.advance(seconds)
        begun = clock.monotonic_s()
        acceptor.calm(0.02)
        waited.append(clock.monotonic_s() - begun >= 0.02)
    acceptor.stop()
    assert waited == [True, False]
