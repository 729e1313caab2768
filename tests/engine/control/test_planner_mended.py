"""What waits because its forge says no goes on as soon as somebody has mended that, not when its time has come."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.control.sources import POLL
from engine.control.triggers.poll import Lookout
from engine.control.triggers.refs import look
from engine.settings.model import RepoSettings
from engine.store.inbox import PLANNED, RECEIVED
from tests.engine.control.post_office import NAME, PATIENCE_S, PostOffice, Site, on
from tests.engine.git.forge import GitForge


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "forge/team/site")


@pytest.fixture
def forge(tmp_path: Path, site: Site) -> Iterator[GitForge]:
    forge = GitForge(tmp_path / "forge", "right")
    yield forge
    forge.close()


def office_with(tmp_path: Path, forge: GitForge, token: str) -> PostOffice:
    return PostOffice(tmp_path / "home", RepoSettings(NAME, f"{forge.url}/team/site/.git", token=token))


def wait_long(office: PostOffice, sha: str) -> int:
    """Put in a push that is refused until its next try is minutes away."""
    event = office.push(sha)
    for _ in range(6):
        office.settle()
        office.clock.advance(160)  # type: ignore[attr-defined]
    office.settle()
    told = office.event(event)
    assert told.status == RECEIVED
    assert "/team/site/.git cannot be fetched from: the server refuses the token. See whether" in told.problem
    assert "wrong" not in told.problem
    assert told.next_try_at is not None and (told.next_try_at - office.clock.now()).total_seconds() > 60
    return event


def test_with_the_right_token_in_the_settings_it_goes_on_at_the_start(
    tmp_path: Path, site: Site, forge: GitForge
) -> None:
    sha = site.commit(ci=on("push"))
    office = office_with(tmp_path, forge, "wrong")
    event = wait_long(office, sha)
    office.close()

    office = office_with(tmp_path, forge, "right")
    office.clock.advance(1000)  # type: ignore[attr-defined]  # a clock of its own; nothing is due by it
    news = office.bus.listen("schedule")
    office.planner.start()
    assert news.wait(PATIENCE_S)
    office.planner.stop()
    assert office.event(event).status == PLANNED
    assert [run.sha for run in office.runs] == [sha]
    office.close()


def test_once_the_repository_answers_it_goes_on(tmp_path: Path, site: Site, forge: GitForge) -> None:
    sha = site.commit(ci=on("push"))
    office = office_with(tmp_path, forge, "wrong")
    event = wait_long(office, sha)
    forge.token = "wrong"  # the forge's side is mended
    look(office.store, office.mirrors, office.settings.now.repos[0], office.repo_id(), POLL, office.clock)
    assert office.settled(event).status == PLANNED
    assert office.names() == ["ci"]
    office.close()


def test_a_lookout_that_finds_the_repository_again_wakes_the_planner(
    tmp_path: Path, site: Site, forge: GitForge
) -> None:
    site.commit(ci=on("push"))
    office = office_with(tmp_path, forge, "right")
    lookout = Lookout(office.store, office.settings, office.bus, office.clock, office.mirrors)
    lookout.start()
    assert office.listener.wait(PATIENCE_S)
    lookout.stop()
    office.close()
