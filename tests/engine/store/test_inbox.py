"""The inbox keeps every event once, in order within its repository, and fair between repositories."""

from datetime import timedelta

import pytest

from engine.core.clock import SystemClock
from engine.store.inbox import Arrival, Outcome
from engine.store.store import Store, open_store


@pytest.fixture
def store(tmp_path):
    opened = open_store(tmp_path / "home", create=True)
    yield opened
    opened.close()


def _accept(store: Store, repo: str, *deliveries: str) -> list[tuple[int, bool]]:
    repo_id = store.runs.repo(repo, "/nowhere")
    arrivals = [Arrival(repo_id, delivery, "push", "github", {"n": delivery}) for delivery in deliveries]
    return store.inbox.accept(arrivals, SystemClock().now())


def test_a_delivery_that_comes_twice_is_one_event(store: Store) -> None:
    first = _accept(store, "a/b", "one", "two", "one")
    again = _accept(store, "a/b", "two")
    assert [new for _, new in first] == [True, True, False]
    assert first[0][0] == first[2][0]
    assert again == [(first[1][0], False)]
    assert store.inbox.backlog() == 2


def test_the_same_delivery_id_in_two_repositories_is_two_events(store: Store) -> None:
    (one, _), (two, new) = _accept(store, "a/b", "same")[0], _accept(store, "c/d", "same")[0]
    assert new
    assert one != two


def test_events_of_a_repository_come_in_their_order_and_repositories_take_turns(store: Store) -> None:
    _accept(store, "storm/a", *(f"s{number}" for number in range(10)))
    _accept(store, "calm/b", "c0", "c1")
    due = [(event.repo, event.delivery) for event in store.inbox.due(SystemClock().now(), limit=6)]
    assert due == [
        ("storm/a", "s0"), ("calm/b", "c0"), ("storm/a", "s1"), ("calm/b", "c1"), ("storm/a", "s2"),
    ]  # fmt: skip


def test_behind_an_event_that_waits_its_repository_waits_and_no_other(store: Store) -> None:
    now = SystemClock().now()
    [(first, _), _] = _accept(store, "a/b", "one", "two")
    _accept(store, "c/d", "three")
    store.inbox.postponed(first, "the forge is down", now + timedelta(minutes=1))
    assert [event.delivery for event in store.inbox.due(now)] == ["three"]
    later = now + timedelta(minutes=2)
    assert [event.delivery for event in store.inbox.due(later)] == ["one", "three", "two"]
    assert store.inbox.due(later)[0].problem == "the forge is down"


def test_what_is_settled_is_not_due_again_until_it_is_replayed(store: Store) -> None:
    now = SystemClock().now()
    [(one, _), (two, _)] = _accept(store, "a/b", "one", "two")
    store.inbox.settle({one: Outcome(verdicts={"ci.yml": "runs"}), two: Outcome("no such repository")}, now)
    assert store.inbox.due(now) == []
    assert store.inbox.backlog() == 0
    assert store.inbox.replay(two)
    assert [event.delivery for event in store.inbox.due(now)] == ["two"]
