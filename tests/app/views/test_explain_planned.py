"""An event that was planned tells the files that Git found, and the pattern that decided over each workflow."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.views.explain import explain_event, explain_run
from engine.settings.model import RepoSettings
from tests.engine.control.post_office import NAME, PostOffice, Site, on


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "site")


@pytest.fixture
def office(tmp_path: Path, site: Site) -> Iterator[PostOffice]:
    office = PostOffice(tmp_path / "home", RepoSettings(NAME, str(site.root)))
    yield office
    office.close()


def test_the_files_are_those_that_the_filters_looked_at(office: PostOffice, site: Site) -> None:
    one = site.commit(ci=on("{push: {paths: ['src/**']}}"), docs=on("{push: {paths: ['**.md', '!x.md']}}"))
    two = site.commit(docs__md="2", x__md="1")
    event = office.settled(office.push(two, before=one))
    told = explain_event(office.store, office.settings.now, event.id)
    assert told is not None
    assert told["changed_files"] == ["docs.md", "x.md"]
    assert {work["path"].rpartition("/")[2]: (work["reason"], len(work["runs"])) for work in told["workflows"]} == {
        "ci.yml": ("paths does not match any of the 2 changed files: docs.md, x.md", 0),
        "docs.yml": ("push: paths has '**.md' for docs.md", 1),
    }
    run = explain_run(office.store, office.settings.now, office.runs[0].id)
    assert run is not None
    assert run["event"]["verdict"] == "push: paths has '**.md' for docs.md"
    assert run["event"]["changed_files"] == ["docs.md", "x.md"]
