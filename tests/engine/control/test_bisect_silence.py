"""A search disturbs nobody and speaks for nobody: forges, webhooks, other workflows and the promises hear nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.control.bisecting.start import propose, start
from engine.control.telling.reporter import Reporter
from engine.core.states import BisectStatus
from engine.settings.live import LiveSettings
from engine.settings.model import Notify, RepoSettings, Settings
from engine.store.greens import latest_green
from engine.store.run_news import run_news
from engine.store.slo import slo_report
from engine.store.tables.events import EventRow
from engine.store.tables.home import OutboxRow
from engine.store.tables.runs import JobRow, RunRow
from tests.engine.bisect_lab import BisectLab
from tests.engine.control.fake_forge import FakeForge
from tests.engine.fakes import Lab, jobs

NAME = "team/site"
TARGETS = Settings(Path("/nowhere")).slo


@pytest.fixture
def forge() -> Iterator[FakeForge]:
    forge = FakeForge()
    yield forge
    forge.close()


@pytest.fixture
def searched(lab: Lab, tmp_path: Path) -> BisectLab:
    return BisectLab(lab, tmp_path / "site")


def pushed(site: BisectLab, number: int, *, good: bool) -> int:
    """Run a commit that a forge told of; return its job."""
    repo_id = site.lab.store.runs.repo(NAME, "/srv/site")
    event_id, _ = site.lab.store.runs.event(repo_id, f"d{number}", "push", {}, site.lab.clock.now())
    with site.lab.store.database.write():
        EventRow.update(source="gitea").where(EventRow.id == event_id).execute()
    return site.ran(number, good=good, repo=NAME, event_id=event_id).id


def heard_all(site: BisectLab, reporter: Reporter) -> None:
    listener = site.lab.bus.listen("outbox")
    for _ in range(1000):
        if reporter._seen == site.lab.store.queries.last_sequence() and not site.lab.store.outbox.waiting():
            return
        site.lab.bus.wake("news")
        listener.wait(0.02)
    raise AssertionError("never all told")


def test_a_search_posts_nothing_and_counts_nowhere(searched: BisectLab, forge: FakeForge) -> None:
    lab = searched.lab
    repo = RepoSettings(name=NAME, url=f"{forge.url}/{NAME}.git", token="t0ken", forge="gitea")
    notify = (Notify(url=f"{forge.url}/hook", on=("failed", "fixed")),)
    settings = LiveSettings(Settings(home=lab.store.home, repos=(repo,), notify=notify))
    reporter = Reporter(lab.store, settings, lab.bus, lab.clock)
    reporter.start()
    try:
        pushed(searched, 1, good=True)
        red = pushed(searched, 6, good=False)
        heard_all(searched, reporter)
        heard, letters = len(forge.heard), OutboxRow.select().count()
        assert heard > 2, "of ordinary runs they do hear"
        last, slo = lab.store.queries.last_sequence(), slo_report(TARGETS, lab.clock.now()).as_json()
        repo_id = RunRow.get_by_id(1).repo_id
        green = latest_green(repo_id, ".github/workflows/ci.yml", "a")

        bisect_id = start(lab.store, propose(lab.store, lab.job(red)), "ada", lab.clock)
        ended = searched.try_all(bisect_id, culprit=4)
        assert ended.status is BisectStatus.FOUND and ended.runs_made >= 3
        heard_all(searched, reporter)
        assert (len(forge.heard), OutboxRow.select().count()) == (heard, letters)
        assert run_news(last, lab.store.queries.last_sequence()) == [], "no workflow_run"
        assert slo_report(TARGETS, lab.clock.now()).as_json() == slo
        assert latest_green(repo_id, ".github/workflows/ci.yml", "a") == green
    finally:
        reporter.stop()


def test_whatever_waits_goes_before_a_trial(searched: BisectLab) -> None:
    lab = searched.lab
    red = searched.green_then_red()
    bisect_id = start(lab.store, propose(lab.store, red), "ada", lab.clock)
    searched.turn()
    lab.clock.advance(3600)
    ordinary = lab.run(jobs(a=""))
    lease = lab.start()
    assert lease.run_id == ordinary
    lab.finish(lease)
    trial = searched.now(bisect_id).open_trial
    assert trial is not None and lab.start().run_id == trial.run


def test_a_trial_neither_waits_for_a_group_nor_ends_what_is_in_it(lab: Lab, tmp_path: Path) -> None:
    group = "concurrency: {group: ci, cancel-in-progress: true}"
    text = f"on: push\n{group}\n{jobs(a='concurrency: {group: one, cancel-in-progress: true}')}"
    site = BisectLab(lab, tmp_path / "site", text=text)
    red = site.green_then_red()
    bisect_id = start(lab.store, propose(lab.store, red), "ada", lab.clock)
    ordinary = lab.run(text, "acme/app")
    lab.start()
    site.turn()
    trial = site.now(bisect_id).open_trial
    assert trial is not None
    assert lab.start().run_id == trial.run, "it runs beside"
    assert lab.status(ordinary) == "running"


def test_what_is_settled_late_is_in_no_group_either_and_the_red_cell_is_the_one_that_is_judged(
    lab: Lab, tmp_path: Path
) -> None:
    group = "concurrency: {group: '${{ needs.p.outputs.x }}'}"
    matrix = f"needs: p, {group}, strategy: {{matrix: {{v: '${{{{ fromJSON(needs.p.outputs.x) }}}}'}}}}"
    text = f"on: push\n{jobs(p='', a=matrix, z='')}".replace("runs-on: x", "runs-on: x, retry: 2, priority: 50")
    site = BisectLab(lab, tmp_path / "site", text=text)
    first = lab.run(text, "acme/app", sha=site.shas[1], source={"root": str(site.root), "sha": site.shas[1]})
    # p, then z, then both cells
    put = {"x": "[1, 2]"}

    def work(run_id: int, bad: str = "") -> None:
        while lease := lab.claim():
            job = lab.job(lease.job_id)
            assert job.run_id == run_id
            if job.name == bad:
                lab.clock.advance(1)
                lab.fail(lease)
                lab.store.queue.load()
            else:
                lab.finish(lease, outputs=put if job.key == "p" else {})
            lab.tick()

    work(first)
    assert set(lab.statuses(first).values()) == {"success"}
    text_at = site.shas[6]
    run_id = lab.run(text, "acme/app", sha=text_at, source={"root": str(site.root), "sha": text_at})
    for _ in range(3):
        work(run_id, "a (2)")
        lab.clock.advance(600)
        lab.tick()
    red = lab.named(run_id, "a (2)")
    assert red.status == "failed" and red.attempts == 3
    bisect_id = start(lab.store, propose(lab.store, red), "ada", lab.clock)
    site.turn()
    trial = site.now(bisect_id).open_trial
    assert trial is not None
    work(trial.run, "a (2)")
    assert lab.statuses(trial.run) == {"p": "success", "a (1)": "success", "a (2)": "failed"}
    assert lab.named(trial.run, "a (2)").attempts == 1, "it is not retried"
    rows = list(JobRow.select().where(JobRow.run_id == trial.run))
    assert {(row.priority, row.concurrency_group) for row in rows} == {(-100, None)}
    site.turn()
    assert site.now(bisect_id).trials[0].verdict == "bad"
