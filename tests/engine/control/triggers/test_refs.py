"""Pushes that we see ourselves: by looking at refs, at the start, by polling."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.control.inbox.judge import Settled
from engine.control.triggers import poll
from engine.control.triggers.poll import Lookout
from engine.control.triggers.refs import Moved, Seen, compare, look
from engine.core.clock import SystemClock
from engine.core.errors import GitError
from engine.git.remote import RemoteRefs
from engine.settings.model import RepoSettings
from engine.store.inbox import DROPPED, PLANNED, InboxEvent
from engine.store.refs import KnownRef
from tests.engine.control.post_office import NAME, ZERO, PostOffice, Site, on

REF = "refs/heads/main"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "site")


@pytest.fixture
def office(tmp_path: Path, site: Site) -> Iterator[PostOffice]:
    office = PostOffice(tmp_path / "home", RepoSettings(NAME, str(site.root)))
    yield office
    office.close()


def looked(office: PostOffice, source: str = "poll") -> int:
    return seen(office, source).pushes


def seen(office: PostOffice, source: str = "poll") -> Seen:
    return look(office.store, office.mirrors, office.settings.now.repos[0], office.repo_id(), source, office.clock)


def test_refs_are_compared_by_name() -> None:
    known = {"a": KnownRef("1", 0), "b": KnownRef("2", 0), "c": KnownRef("3", 0)}
    found = {"a": "1", "b": "9", "d": "4"}
    assert list(compare(known, found)) == [Moved("c", "3", None), Moved("b", "2", "9"), Moved("d", None, "4")]


def test_the_first_look_starts_nothing(office: PostOffice, site: Site) -> None:
    site.commit(ci=on("push"))
    assert (looked(office), looked(office)) == (0, 0)


def test_each_ref_that_moved_is_one_push(office: PostOffice, site: Site) -> None:
    before = site.commit(ci=on("push"))
    looked(office)
    sha = site.commit("Two")
    site.git("tag", "v1", before)
    assert looked(office) == 2
    assert looked(office) == 0
    office.settle()
    assert sorted((run.ref, run.sha, run.title) for run in office.runs) == [
        (REF, sha, "Two"),
        ("refs/tags/v1", before, "One"),
    ]
    [job] = office.store.queries.jobs(office.runs[0].id)
    github = office.store.queries.facts(job.id).trigger["github"]
    assert (github["event"]["before"], github["actor"]) == (before, "Ada")


def test_a_ref_that_is_gone_is_forgotten(office: PostOffice, site: Site) -> None:
    sha = site.commit(ci=on("push"))
    site.git("branch", "old")
    looked(office)
    site.git("branch", "-D", "old")
    assert looked(office) == 0
    site.git("branch", "old", sha)
    assert looked(office) == 1


def test_a_push_that_was_seen_and_is_told_of_runs_once(office: PostOffice, site: Site) -> None:
    site.commit(ci=on("push"))
    looked(office)
    sha = site.commit("Two")
    looked(office)
    told, again = office.push(sha), office.push(sha)
    office.settle()
    assert office.event(told).problem == "the push that was seen as event 1"
    assert office.event(again).status == PLANNED  # a look stands for one delivery
    assert len(office.runs) == 2


def test_a_push_that_was_told_of_before_it_was_seen_runs_once(office: PostOffice, site: Site) -> None:
    site.commit(ci=on("push"))
    looked(office)
    told = office.push(site.commit("Two"))
    assert looked(office) == 1  # the delivery is not planned yet
    office.settle()
    assert office.event(told).status == DROPPED
    assert len(office.runs) == 1


def test_a_push_that_was_told_of_is_no_news_when_looked_for(office: PostOffice, site: Site) -> None:
    site.commit(ci=on("push"))
    looked(office)
    office.settled(office.push(site.commit("Two")))
    assert looked(office, "start") == 0


@pytest.mark.parametrize(("trigger", "runs"), [("push", 1), ("{push: {branches: [never]}}", 0)])
def test_a_push_that_is_seen_while_it_is_judged_is_settled_once(
    office: PostOffice, site: Site, monkeypatch: pytest.MonkeyPatch, trigger: str, runs: int
) -> None:
    site.commit(ci=on(trigger))
    looked(office)
    told = office.push(site.commit("Two"))
    judge = office.planner._judge.judge

    def judge_and_look(event: InboxEvent, repo: RepoSettings, brought: dict[str, str]) -> Settled:
        settled = judge(event, repo, brought)
        if event.id == told:
            assert looked(office) == 1
        return settled

    monkeypatch.setattr(office.planner._judge, "judge", judge_and_look)
    office.settle()
    seen, _ = office.store.inbox.list()
    assert (seen.source, seen.status) == ("poll", PLANNED)
    assert (office.event(told).status, office.event(told).problem) == (DROPPED, "the push that was seen as event 2")
    assert len(office.runs) == runs
    assert not office.store.refs.sightings(office.repo_id(), REF), "a later push of the same commit is news again"


def test_a_push_that_is_told_of_while_we_ask_is_not_undone_by_the_older_answer(
    office: PostOffice, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.commit(ci=on("push"))
    looked(office)
    mirror = office.mirrors.of(office.settings.now.repos[0])
    ask = mirror.look

    def ask_late() -> RemoteRefs:
        answer = ask()
        if not office.store.inbox.list():
            office.settled(office.push(site.commit("Two")))
        return answer

    monkeypatch.setattr(mirror, "look", ask_late)
    assert looked(office) == 0
    assert [run.title for run in office.runs] == ["Two"]


def test_a_branch_that_goes_back_and_forth_runs_each_time(office: PostOffice, site: Site) -> None:
    one = site.commit(ci=on("push"))
    looked(office)
    two = site.commit("Two")
    looked(office)
    office.settle()
    site.git("reset", "-q", "--hard", one)
    looked(office)
    office.settle()
    assert [run.sha for run in office.runs] == [two, one]
    assert looked(office) == 0


def test_the_late_word_of_an_earlier_push_moves_no_ref_back(office: PostOffice, site: Site) -> None:
    site.commit(ci=on("push"))
    looked(office)
    one, two = site.commit("Two"), site.commit("Three")
    looked(office, "start")
    office.settle()
    office.push(one)
    told = office.push(two)
    office.settle()
    assert [run.sha for run in office.runs] == [two, one]
    assert office.event(told).status == DROPPED
    assert looked(office) == 0


def test_a_deleted_branch_that_comes_back_is_news(office: PostOffice, site: Site) -> None:
    sha = site.commit(ci=on("push"))
    looked(office)
    office.settled(office.push(ZERO, REF, before=sha))
    assert looked(office) == 1


def wait_for_events(office: PostOffice, count: int) -> None:
    for _ in range(200):
        if len(office.store.inbox.list()) >= count:
            return
        office.listener.wait(0.1)
    raise AssertionError("no event came")


def test_a_start_finds_what_was_missed_and_polling_what_comes(tmp_path: Path, site: Site) -> None:
    site.commit(ci=on("push"))
    repo = RepoSettings(NAME, str(site.root), poll_s=0.05)
    office = PostOffice(tmp_path / "home", repo, clock=SystemClock())
    looked(office)
    site.commit("Missed")
    lookout = Lookout(office.store, office.settings, office.bus, office.clock, office.mirrors)
    lookout.start()
    wait_for_events(office, 1)
    site.commit("Polled")
    wait_for_events(office, 2)
    lookout.stop()
    office.settle()
    assert [event.source for event in office.store.inbox.list()] == ["poll", "start"]
    assert [run.title for run in office.runs] == ["Missed", "Polled"]
    office.close()


def test_a_look_is_news_only_where_something_is_known_that_was_not(office: PostOffice, site: Site) -> None:
    assert [seen(office).news, seen(office).news] == [True, False]
    site.commit("Second")
    assert [seen(office).news, seen(office).news] == [True, False]


def test_what_a_look_saw_before_it_failed_is_told_when_one_succeeds(
    office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The push is accepted, the repository goes away while it is asked once more; later looks find nothing new."""
    lookout = Lookout(office.store, office.settings, office.bus, office.clock, office.mirrors)
    answers: Iterator[GitError | Seen] = iter([GitError("it went away in the middle"), Seen(), Seen()])

    def one(*_: object) -> Seen:
        answer = next(answers)
        if isinstance(answer, GitError):
            raise answer
        return answer

    monkeypatch.setattr(poll, "look", one)
    news = office.bus.listen("inbox")
    heard = []
    for _ in range(3):
        lookout._look(NAME, "poll")
        heard.append(news.wait(0.0))
    assert heard == [False, True, False]
