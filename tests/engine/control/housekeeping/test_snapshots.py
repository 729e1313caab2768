"""When snapshots are taken and which stay: rules as functions, and the routine on a clock that the tests set."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.control.housekeeping.snapshots import AGAIN, EARLY, SnapshotRoutine, due_at, prune, thinned
from engine.settings.live import LiveSettings
from engine.settings.model import Retention, Settings, SnapshotRetention
from engine.store.copies.snapshots import HAND, SCHEDULE, Snapshot, Snapshots
from tests.engine.fakes import START, Lab

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ALL = SnapshotRetention()


def taken(at: datetime, kind: str = SCHEDULE) -> Snapshot:
    return Snapshot(at.isoformat(), kind, at, "d", "l", 0, 1, 0, 0, 0, 0, 0)


def test_the_first_is_due_at_once() -> None:
    assert due_at([], ALL, START) == START


def test_none_is_due_where_none_is_kept() -> None:
    assert due_at([], SnapshotRetention(0, 0, 0), START) is None


@pytest.mark.parametrize(
    ("rules", "period"),
    [
        (SnapshotRetention(24, 7, 4), HOUR),
        (SnapshotRetention(24, 0, 0), HOUR),
        (SnapshotRetention(0, 7, 4), DAY),
        (SnapshotRetention(0, 0, 4), 7 * DAY),
    ],
)
def test_the_shortest_time_of_which_any_are_kept_is_the_period(rules: SnapshotRetention, period: timedelta) -> None:
    assert due_at([taken(START)], rules, START + 30 * DAY) == START + period - EARLY


def test_one_that_a_person_took_changes_no_schedule() -> None:
    assert due_at([taken(START + HOUR / 2, HAND), taken(START)], ALL, START) == START + HOUR - EARLY


def test_a_month_of_hours_leaves_the_last_of_hours_days_and_weeks() -> None:
    snapshots: list[Snapshot] = []
    at = START
    while at < START + 28 * DAY:
        at = due_at(snapshots, ALL, at) or at
        snapshots.append(taken(at))
        snapshots = [one for one in snapshots if one not in thinned(snapshots, ALL)]
    assert 24 + 5 + 2 <= len(snapshots) <= 24 + 7 + 4  # one may be the newest of its hour, day and week at once
    assert sum(one.created_at > at - DAY for one in snapshots) >= 24
    assert min(one.created_at for one in snapshots) <= at - 14 * DAY


def test_of_each_hour_day_and_week_the_newest_stays() -> None:
    monday = datetime(2030, 1, 7, tzinfo=UTC)
    every = [taken(monday + timedelta(minutes=30 * number)) for number in range(2 * 24 * 21)]
    kept = [one for one in every if one not in thinned(every, SnapshotRetention(2, 2, 2))]
    assert [one.created_at for one in kept] == [
        monday + 14 * DAY - timedelta(minutes=30),  # a week's newest
        monday + 20 * DAY - timedelta(minutes=30),  # a day's newest
        monday + 21 * DAY - timedelta(minutes=90),  # an hour's
        monday + 21 * DAY - timedelta(minutes=30),
    ]


def test_what_a_person_took_stays() -> None:
    old = taken(START - 1000 * DAY, HAND)
    assert thinned([old, taken(START)], SnapshotRetention(0, 0, 0)) == [taken(START)]


@pytest.fixture
def routine(lab: Lab) -> SnapshotRoutine:
    live = LiveSettings(Settings(home=lab.store.home, retention=Retention(snapshots=SnapshotRetention(2, 0, 0))))
    return SnapshotRoutine(lab.store, live, lab.bus, lab.clock, Snapshots(lab.store.home))


def test_it_takes_one_an_hour_and_lets_the_old_go(lab: Lab, routine: SnapshotRoutine) -> None:
    snapshots = Snapshots(lab.store.home)
    for _ in range(4):
        due = routine.turn()
        assert due is not None and routine.turn() == due, "once"
        lab.clock.advance((due - lab.clock.now()).total_seconds())
    kept = snapshots.list()
    assert len(kept) == 2
    assert kept[0].database == kept[1].database
    assert prune(snapshots, SnapshotRetention(1, 0, 0)) == [kept[1]]


def test_a_write_of_another_connection_is_in_the_next(lab: Lab, routine: SnapshotRoutine, tmp_path: Path) -> None:
    import subprocess
    import sys

    routine.turn()
    lab.clock.advance(3600)
    other = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute(\"INSERT INTO repo(name, path, url) VALUES('n', '', '')\"); db.commit()"  # noqa: E501
    subprocess.run([sys.executable, "-c", other, str(lab.store.home / "treadle.db")], check=True)
    routine.turn()
    new, old = Snapshots(lab.store.home).list()
    assert new.database != old.database


def test_one_that_cannot_be_taken_is_told_and_tried_again_later(
    lab: Lab, routine: SnapshotRoutine, caplog: pytest.LogCaptureFixture
) -> None:
    blobs = lab.store.home / "artifacts" / "partial"
    blobs.rmdir()
    blobs.write_text("in the way")
    assert routine.turn() == lab.clock.now() + AGAIN
    assert "No snapshot was taken" in caplog.text
    blobs.unlink()
    blobs.mkdir()
    assert routine.turn() == lab.clock.now() + AGAIN
    lab.clock.advance(AGAIN.total_seconds())
    routine.turn()
    assert len(Snapshots(lab.store.home).list()) == 1
