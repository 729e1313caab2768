"""The laws of runs that call workflows: pinned by what they call, refused with a word when that cannot be had."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.settings.model import RepoSettings
from engine.store.inbox import PLANNED, RECEIVED
from tests.engine.control.post_office import NAME, STEPS, PostOffice, Site, on

SHARED = ".github/workflows/shared.yml"
CALLED = on("workflow_call")
CALL = on("push", call="{uses: %s}")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "site")


@pytest.fixture
def shared(tmp_path: Path) -> Site:
    shared = Site(tmp_path / "shared")
    shared.commit("One", shared=CALLED)
    shared.git("tag", "v1")
    return shared


@pytest.fixture
def opens(tmp_path: Path, site: Site) -> Iterator[Callable[..., PostOffice]]:
    opened: list[PostOffice] = []

    def open_office(**more) -> PostOffice:
        office = PostOffice(tmp_path / "home", RepoSettings(NAME, url=str(site.root), vars={"WHO": "site"}))
        office.settings._now = replace(office.settings.now, **more) if more else office.settings.now
        opened.append(office)
        return office

    yield open_office
    for office in opened:
        office.close()


def keys(office: PostOffice) -> list[str]:
    return [job.key for run in office.runs for job in office.store.queries.jobs(run.id)]


def test_a_file_of_the_same_commit_is_called(opens, site: Site) -> None:
    office = opens()
    sha = site.commit(ci=CALL % "./.github/workflows/inner.yml", inner=CALLED)
    assert office.settled(office.push(sha)).status == PLANNED
    assert keys(office) == ["call", "call/a"]
    site.commit(inner=on("workflow_call", other=STEPS))
    facts = office.store.queries.facts(office.store.queries.jobs(office.runs[0].id)[1].id)
    assert list(office.store.definitions.workflow(facts.definition).jobs) == ["a"]


def test_a_file_of_another_repository_is_fetched_and_pinned(opens, site: Site, shared: Site) -> None:
    office = opens(actions={"acme/ci": str(shared.root)})
    first = shared.head
    sha = site.commit(ci=CALL % f"acme/ci/{SHARED}@v1")
    assert office.settled(office.push(sha)).verdicts == {".github/workflows/ci.yml": "push, without a filter"}
    [job] = office.store.queries.jobs(office.runs[0].id)[1:]
    facts = office.store.queries.facts(job.id)
    assert facts.calls[f"acme/ci/{SHARED}@v1"]["sha"] == first
    shared.commit("Two", shared=on("workflow_call", other=STEPS))
    shared.git("tag", "-f", "v1")
    assert list(office.store.definitions.workflow(office.store.queries.facts(job.id).definition).jobs) == ["a"]
    office.settled(office.push(site.commit("Again"), before=sha))
    assert keys(office)[2:] == ["call", "call/other"]  # a new run asks anew


@pytest.mark.parametrize(
    ("uses", "words"),
    [
        (f"acme/ci/{SHARED}@v9", "no branch or tag v9"),
        ("acme/ci/.github/workflows/none.yml@v1", "there is no workflow .github/workflows/none.yml in acme/ci@v1"),
    ],
)
def test_what_cannot_be_called_is_the_workflows_fault(opens, site: Site, shared: Site, uses: str, words: str) -> None:
    office = opens(actions={"acme/ci": str(shared.root)})
    event = office.push(site.commit(ci=CALL % uses, other=on("push")))
    for _ in range(4):
        office.settle()
        office.clock.advance(10_000)
    assert office.event(event).status == PLANNED
    assert words in office.event(event).verdicts[".github/workflows/ci.yml"]
    assert office.names() == ["other"]


def test_a_repository_that_is_away_is_tried_again_before_the_workflow_is_refused(opens, site: Site, tmp_path) -> None:
    office = opens(actions={"acme/*": str(tmp_path / "nowhere")})
    event = office.push(site.commit(ci=CALL % f"acme/ci/{SHARED}@v1"))
    office.settle()
    assert office.event(event).status == RECEIVED
    for _ in range(4):
        office.clock.advance(10_000)
        office.settle()
    verdict = office.event(event).verdicts[".github/workflows/ci.yml"]
    assert f"the called workflow acme/ci/{SHARED}@v1 is not here" in verdict
    assert "treadle.yml" in verdict


def test_runs_see_the_variables_of_the_configuration(opens, site: Site) -> None:
    office = opens(vars={"WHO": "all", "MORE": "yes"})
    office.settled(office.push(site.commit(ci=on("push", a="{runs-on: '${{ vars.WHO }}', steps: [{run: x}]}"))))
    [job] = office.store.queries.jobs(office.runs[0].id)
    assert office.store.queries.facts(job.id).trigger["vars"] == {"WHO": "site", "MORE": "yes"}
