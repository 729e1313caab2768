"""From a person's request to recorded runs, on real repositories."""

import os
import subprocess
from pathlib import Path

import pytest

from engine.control.asks.intake import LocalRequest, prepare, record
from engine.core.errors import GitError
from engine.git import repository
from engine.store.tables.events import EventRow
from engine.store.tables.runs import JobRow, RunRow
from pipelines.dispatch_inputs import InputError
from pipelines.errors import WorkflowError

CLEAN = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
STEPS = "runs-on: ubuntu-latest, steps: [{run: 'true'}]"
PUSH = f"name: CI\non: push\njobs: {{a: {{{STEPS}}}, b: {{{STEPS}, needs: a}}, c: {{{STEPS}}}}}\n"
RELEASE = f"name: Release\non: {{push: {{tags: ['v*']}}}}\njobs: {{ship: {{{STEPS}}}}}\n"
MANUAL = f"""name: Deploy
on:
  workflow_dispatch:
    inputs:
      times: {{type: number, default: 2}}
      dry: {{type: boolean, default: false}}
      where: {{type: choice, options: [here, there], required: true}}
jobs: {{deploy: {{{STEPS}}}}}
"""
BROKEN = "on: push\njobs: {a: {steps: 3}}\n"
SNAPSHOT = f"on: push\njobs: {{a: {{{STEPS}, snapshot: image}}, b: {{{STEPS}}}}}\n"


def run_git(root: Path, *args: str) -> None:
    subprocess.run(["git", *args], cwd=root, env=os.environ | CLEAN, check=True, capture_output=True)


class Site:
    """A repository with workflows."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        run_git(root, "init", "-q", "-b", "main")
        run_git(root, "config", "user.name", "Ada")
        run_git(root, "config", "user.email", "ada@example.com")

    def write(self, **files: str) -> "Site":
        for name, text in files.items():
            path = self.root / ".github/workflows" / f"{name}.yml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return self

    def commit(self, message: str = "One") -> "Site":
        run_git(self.root, "add", "-A")
        run_git(self.root, "commit", "-q", "--allow-empty", "-m", message)
        return self

    def request(self, **more) -> LocalRequest:
        repo = repository.discover(self.root)
        assert repo is not None
        return LocalRequest(repo, **{"actor": "ada", **more})


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "site")


def path(name: str) -> str:
    return f".github/workflows/{name}.yml"


def names(intake) -> list[str]:
    return [run.workflow.title for run in intake.runs]


def nothing_recorded() -> bool:
    return RunRow.select().count() == EventRow.select().count() == 0


# which workflows


FOLLOWING = f"""name: After
on: {{workflow_run: {{workflows: [CI], types: [completed], branches: [main]}}}}
jobs: {{a: {{if: github.event.workflow_run.conclusion == 'success', {STEPS}}}}}
"""


def test_who_would_follow_a_run_is_named_and_can_be_run_as_if(lab, site):
    other = FOLLOWING.replace("[CI]", "[Other]").replace("After", "Never")
    site.write(ci=PUSH, after=FOLLOWING, other=other, broken="on: {workflow_run: 3}\njobs: {}").commit()
    found = prepare(lab.store, site.request(workflow=".github/workflows/ci.yml"))
    assert found.notes == (
        ".github/workflows/after.yml follows CI (on: workflow_run), but on a server alone: `treadle run "
        ".github/workflows/after.yml --event workflow_run` runs it as if CI had succeeded.",
    )
    [run] = prepare(lab.store, site.request(workflow=".github/workflows/after.yml", event="workflow_run")).runs
    told = run.contexts["github"]["event"]["workflow_run"]
    assert (told["name"], told["conclusion"], told["head_branch"]) == ("CI", "success", "main")


def test_what_the_event_triggers_runs_and_the_others_say_why_not(lab, site):
    site.write(ci=PUSH, release=RELEASE, deploy=MANUAL).commit()
    intake = prepare(lab.store, site.request())
    assert names(intake) == ["CI"]
    assert intake.verdicts[path("ci")] == "push, without a filter"
    assert "only tags is filtered" in intake.verdicts[path("release")]
    assert "does not name push" in intake.verdicts[path("deploy")]
    assert nothing_recorded()


@pytest.mark.parametrize("wanted", [path("release"), "Release"])
def test_a_workflow_may_be_named_by_path_or_by_name_whatever_its_filters_say(lab, site, wanted):
    site.write(ci=PUSH, release=RELEASE).commit()
    intake = prepare(lab.store, site.request(workflow=wanted))
    assert names(intake) == ["Release"]
    assert intake.verdicts[path("release")].startswith("asked for by name")


def test_a_name_that_is_nearly_right_gets_a_hint(lab, site):
    site.write(ci=PUSH, release=RELEASE).commit()
    with pytest.raises(GitError, match="Did you mean 'Release'"):
        prepare(lab.store, site.request(workflow="Relaese"))
    with pytest.raises(GitError, match=r"There are: .*ci\.yml"):
        prepare(lab.store, site.request(workflow="xyzzy"))


@pytest.mark.parametrize(
    ("event", "ref"), [("pull_request", "refs/pull/7/merge"), ("pull_request_target", "refs/heads/dev")]
)
def test_a_pull_request_runs_on_its_merge_and_its_target_on_the_base(lab, site, event, ref):
    site.write(ci=f"on: {event}\njobs: {{a: {{{STEPS}}}}}\n").commit()
    pull = {"action": "opened", "number": 7, "pull_request": {"head": {"ref": "x"}, "base": {"ref": "dev"}}}
    [run] = prepare(lab.store, site.request(event=event, payload=pull)).runs
    assert run.ref == run.contexts["github"]["ref"] == ref


def test_a_named_workflow_that_is_broken_is_told_as_broken(lab, site):
    site.write(ci=BROKEN, release=RELEASE).commit()
    with pytest.raises(WorkflowError, match=r"ci\.yml:2"):
        prepare(lab.store, site.request(workflow="CI"))


def test_what_was_not_named_may_be_broken(lab, site):
    site.write(ci=BROKEN, release=RELEASE).commit()
    for wanted in ("Release", path("release")):
        assert names(prepare(lab.store, site.request(workflow=wanted))) == ["Release"]


def test_all_broken_files_are_told_together(lab, site):
    site.write(one=BROKEN, two=BROKEN, ok=PUSH).commit()
    with pytest.raises(ExceptionGroup) as caught:
        prepare(lab.store, site.request())
    assert [error.path for error in caught.value.exceptions] == [path("one"), path("two")]
    assert nothing_recorded()


def test_a_broken_policy_is_told_once(lab, site):
    site.write(one=PUSH, two=PUSH).commit()
    policy = site.root / ".treadle/policy.yml"
    policy.parent.mkdir()
    policy.write_text("one.yml: {a: {retry: {max: -1}}}\n")
    with pytest.raises(WorkflowError) as caught:
        prepare(lab.store, site.request())
    assert caught.value.path == ".treadle/policy.yml"


def test_a_file_that_is_not_utf_8_is_a_finding_with_its_line(lab, site):
    site.write(ci=PUSH)
    (site.root / path("ci")).write_bytes(b"on: push\nname: \xff\n")
    site.commit()
    with pytest.raises(WorkflowError, match=r"ci\.yml:2:1: error: the file is not UTF-8"):
        prepare(lab.store, site.request())


def test_a_repository_without_workflows_says_where_it_looked(lab, site):
    site.commit()
    with pytest.raises(GitError, match=r"has no workflows \(looked in .*treadle init"):
        prepare(lab.store, site.request())


# which jobs


def test_a_job_comes_with_what_it_needs(lab, site):
    site.write(ci=PUSH).commit()
    intake = prepare(lab.store, site.request(jobs=frozenset({"b"})))
    assert [job.key for job in intake.runs[0].plan.jobs] == ["a", "b"]


def test_jobs_are_looked_for_in_all_workflows_that_run(lab, site):
    site.write(ci=PUSH, more=PUSH.replace("CI", "More").replace("{a:", "{x:").replace("needs: a", "needs: x")).commit()
    intake = prepare(lab.store, site.request(jobs=frozenset({"x"})))
    assert names(intake) == ["More"]
    assert "none of the jobs" in intake.verdicts[path("ci")]
    assert names(prepare(lab.store, site.request(jobs=frozenset({"a", "x"})))) == ["CI", "More"]
    with pytest.raises(ExceptionGroup) as caught:
        prepare(lab.store, site.request(jobs=frozenset({"a", "zz"})))
    assert all("no job 'zz'" in str(error) for error in caught.value.exceptions)


def test_what_cannot_be_honoured_is_refused_before_anything_is_written(lab, site):
    site.write(ci=SNAPSHOT).commit()
    with pytest.raises(WorkflowError, match="snapshot"):
        prepare(lab.store, site.request())
    assert nothing_recorded()
    assert names(prepare(lab.store, site.request(jobs=frozenset({"b"})))) == [path("ci")]


# which event


def test_a_named_workflow_is_run_by_what_it_listens_to(lab, site):
    pull = PUSH.replace("on: push", "on: pull_request").replace("CI", "Pull")
    site.write(ci=PUSH, deploy=MANUAL, pull=pull).commit()
    events = [prepare(lab.store, site.request(workflow=name, inputs=inputs)).runs[0].event
              for name, inputs in (("CI", {}), ("Deploy", {"where": "here"}), ("Pull", {}))]  # fmt: skip
    assert events == ["push", "workflow_dispatch", "pull_request"]
    with pytest.raises(GitError, match="does not listen to push, only to workflow_dispatch"):
        prepare(lab.store, site.request(workflow="Deploy", event="push"))


def test_inputs_have_the_types_that_the_workflow_declares(lab, site):
    site.write(deploy=MANUAL).commit()
    given = {"where": "there", "dry": "true"}
    run = prepare(lab.store, site.request(workflow="Deploy", inputs=given)).runs[0]
    assert run.contexts["inputs"] == {"times": 2, "dry": True, "where": "there"}
    assert run.contexts["github"]["event"]["inputs"] == {"times": "2", "dry": "true", "where": "there"}
    for wrong in ({}, {"where": "nowhere"}, {"where": "here", "times": "many"}, {"where": "here", "x": "1"}):
        with pytest.raises(InputError):
            prepare(lab.store, site.request(workflow="Deploy", inputs=wrong))


def test_inputs_for_a_push_are_a_mistake(lab, site):
    site.write(ci=PUSH).commit()
    with pytest.raises(WorkflowError, match="use --event workflow_dispatch"):
        prepare(lab.store, site.request(inputs={"x": "1"}))


def test_a_payload_is_the_event(lab, site):
    site.write(ci=PUSH).commit()
    run = prepare(lab.store, site.request(payload={"head_commit": {"message": "Hello\n\nbody"}})).runs[0]
    assert run.contexts["github"]["event"]["head_commit"] == {"message": "Hello\n\nbody"}


def test_a_payload_without_sense_is_taken_for_what_it_says(lab, site):
    site.write(ci=f"on: pull_request\njobs: {{a: {{{STEPS}}}}}\n").commit()
    payload = {"pull_request": {"base": "main", "head": 7}}
    assert len(prepare(lab.store, site.request(event="pull_request", payload=payload)).runs) == 1


def test_a_commit_may_ask_for_no_run(lab, site):
    site.write(ci=PUSH).commit("One [skip ci]")
    intake = prepare(lab.store, site.request())
    assert intake.runs == ()
    assert "[skip ci]" in intake.verdicts[path("ci")]
    assert record(lab.store, intake, "ada", lab.clock) == []
    assert nothing_recorded()


# which files


def test_the_working_tree_runs_as_it_is_and_a_revision_as_it_was(lab, site):
    site.write(ci=PUSH).commit()
    site.write(ci=PUSH.replace("CI", "Changed"), new=PUSH.replace("CI", "New"))
    now = prepare(lab.store, site.request())
    then = prepare(lab.store, site.request(rev="HEAD"))
    assert (names(now), names(then)) == (["Changed", "New"], ["CI"])
    head = repository.discover(site.root).head
    assert [run.source["sha"] == head for run in (*now.runs, *then.runs)] == [False, False, True]
    assert {run.sha for run in (*now.runs, *then.runs)} == {head}, "github.sha is a commit that others know"
    assert now.runs[0].source["mirror"] and then.runs[0].source["mirror"] is None


@pytest.mark.parametrize(
    ("rev", "ref"),
    [
        ("main", "refs/heads/main"),
        ("refs/heads/side", "refs/heads/side"),
        ("side", "refs/heads/side"),
        ("v1", "refs/tags/v1"),
        ("refs/tags/v1", "refs/tags/v1"),
        ("HEAD", "refs/heads/main"),
    ],
)
def test_a_revision_is_a_branch_or_a_tag_as_the_repository_knows_it(lab, site, rev, ref):
    site.write(ci=PUSH, release=RELEASE).commit()
    run_git(site.root, "branch", "side")
    run_git(site.root, "tag", "v1")
    intake = prepare(lab.store, site.request(rev=rev))
    assert {run.ref for run in intake.runs} == {ref}
    assert ("Release" in names(intake)) == ref.startswith("refs/tags/")


def test_a_revision_that_is_not_there_is_an_error(lab, site):
    site.write(ci=PUSH).commit()
    with pytest.raises(GitError, match=r"no commit 'mian'.*main"):
        prepare(lab.store, site.request(rev="mian"))


# recording


def test_what_was_prepared_is_recorded_with_its_event_and_verdicts(lab, site):
    site.write(ci=PUSH, release=RELEASE).commit("One\n\nbody")
    request = site.request(secrets={"TOKEN": "hunter2hunter2"}, variables={"v": "1"}, labels={"x": "y"}, env={"E": "e"})
    intake = prepare(lab.store, request)
    [run_id] = record(lab.store, intake, "ada", lab.clock)
    run = lab.store.queries.run(run_id)
    assert (run.repo, run.number, run.title, run.event, run.status) == ("local/site", 1, "One", "push", "queued")
    facts = lab.store.queries.facts(lab.named(run_id, "a").id)
    assert facts.trigger["vars"] == {"v": "1"}
    assert facts.source["labels"] == {"x": "y"} and facts.source["env"] == {"E": "e"}
    assert lab.store.secrets.open(facts.secrets) == {"TOKEN": "hunter2hunter2"}
    assert EventRow.get().verdicts == dict(intake.verdicts)
    lab.tick()
    assert lab.work() == ["a", "b", "c"]
    lab.store.close()
    assert b"hunter2" not in b"".join(file.read_bytes() for file in lab.store.home.rglob("*") if file.is_file())


def test_runs_are_numbered_as_they_are_recorded(lab, site):
    text = PUSH.replace("name: CI", "name: CI\nrun-name: 'Run ${{ github.run_number }}'")
    site.write(ci=text).commit()
    intake = prepare(lab.store, site.request())
    runs = [lab.store.queries.run(record(lab.store, intake, "ada", lab.clock)[0]) for _ in range(2)]
    assert [(run.number, run.title) for run in runs] == [(1, "Run 1"), (2, "Run 2")]


def test_of_several_runs_all_are_recorded_or_none(lab, site):
    breaks = PUSH.replace("name: CI", "name: B\nrun-name: \"${{ github.run_number == '1' && fromJSON('x') }}\"")
    site.write(a=PUSH, b=breaks).commit()
    intake = prepare(lab.store, site.request())
    assert names(intake) == ["CI", "B"]
    with pytest.raises(WorkflowError):
        record(lab.store, intake, "ada", lab.clock)
    assert nothing_recorded() and JobRow.select().count() == 0
