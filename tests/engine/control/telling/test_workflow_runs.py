"""The laws of `on: workflow_run`: what becomes of a run starts other ones, once each, and not without end."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.control.scheduler import Scheduler
from engine.control.telling.workflow_runs import WorkflowRuns
from engine.core.retry import Outcome
from engine.settings.model import RepoSettings
from engine.store.inbox import PLANNED
from tests.engine.control.post_office import NAME, PostOffice, Site, on
from tests.engine.fakes import FAILURE

GOOD = Outcome("succeeded", exit_code=0)
AFTER = "{workflow_run: {workflows: [%s], types: [%s]}}"


class Works:
    """A post office whose runs go on, one job after the other, until nothing starts any more."""

    def __init__(self, office: PostOffice) -> None:
        self.office = office
        self.scheduler = Scheduler(office.store, office.bus, office.clock)
        self.routine = self.begin()

    def begin(self) -> WorkflowRuns:
        office = self.office
        routine = WorkflowRuns(office.store, office.settings, office.bus, office.clock, office.mirrors)
        known = office.store.cursors.get("workflow-runs")
        office.store.cursors.set("workflow-runs", known or 0)
        routine._seen = routine._kept = known or 0
        return routine

    def go(self, outcome: Outcome = GOOD) -> None:
        while True:
            self.office.settle()
            self.scheduler.tick()
            lease = self.office.store.queue.claim("w", self.office.clock.now())
            self.routine.turn()
            if lease is None:
                if not self.office.store.inbox.backlog():
                    return
                continue
            self.office.store.queue.finish(lease, outcome, self.office.clock.now(), outputs={}, tolerated=False)
            self.scheduler.tick()
            self.routine.turn()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "site")


@pytest.fixture
def works(tmp_path: Path, site: Site) -> Iterator[Works]:
    office = PostOffice(tmp_path / "home", RepoSettings(NAME, url=str(site.root)))
    yield Works(office)
    office.close()


def named(name: str, trigger: str) -> str:
    return f"name: {name}\n{on(trigger)}"


def test_a_run_that_ends_starts_what_waits_for_it(works: Works, site: Site) -> None:
    sha = site.commit(build=named("Build", "push"), after=named("After", AFTER % ("Build", "completed")))
    works.office.push(sha)
    works.go(FAILURE)
    assert works.office.names() == ["build", "after"]
    first, run = works.office.runs
    assert (run.event, run.ref, run.sha, run.actor) == ("workflow_run", "refs/heads/main", sha, "eve")
    facts = works.office.store.queries.facts(works.office.store.queries.jobs(run.id)[0].id)
    told = facts.trigger["github"]["event"]["workflow_run"]
    assert facts.trigger["github"]["event"]["action"] == "completed"
    assert (told["id"], told["conclusion"], told["head_branch"], told["head_sha"]) == (first.id, "failure", "main", sha)
    assert (told["name"], told["run_attempt"], told["event"]) == ("Build", 1, "push")


def test_each_action_of_a_run_is_told_to_who_asked_for_it(works: Works, site: Site) -> None:
    files = {word: named(word, AFTER % ("Build", word)) for word in ("requested", "in_progress", "completed")}
    works.office.push(site.commit(build=named("Build", "push"), **files))
    works.go()
    assert works.office.names() == ["build", "requested", "in_progress", "completed"]


def test_nothing_is_noted_that_nobody_listens_to(works: Works, site: Site) -> None:
    works.office.push(site.commit(build=named("Build", "push"), after=named("After", AFTER % ("Other", "completed"))))
    works.go()
    assert [event.kind for event in works.office.store.inbox.list()] == ["push"]


def test_the_branches_filter_looks_at_the_branch_of_the_run(works: Works, site: Site) -> None:
    trigger = "{workflow_run: {workflows: [Build], types: [completed], branches: [main]}}"
    main = site.commit(build=named("Build", "push"), after=named("After", trigger))
    works.office.push(main)
    other = site.branch("feature").commit("Two")
    works.office.push(other, "refs/heads/feature")
    works.go()
    assert sorted(works.office.names()) == ["after", "build", "build"]


def test_a_chain_ends_after_three_levels(works: Works, site: Site) -> None:
    works.office.push(
        site.commit(first=named("First", "push"), again=named("Again", AFTER % ("First, Again", "completed")))
    )
    works.go()
    assert works.office.names() == ["first", "again", "again", "again"]


def test_what_was_told_is_not_told_again_after_a_kill(works: Works, site: Site) -> None:
    works.office.push(site.commit(build=named("Build", "push"), after=named("After", AFTER % ("Build", "completed"))))
    works.go()
    works.office.store.cursors.set("workflow-runs", 1)  # as if it had died before it kept how far it was
    works.routine = works.begin()
    works.go()
    assert works.office.names() == ["build", "after"]
    assert {event.status for event in works.office.store.inbox.list()} == {PLANNED}


def test_a_run_that_is_retried_tells_of_its_next_attempt(works: Works, site: Site) -> None:
    works.office.push(site.commit(build=named("Build", "push"), after=named("After", AFTER % ("Build", "completed"))))
    works.go(FAILURE)
    store, run = works.office.store, works.office.runs[0]
    jobs = [job.id for job in store.queries.jobs(run.id)]
    store.wishes.ask_retry(run.id, jobs, "again", "ada", works.office.clock.now())
    works.go()
    assert works.office.names() == ["build", "after", "after"]
    deliveries = [event.delivery for event in store.inbox.list() if event.kind == "workflow_run"]
    assert deliveries == [f"run|{run.id}|2|completed", f"run|{run.id}|1|completed"]


def test_the_first_start_does_not_dig_up_what_was(tmp_path: Path, site: Site) -> None:
    office = PostOffice(tmp_path / "home", RepoSettings(NAME, url=str(site.root)))
    office.push(site.commit(build=named("Build", "push"), after=named("After", AFTER % ("Build", "requested"))))
    office.settle()
    routine = WorkflowRuns(office.store, office.settings, office.bus, office.clock, office.mirrors)
    routine.start()
    routine.stop()
    assert office.store.cursors.get("workflow-runs") == office.store.queries.last_sequence()
    assert [event.kind for event in office.store.inbox.list()] == ["push"]
    office.close()
