"""Watching repositories on this machine, with the system's own notifications."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.control.triggers.triggers import Triggers
from engine.control.triggers.watch import take_snapshot
from engine.core.clock import SystemClock
from engine.core.errors import GitError
from engine.settings.model import RepoSettings
from engine.store.inbox import DROPPED
from tests.engine.control.post_office import NAME, PostOffice, Site, on

Opens = Callable[[str], PostOffice]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path / "site")
    site.commit(ci=on("push"), __gitignore="*.log\n")
    return site


@pytest.fixture
def opens(tmp_path: Path, site: Site) -> Iterator[Opens]:
    opened: list[PostOffice] = []

    def open_office(watch: str) -> PostOffice:
        repo = RepoSettings(NAME, str(site.root), watch=watch)
        opened.append(PostOffice(tmp_path / "home", repo, clock=SystemClock()))
        return opened[-1]

    yield open_office
    for office in opened:
        office.close()


def snapshot(office: PostOffice, *changed: Path) -> bool:
    repo = office.settings.now.repos[0]
    return take_snapshot(office.store, office.mirrors, repo, office.clock, set(changed) or None)


def running(office: PostOffice) -> Triggers:
    triggers = Triggers(office.store, office.settings, office.bus, office.clock, office.mirrors)
    triggers.start()
    for _ in range(200):  # until the first look is over
        known = office.store.cursors.get(f"looked:{office.repo_id()}"), office.store.cursors.get("working-tree:1")
        if known[0] and (known[1] or office.settings.now.repos[0].watch == "commits"):
            return triggers
        office.listener.wait(0.05)
    raise AssertionError("the first look never ends")


def wait_for(office: PostOffice, title: str) -> None:
    for _ in range(300):
        office.settle()
        if title in [run.title for run in office.runs]:
            return
        office.listener.wait(0.1)
    raise AssertionError(f"no run {title}: {[run.title for run in office.runs]}")


def test_a_commit_starts_what_a_push_would(opens: Opens, site: Site) -> None:
    office = opens("commits")
    triggers = running(office)
    site.branch("feature").commit("Hello")
    wait_for(office, "Hello")
    triggers.stop()
    [run] = [run for run in office.runs if run.title == "Hello"]
    assert (run.ref, run.event, run.priority) == ("refs/heads/feature", "push", 10)
    [job] = office.store.queries.jobs(run.id)
    assert office.store.queries.facts(job.id).source["host"] is True


def test_a_saved_file_starts_a_run_of_the_working_tree(opens: Opens, site: Site) -> None:
    office = opens("files")
    triggers = running(office)
    (site.root / "hello.txt").write_text("hello\n")
    wait_for(office, "The working tree of main")
    triggers.stop()
    run = office.runs[-1]
    assert (run.ref, run.sha) == ("refs/heads/main", site.head)
    [job] = office.store.queries.jobs(run.id)
    facts = office.store.queries.facts(job.id)
    assert facts.source["root"] == str(site.root)
    assert facts.source["mirror"]


def test_only_files_that_git_would_take_count(opens: Opens, site: Site) -> None:
    office = opens("files")
    assert not snapshot(office)
    (site.root / "x.log").write_text("ignored\n")
    assert not snapshot(office)
    assert not snapshot(office, site.root / "x.log", site.root / ".git/index")
    (site.root / "x.txt").write_text("counts\n")
    assert snapshot(office, site.root / "x.log", site.root / "x.txt")
    site.commit("The same files")
    assert not snapshot(office)


def test_filters_see_what_changed_since_the_last_look(opens: Opens, site: Site) -> None:
    site.commit(docs=on("{push: {paths: ['*.md']}}"), code=on("{push: {paths: ['*.py']}}"), a__py="1", a__md="1")
    office = opens("files")
    snapshot(office)
    (site.root / "a.md").write_text("2")
    snapshot(office)
    (site.root / "a.py").write_text("2")
    office.settle()
    snapshot(office)
    office.settle()
    assert [name for name in office.names() if name != "ci"] == ["docs", "code"]


def test_the_newest_state_of_the_files_wins(opens: Opens, site: Site) -> None:
    office = opens("files")
    snapshot(office)
    for text in ("1", "2"):
        (site.root / "a.txt").write_text(text)
        snapshot(office)
    office.settle()
    older = office.store.inbox.list()[1]
    assert (older.status, older.problem) == (DROPPED, "the working tree has changed again since")
    (site.root / "a.txt").write_text("3")
    snapshot(office)
    office.settle()
    assert len({run.concurrency_group for run in office.runs}) == 1
    assert [run.status for run in office.runs] == ["pending", "pending"]  # the group lets the newest through


def test_a_url_elsewhere_cannot_be_watched(tmp_path: Path) -> None:
    office = PostOffice(tmp_path / "home", RepoSettings(NAME, "https://git.test/a/b.git", watch="files"))
    with pytest.raises(GitError, match="not a repository on this machine"):
        snapshot(office)
    office.close()
