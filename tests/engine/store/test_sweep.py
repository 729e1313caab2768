"""What is removed from a home by and by, and what is not."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from engine.core.records import Run
from engine.store import sweep
from engine.store.commits import KnownCommit
from engine.store.inbox import Arrival, InboxEvent, Outcome
from engine.store.outbox import NewLetter
from engine.store.store import Store, open_store
from engine.store.sweep import BATCH, KEPT, REDELIVERED, Sweep
from tests.engine.fakes import START, Lab, jobs

NOW = START + timedelta(days=365)
OLD, YOUNG = NOW - KEPT - timedelta(seconds=1), NOW - KEPT + timedelta(seconds=1)
SAID = {"event": {"payload": "much"}}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path, create=True)
    yield store
    store.close()


def accept(store: Store, *deliveries: str, at: datetime = OLD) -> list[int]:
    repo_id = store.runs.repo("team/site", "")
    return [event_id for event_id, _ in store.inbox.accept([arrival(repo_id, one) for one in deliveries], at)]


def arrival(repo_id: int, delivery: str) -> Arrival:
    return Arrival(repo_id, delivery, "push", "github", SAID)


def settle(store: Store, *event_ids: int) -> None:
    store.inbox.settle({event_id: Outcome(verdicts={"ci.yml": "no"}) for event_id in event_ids}, OLD)


def events(store: Store) -> dict[str, InboxEvent]:
    return {event.delivery: event for event in store.inbox.list(limit=1000)}


def swept(steps: Iterator[int]) -> Sequence[int]:
    return list(steps)


def test_an_old_event_that_started_nothing_is_forgotten(store: Store) -> None:
    settle(store, *accept(store, "old"), *accept(store, "young", at=YOUNG))
    swept(Sweep(store.database).events(NOW))
    assert set(events(store)) == {"young"}
    assert events(store)["young"].fields == SAID


def test_an_old_event_that_started_runs_stays_without_what_it_said(lab: Lab) -> None:
    store = lab.store
    event_id, _ = accept(store, "old", "newest")
    settle(store, event_id)
    run: Run = store.queries.run(lab.run(jobs(a=""), event_id=event_id))
    swept(Sweep(store.database).events(NOW))
    event = events(store)["old"]
    assert (event.fields, event.verdicts, event.source) == ({}, {"ci.yml": "no"}, "github")
    assert [one.id for one in store.queries.runs(event=event_id)] == [run.id]
    assert not store.inbox.replay(event_id), "there is nothing left to plan from"
    assert events(store)["old"].status == "planned"
    assert not swept(Sweep(store.database).events(NOW)), "it is looked at once"


def test_an_event_that_waits_is_kept_however_old_it_is(store: Store) -> None:
    waiting, replayed, _ = accept(store, "waiting", "replayed", "newest")
    settle(store, replayed)
    assert store.inbox.replay(replayed)
    store.inbox.postponed(waiting, "its forge is down", NOW)
    swept(Sweep(store.database).events(NOW))
    assert {event.fields["event"]["payload"] for event in events(store).values()} == {"much"}


def test_beyond_the_newest_what_was_said_is_emptied_and_the_delivery_is_known_for_a_week(store: Store) -> None:
    settle(store, *accept(store, "week", at=NOW - REDELIVERED - timedelta(seconds=1)))
    settle(store, *accept(store, "one", "two", "three", at=NOW - REDELIVERED + timedelta(seconds=1)))
    swept(Sweep(store.database).events(NOW, most=2))
    assert {name: bool(event.fields) for name, event in events(store).items()} == {
        "one": False, "two": True, "three": True,
    }  # fmt: skip
    [(_, new)] = store.inbox.accept([arrival(store.runs.repo("team/site", ""), "one")], NOW)
    assert not new, "a redelivery starts nothing again"


def test_an_id_is_never_given_twice(store: Store) -> None:
    [*_, newest] = accept(store, "one", "two")
    settle(store, newest - 1, newest)
    swept(Sweep(store.database).events(NOW))
    [event_id] = accept(store, "three", at=NOW)
    assert event_id == newest + 1


def test_every_step_is_small_so_that_writers_need_not_wait(store: Store) -> None:
    settle(store, *accept(store, *(str(number) for number in range(2 * BATCH + 51))))
    assert swept(Sweep(store.database).events(NOW)) == [BATCH, BATCH, 50]
    assert not swept(Sweep(store.database).events(NOW))


def test_letters_that_were_said_are_removed_after_a_time_and_beyond_a_number(store: Store) -> None:
    lane = (NewLetter("https://forge", f"lane {number}", "status", 1, {}) for number in range(7))
    store.outbox.add(list(lane), OLD)
    letters = store.outbox.due("https://forge", NOW)
    store.outbox.sent(letters[0].id, OLD)
    store.outbox.given_up(letters[1].id, "gone for good", OLD)
    for number, letter in enumerate(letters[2:6]):
        store.outbox.given_up(letter.id, f"problem {number}", YOUNG + timedelta(seconds=number))
    assert swept(Sweep(store.database).letters(NOW, most=3)) == [2, 1]
    kept = store.database.rows("SELECT problem FROM outbox WHERE sent_at IS NOT NULL ORDER BY id")
    assert [problem for (problem,) in kept] == [f"problem {number}" for number in (1, 2, 3)]
    assert [letter.id for letter in store.outbox.due("https://forge", NOW)] == [letters[6].id], (
        "that has yet to be said"
    )


def test_old_commits_are_forgotten_but_where_a_ref_stands(store: Store) -> None:
    for number, at in enumerate((OLD, OLD, YOUNG)):
        commit = KnownCommit(f"{number}" * 40, "t", (), "Ada", "ada@example.com", "One", at, "refs/heads/main", {})
        store.commits.keep(1, commit)
    store.refs.found(1, {"refs/heads/old": "1" * 40})
    assert swept(Sweep(store.database).commits(NOW)) == [1]
    assert [bool(store.commits.get(1, f"{number}" * 40)) for number in range(3)] == [False, True, True]


def test_commits_are_swept_in_steps_too(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "_OLD_COMMITS", sweep._OLD_COMMITS.replace(f"LIMIT {BATCH}", "LIMIT 2"))
    for number in range(5):
        commit = KnownCommit(f"{number}" * 40, "t", (), "Ada", "ada@example.com", "One", OLD, "refs/heads/main", {})
        store.commits.keep(number % 2, commit)
    assert swept(Sweep(store.database).commits(NOW)) == [2, 2, 1]
