from pathlib import Path

import pytest

from engine.control.inbox.judge import Settled
from engine.control.inbox.ledger import Ledger
from engine.control.inbox.pushes import RefNews
from engine.settings.model import RepoSettings
from engine.store.inbox import DROPPED, PLANNED, RECEIVED
from engine.store.refs import KnownRef
from tests.engine.control.post_office import NAME, PostOffice, Site, on

MAIN = "refs/heads/main"
A, B = "a" * 40, "b" * 40


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "site")


@pytest.fixture
def office(tmp_path: Path, site: Site) -> PostOffice:
    return PostOffice(tmp_path / "home", RepoSettings(NAME, str(site.root)))


def ledger_of(office: PostOffice) -> Ledger:
    return Ledger(office.store, office.bus, office.clock)


def test_what_starts_nothing_is_settled_together_and_the_last_word_on_a_ref_stands(office: PostOffice) -> None:
    ledger = ledger_of(office)
    one, two, three = (office.event(office.push(sha)) for sha in (A, B, A))
    ledger.note(one, Settled(verdicts={"ci.yml": "no"}, news=RefNews(MAIN, A)))
    ledger.note(two, Settled(verdicts={"ci.yml": "no"}, news=RefNews(MAIN, B)))
    ledger.note(three, Settled("nothing can come of it"))
    assert {office.event(one.id).status, office.event(two.id).status} == {RECEIVED}
    ledger.write()
    assert [office.event(event.id).status for event in (one, two, three)] == [PLANNED, PLANNED, DROPPED]
    assert office.event(one.id).verdicts == {"ci.yml": "no"}
    assert office.event(three.id).problem == "nothing can come of it"
    assert office.store.refs.get(office.repo_id(), MAIN) == KnownRef(B, two.id)


def test_a_push_that_was_seen_before_it_is_written_down_stands_for_one_delivery(office: PostOffice) -> None:
    ledger = ledger_of(office)
    one, two = (office.event(office.push(A)) for _ in range(2))
    seen = office.push(A, source="poll")
    for event in (one, two):
        ledger.note(event, Settled(verdicts={"ci.yml": "no"}, news=RefNews(MAIN, A)))
    office.store.refs.saw(office.repo_id(), MAIN, A, seen, office.clock.now())
    ledger.write()
    assert office.event(one.id).problem == f"the push that was seen as event {seen}"
    assert [office.event(event.id).status for event in (one, two)] == [DROPPED, PLANNED]
    assert not office.store.refs.sightings(office.repo_id(), MAIN)


def test_an_event_that_somebody_settled_meanwhile_is_left_as_it_is(office: PostOffice) -> None:
    first, second = ledger_of(office), ledger_of(office)
    event = office.event(office.push(A))
    for ledger, reason in ((first, "one"), (second, "two")):
        ledger.note(event, Settled(verdicts={"ci.yml": reason}, news=RefNews(MAIN, A if ledger is first else B)))
    first.write()
    second.write()
    assert office.event(event.id).verdicts == {"ci.yml": "one"}
    assert office.store.refs.get(office.repo_id(), MAIN) == KnownRef(A, event.id)


def test_an_event_that_cannot_be_written_down_holds_up_no_other_for_good(office: PostOffice) -> None:
    ledger = ledger_of(office)
    good, bad = office.event(office.push(A)), office.event(office.push(B))
    fine, poison = Settled(verdicts={"ci.yml": "no"}), Settled("half a character: \ud800")
    ledger.note(good, fine)
    ledger.note(bad, poison)
    with pytest.raises(UnicodeEncodeError):
        ledger.write()
    assert office.event(good.id).status == RECEIVED
    ledger.note(good, fine)
    assert office.event(good.id).status == PLANNED
    with pytest.raises(UnicodeEncodeError):
        ledger.note(bad, poison)


def test_a_storm_that_starts_nothing_and_pushes_that_start_a_run_are_all_settled(
    office: PostOffice, site: Site
) -> None:
    quiet = site.commit(one=on("{push: {branches: [never]}}"))
    loud = site.commit(one=on("push"))
    ids = [office.push(sha) for sha in (quiet, quiet, loud, quiet) * 20]
    office.settle()
    assert {office.event(ident).status for ident in ids} == {PLANNED}
    assert [run.sha for run in office.runs] == [loud] * 20
    assert office.store.refs.get(office.repo_id(), MAIN) == KnownRef(quiet, ids[-1])


def test_a_push_that_was_seen_is_told_of_amid_pushes_that_were_not(office: PostOffice, site: Site) -> None:
    sha = site.commit(one=on("push"))
    office.push(sha, ref="refs/heads/other")
    seen = office.push(sha, source="watch")
    office.store.refs.saw(office.repo_id(), MAIN, sha, seen, office.clock.now())
    told = office.push(sha)
    office.push(sha)
    office.settle()
    assert [run.ref for run in office.runs] == ["refs/heads/other", MAIN, MAIN]
    assert office.event(told).status == DROPPED
