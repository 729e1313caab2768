"""The rows of searches: a trial is planned once, and what has changed meanwhile wins."""

from pathlib import Path

import pytest

from engine.control.bisecting.start import propose, start
from engine.core.bisect_records import Trial
from engine.core.bisecting import Verdict
from engine.settings.model import Settings
from engine.store.contents.artifacts import Artifacts
from engine.store.retention import Kind, Retention
from engine.store.tables.runs import RunRow
from tests.engine.bisect_lab import BisectLab
from tests.engine.fakes import Lab


@pytest.fixture
def site(lab: Lab, tmp_path: Path) -> BisectLab:
    return BisectLab(lab, tmp_path / "site")


@pytest.fixture
def begun(site: BisectLab) -> int:
    return start(site.lab.store, propose(site.lab.store, site.green_then_red()), "ada", site.lab.clock)


def test_two_that_plan_the_same_trial_plan_one(site: BisectLab, begun: int) -> None:
    known, bisects, now = site.now(begun), site.lab.store.bisects, site.lab.clock.now()
    trial = Trial(site.shas[3], "Commit 3")
    made: list[int] = []

    def record() -> int:
        made.append(7)
        return 7

    assert bisects.begin_trial(known, trial, 5, record, now) == 7
    assert bisects.begin_trial(known, trial, 5, record, now) is None
    assert made == [7]
    assert site.now(begun).open_trial == Trial(site.shas[3], "Commit 3", 7)


def test_a_trial_whose_run_cannot_be_recorded_is_none(site: BisectLab, begun: int) -> None:
    known, now = site.now(begun), site.lab.clock.now()

    def record() -> int:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        site.lab.store.bisects.begin_trial(known, Trial(site.shas[3], ""), 5, record, now)
    assert site.now(begun) == known


def test_a_verdict_that_comes_after_the_end_is_not_taken(site: BisectLab, begun: int) -> None:
    site.turn()
    known, bisects, now = site.now(begun), site.lab.store.bisects, site.lab.clock.now()
    assert known.open_trial is not None
    assert bisects.cancel(begun, "ada", now) and not bisects.cancel(begun, "ada", now)
    assert not bisects.conclude(known, known.open_trial.judged(Verdict.GOOD, "passed"), 2, now)
    assert not bisects.finish(known, "gave_up", "no", now)
    assert site.now(begun).status == "cancelled" and site.now(begun).reason == "cancelled by ada"


def test_a_trial_that_was_removed_is_passed_over(site: BisectLab, begun: int) -> None:
    site.turn()
    trial = site.now(begun).open_trial
    assert trial is not None
    with site.lab.store.database.write():
        RunRow.delete().where(RunRow.id == trial.run).execute()
    site.turn()
    assert site.now(begun).trials[0].verdict is Verdict.SKIP
    assert site.now(begun).status == "running"


def test_a_search_goes_with_the_run_that_it_is_about(site: BisectLab, begun: int) -> None:
    ended = site.try_all(begun, culprit=3)
    assert ended.culprit is not None
    lab = site.lab
    for _ in range(3):
        site.ran(6, good=True)
    lab.clock.advance(100 * 86400)
    retention = Retention(
        lab.store.database, lab.store.home, Artifacts(lab.store.home / "artifacts"), lab.store.definitions
    )
    going = [
        one for one in retention.going(Settings(lab.store.home).retention, lab.clock.now()) if one.kind is Kind.RUN
    ]
    assert ended.run_id in {one.run_id for one in going}
    for one in going:
        for _ in retention.take(one):
            pass
    assert lab.store.bisects.get(begun) is None


def test_what_was_run_otherwise_tells_nothing(site: BisectLab) -> None:
    lab = site.lab
    red = site.green_then_red()
    for number, more in ((3, {"executor": "docker"}), (4, {"env": {"A": "1"}}), (5, {"mirror": "/m"})):
        source = {"root": str(site.root), "sha": site.shas[number], **more}
        lab.run(site.text, "acme/app", sha=site.shas[number], source=source)
        site.work(good=False)
    lab.run(site.text, "acme/app", sha=site.shas[2], source={"root": str(site.root)}, event="pull_request")
    site.work(good=True)
    told = lab.store.bisects.red(red.id)
    assert [one.sha for one in lab.store.bisects.known_jobs(told)] == [site.shas[6], site.shas[1]]
