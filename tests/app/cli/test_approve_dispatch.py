"""`treadle approve` and `treadle dispatch`, without an engine: the next one takes up what they wrote."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine.settings.model import RepoSettings
from tests.engine.control.post_office import NAME, PostOffice, Site, on

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "site")


@pytest.fixture
def office(tmp_path: Path, site: Site):
    office = PostOffice(tmp_path / "home", RepoSettings(NAME, str(site.root)))
    (tmp_path / "home/treadle.yml").write_text(json.dumps({"repos": [{"name": NAME, "url": str(site.root)}]}))
    yield office
    office.close()


def treadle(office: PostOffice, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own: a process has one database open at a time."""
    line = [sys.executable, "-m", "app.cli.main", *words, "--home", str(office.store.home)]
    return subprocess.run(line, capture_output=True, text=True, check=False, cwd=ROOT)


@pytest.mark.parametrize(("more", "status"), [("", "queued"), ("concurrency: deploy\n", "pending")])
def test_a_run_that_waits_for_a_person_goes_on_when_approved(office: PostOffice, site: Site, more: str, status: str):
    sha = site.commit(ci=more + on("pull_request"))
    site.git("update-ref", "refs/pull/5/head", sha)
    office.settled(office.pull(sha, head_repo="mallory/site"))
    [run] = office.runs
    assert run.status == "blocked"
    assert treadle(office, "approve", str(run.id)).returncode == 0
    [run] = office.runs
    assert (run.status, run.reason) == (status, "approved by a person")
    assert treadle(office, "approve", str(run.id)).returncode == 1  # once is enough


def test_a_dispatch_is_planned_at_the_next_turn(office: PostOffice, site: Site):
    site.commit(go=on("{workflow_dispatch: {inputs: {n: {type: number, default: 2}}}}"))
    told = json.loads(treadle(office, "dispatch", NAME, "go.yml", "--input", "n=3", "--json").stdout)
    assert told["engine"] is False
    office.settled(told["event"])
    [run] = office.runs
    assert (run.event, run.ref, run.priority) == ("workflow_dispatch", "refs/heads/main", 30)
    [job] = office.store.queries.jobs(run.id)
    assert office.store.queries.facts(job.id).trigger["inputs"] == {"n": 3}


def test_a_dispatch_names_another_branch(office: PostOffice, site: Site):
    site.commit(ci=on("push"))
    sha = site.branch("feature").commit(go=on("workflow_dispatch"))
    assert treadle(office, "dispatch", NAME, "go.yml", "--ref", "feature").returncode == 0
    office.settle()
    assert [(run.ref, run.sha) for run in office.runs] == [("refs/heads/feature", sha)]


@pytest.mark.parametrize("words", [("team/sit", "go.yml"), (NAME, "go.yml", "--input", "n")])
def test_bad_arguments_are_wrong_usage(office: PostOffice, words):
    assert treadle(office, "dispatch", *words).returncode == 2
