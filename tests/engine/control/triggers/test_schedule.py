"""Schedules of default branches, on a clock that the tests set."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.control.triggers.refs import look
from engine.control.triggers.schedule import Schedule, Schedules
from engine.settings.model import RepoSettings
from tests.engine.control.post_office import NAME, PostOffice, Site, on
from tests.engine.fakes import START

HOURLY = "{schedule: [{cron: '0 * * * *'}]}"
DAILY = "{schedule: [{cron: '30 6 * * *', timezone: Asia/Tokyo}]}"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "site")


@pytest.fixture
def office(tmp_path: Path, site: Site) -> Iterator[PostOffice]:
    office = PostOffice(tmp_path / "home", RepoSettings(NAME, str(site.root)))
    yield office
    office.close()


def schedules(office: PostOffice) -> Schedules:
    """Return schedules that have read the default branch."""
    look(office.store, office.mirrors, office.settings.now.repos[0], office.repo_id(), "start", office.clock)
    found = Schedules(office.store, office.settings, office.bus, office.clock, office.mirrors)
    read = office.bus.listen("refs")
    if found.turn() is None:
        read.wait(10)
        found.turn()
    return found


def fired(office: PostOffice) -> list[str]:
    events = office.store.inbox.list()[::-1]
    return [event.fields["schedule"]["at"] for event in events if event.kind == "schedule"]


def test_a_schedule_fires_when_it_comes_due_and_not_before(office: PostOffice, site: Site) -> None:
    site.commit(nightly=on(HOURLY))
    clock = schedules(office)
    assert fired(office) == []
    assert clock.turn() == datetime(2030, 1, 2, 4, tzinfo=UTC)
    office.clock.advance(3600)  # type: ignore[attr-defined]
    clock.turn()
    clock.turn()
    assert fired(office) == ["2030-01-02T04:00:00.000Z"]
    office.settle()
    [run] = office.runs
    assert (run.event, run.priority, run.sha) == ("schedule", 0, site.head)


def test_a_long_sleep_is_caught_up_once(office: PostOffice, site: Site) -> None:
    site.commit(hourly=on(HOURLY), daily=on(DAILY))
    clock = schedules(office)
    office.clock.advance(10 * 86400)  # type: ignore[attr-defined]
    clock.turn()
    assert fired(office) == ["2030-01-11T21:30:00.000Z", "2030-01-12T03:00:00.000Z"]


def test_a_restart_fires_nothing_twice(office: PostOffice, site: Site) -> None:
    site.commit(nightly=on(HOURLY))
    first = schedules(office)
    office.clock.advance(3600)  # type: ignore[attr-defined]
    first.turn()
    schedules(office).turn()
    assert len(fired(office)) == 1


def test_a_schedule_that_is_new_has_missed_nothing(office: PostOffice, site: Site) -> None:
    site.commit(ci=on("push"))
    clock = schedules(office)
    office.clock.advance(86400)  # type: ignore[attr-defined]
    office.settled(office.push(site.commit(nightly=on(HOURLY))))
    clock.turn()
    assert fired(office) == []


def test_a_schedule_that_is_gone_fires_no_more(office: PostOffice, site: Site) -> None:
    site.commit(nightly=on(HOURLY))
    clock = schedules(office)
    office.settled(office.push(site.commit(nightly=on("push"))))
    office.clock.advance(86400)  # type: ignore[attr-defined]
    assert clock.turn() is None
    assert fired(office) == []


def test_other_branches_have_no_schedules(office: PostOffice, site: Site) -> None:
    site.commit(ci=on("push"))
    clock = schedules(office)
    sha = site.branch("feature").commit(nightly=on(HOURLY))
    office.settled(office.push(sha, "refs/heads/feature"))
    office.clock.advance(86400)  # type: ignore[attr-defined]
    clock.turn()
    assert fired(office) == []


@pytest.mark.parametrize("days", [0, 1, 40, 700])
def test_the_latest_time_is_found_however_long_ago_the_last_was(days: int) -> None:
    now = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    latest = Schedule("w.yml", "*/5 * * * *", "").latest(now - timedelta(days=days, minutes=7), now)
    assert latest == datetime(2030, 1, 2, 3, 0, tzinfo=UTC)


def test_a_rare_time_is_found_too() -> None:
    leap = Schedule("w.yml", "0 0 29 2 *", "")
    assert leap.latest(START - timedelta(days=4000), START) == datetime(2028, 2, 29, tzinfo=UTC)
    assert leap.latest(START - timedelta(days=30), START) is None
