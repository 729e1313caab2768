"""A search over the mirror of a repository whose pushes a forge told of: the remote itself is not needed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.control.bisecting.bisector import Bisector
from engine.control.bisecting.start import propose, start
from engine.control.scheduler import Scheduler
from engine.core.retry import Outcome
from engine.settings.model import RepoSettings
from tests.engine.control.post_office import NAME, PostOffice, Site, on
from tests.engine.fakes import FAILURE

GOOD = Outcome("succeeded", exit_code=0)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[PostOffice]:
    office = PostOffice(tmp_path / "home", RepoSettings(NAME, url=f"file://{tmp_path / 'site'}"))
    yield office
    office.close()


def test_a_push_that_broke_a_job_is_searched_commit_by_commit(office: PostOffice, tmp_path: Path) -> None:
    site = Site(tmp_path / "site")
    scheduler = Scheduler(office.store, office.bus, office.clock)
    bisector = Bisector(office.store, office.settings, office.bus, office.clock)

    def work(broken: bool) -> int:
        scheduler.tick()
        lease = office.store.queue.claim("w", office.clock.now())
        assert lease is not None
        office.store.queue.finish(lease, FAILURE if broken else GOOD, office.clock.now(), outputs={}, tolerated=False)
        scheduler.tick()
        return lease.job_id

    shas = [site.commit("Commit 0", ci=on("push"))]
    office.settled(office.push(shas[0]))
    work(False)
    shas += [site.commit(f"Commit {number}") for number in range(1, 9)]
    office.settled(office.push(shas[8], before=shas[0]))
    red = office.store.queries.job(work(True))
    assert red is not None
    (tmp_path / "site").rename(tmp_path / "away")

    bisect_id = start(office.store, propose(office.store, red), "ada", office.clock)
    bisector.turn()
    while (trial := office.store.bisects.get(bisect_id).open_trial) is not None:
        facts = office.store.queries.facts(office.store.queries.jobs(trial.run)[0].id)
        assert facts.source["sha"] == trial.sha and facts.source["host"] is False
        told = facts.trigger["github"]
        assert (told["sha"], told["ref"], told["event"]["after"]) == (trial.sha, "refs/heads/main", trial.sha)
        assert told["event"]["sender"] == {"login": "eve"}
        work(shas.index(trial.sha) >= 3)
        bisector.turn()
    found = office.store.bisects.get(bisect_id)
    assert found.culprit is not None, found.reason
    assert (found.culprit.sha, found.culprit.good_sha) == (shas[3], shas[2])
