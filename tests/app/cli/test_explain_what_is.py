"""`treadle explain RUN|JOB|EVENT` and `--event`: what there is, here and far away, and what an event would run."""

import json
from types import SimpleNamespace

import pytest

from app.cli.main import main
from engine.core.clock import SystemClock
from engine.git import repository
from tests.engine.fakes import jobs
from tests.engine.forges.deliveries import push


@pytest.fixture
def explain(here, afar, capfd):
    def run(*words: str, home: bool = True):
        code = main(["explain", *words, *(here if home else afar)])
        out, err = capfd.readouterr()
        return SimpleNamespace(code=code, out=out, err=err, told=json.loads(out) if "--json" in words and out else None)

    return run


@pytest.fixture
def ran(site):
    """A delivery and its run, of which one job was skipped."""
    event = site.deliver(push()).json["event"]
    run = site.lab.run(jobs(a="", b="needs: a, if: github.ref == 'refs/heads/x'"), "acme/app", event_id=event)
    site.lab.work()
    return SimpleNamespace(event=event, run=run, job=site.lab.named(run, "b").id)


def test_everything_is_named_as_elsewhere(explain, ran):
    for name in (str(ran.run), f"r{ran.run}", "#1", "latest"):
        assert explain(name, "--json").told["run"]["id"] == ran.run
    assert explain("--json").told["run"]["id"] == ran.run
    for name in (f"j{ran.job}", f"{ran.run}/b", "latest/b"):
        assert explain(name, "--json").told["job"]["id"] == ran.job
    assert explain(f"e{ran.event}", "--json").told["event"]["id"] == ran.event


def test_people_read_plain_lines(explain, ran):
    out = explain(f"j{ran.job}").out
    assert "because its condition is false" in out
    assert "    github.ref == 'refs/heads/x' → false\n      github.ref → 'refs/heads/main'\n" in out
    assert "CI #1" in explain("latest").out
    assert "changed files: src/a.py" in explain(f"e{ran.event}").out


def test_far_away_is_told_as_at_home(explain, ran):
    for name in ("latest", f"j{ran.job}", f"e{ran.event}"):
        assert explain(name, "--json", home=False).told.keys() == explain(name, "--json").told.keys()
        assert explain(name, home=False).code == 0


@pytest.mark.parametrize("name", ["99", "j99", "e99", "99/a"])
def test_what_there_is_not_is_said(explain, ran, name):
    for home in (True, False):
        answer = explain(name, home=home)
        assert (answer.code, answer.out) == (1, "")
        assert "There is no" in answer.err


@pytest.mark.parametrize(
    "words",
    [
        ("1", "2"), ("--ref", "main"), ("--changed", "a"), ("--header", "a: b"),
        ("--payload", "x", "--event", "push"), ("--repo", "."),
    ],
)  # fmt: skip
def test_options_that_do_not_go_together_are_refused(explain, words):
    assert explain(*words).code == 2


def test_a_made_up_event_is_for_this_machine_alone(explain):
    assert explain("--event", "push", home=False).code == 2


# -- what an event would run ----------------------------------------------------------------------------------------

WORKFLOW = """
name: CI
run-name: Build ${{ github.ref_name }}
on: {push: {branches: [main, 'rel/**'], paths: ['src/**']}}
concurrency: ci-${{ github.ref }}
jobs:
  build: {runs-on: x, strategy: {matrix: {n: [1, 2]}}, steps: [{run: 'true'}]}
  deploy:
    needs: build
    if: github.ref == 'refs/heads/main' && needs.build.result == 'success'
    runs-on: x
    steps: [{run: 'true'}]
"""


DOCS = "on: {push: {tags: ['v*']}}\njobs: {a: {runs-on: x, steps: [{run: 'true'}]}}\n"


@pytest.fixture
def repo(tmp_path):
    root = tmp_path / "site"
    (root / ".github/workflows").mkdir(parents=True)
    (root / ".github/workflows/ci.yml").write_text(WORKFLOW)
    (root / ".github/workflows/docs.yml").write_text(DOCS)
    repository.start_repository(root, "Begin", SystemClock().now())
    return ["--repo", str(root)]


def test_an_event_that_has_not_come_tells_what_it_would_run_and_how_jobs_come_out(explain, repo):
    told = explain("--event", "push", "--ref", "main", "--changed", "src/a.py", "--json", *repo).told
    assert told["event"]["branch"] == "main"
    ci, docs = told["workflows"]
    assert (ci["runs"], ci["reason"]) == (
        True, "push: branches has 'main' for the branch main; paths has 'src/**' for src/a.py",
    )  # fmt: skip
    assert (ci["title"]["value"], ci["concurrency"]["group"]["value"]) == ("Build main", "ci-refs/heads/main")
    assert [(job["name"], job["runs"]) for job in ci["jobs"]] == [
        ("build (1)", True), ("build (2)", True), ("deploy", True),
    ]  # fmt: skip
    assert (docs["runs"], docs["reason"]) == (False, "only tags is filtered, and main is a branch")


def test_a_ref_that_is_not_there_yet_is_supposed(explain, repo):
    answer = explain("--event", "push", "--ref", "rel/1", "--changed", "src/a.py", "ci", *repo)
    assert "branches has 'rel/**' for the branch rel/1" in answer.out
    assert "  deploy: is skipped" in answer.out
    assert "github.ref → 'refs/heads/rel/1'" in answer.out
    assert "docs.yml" not in answer.out


def test_a_tag_is_one_when_it_is_written_so(explain, repo):
    told = explain("--event", "push", "--ref", "refs/tags/v1", "--json", *repo).told
    assert [one["runs"] for one in told["workflows"]] == [False, True]


def test_a_workflow_that_cannot_be_read_is_told_and_is_an_error(explain, repo, tmp_path):
    (tmp_path / "site/.github/workflows/bad.yml").write_text("on: push\njobs: 1\n")
    answer = explain("--event", "push", *repo)
    assert answer.code == 2
    assert "bad.yml: invalid:" in answer.out
    assert explain("--event", "push", "nothing", *repo).code == 2
    assert explain("--event", "push", "--repo", str(tmp_path)).code == 2
