"""The search for the commit that broke a job, in real repositories: it is named, by runs that disturb nobody."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.control.asks import commands
from engine.control.bisecting import start as bisect_start
from engine.core.bisecting import Verdict
from engine.core.errors import EngineError
from engine.core.states import BisectStatus
from engine.settings.model import Settings
from engine.store.tables.home import OutboxRow
from engine.store.tables.runs import JobRow, RunRow
from tests.engine.bisect_site import CI, History
from tests.engine.works import WORKFLOW, Works


@pytest.fixture
def site(tmp_path: Path) -> Iterator[History]:
    settings = Settings(tmp_path / "home", workers=2, labels={"here": "host"})
    works = Works(tmp_path, settings)
    works.start()
    yield History(works)
    works.close()


def test_the_commit_that_broke_a_job_is_named_with_the_runs_that_prove_it(site):
    site.line(12, culprit=8)
    red = site.green_then_red()
    found = site.ended(site.bisect(red))
    assert found.status is BisectStatus.FOUND, found.reason
    assert (found.commits, found.left) == (11, 1)
    assert site.tried(found) == [
        ("Commit 6", "good"), ("Commit 9", "bad"), ("Commit 7", "good"), ("Commit 8", "bad"), ("Commit 8", "bad again"),
    ]  # fmt: skip
    culprit = found.culprit
    assert culprit is not None
    assert (culprit.sha, culprit.author, culprit.email, culprit.subject) == (
        site.shas["Commit 8"], "Ada", "ada@example.org", "Commit 8",
    )  # fmt: skip
    assert culprit.confirmed and culprit.good_sha == site.shas["Commit 7"]
    runs = {one.run: one for one in found.trials}
    assert runs[culprit.bad_run].sha == culprit.sha and runs[culprit.good_run].sha == culprit.good_sha
    assert "'Commit 8' broke 'test (a)'" in found.reason


def test_a_trial_is_the_failing_job_alone_in_nobodys_way(site):
    site.line(4, culprit=3)
    red = site.green_then_red()
    found = site.ended(site.bisect(red))
    assert found.culprit and found.culprit.subject == "Commit 3"
    first = found.trials[0]
    run = RunRow.get_by_id(first.run)
    assert run.title == f"bisect {found.id}: {first.sha[:7]} {first.subject}"
    assert (run.bisect_id, run.priority, run.concurrency_group, run.sha) == (found.id, -100, None, first.sha)
    assert (run.ref, run.event) == ("refs/heads/main", "push")
    jobs = list(JobRow.select().where(JobRow.run_id == run.id))
    assert {job.name for job in jobs} == {"build", "test (a)"}
    assert {(job.priority, job.concurrency_group) for job in jobs} == {(-100, None)}
    github = run.contexts["github"]
    assert github["sha"] == github["event"]["after"] == first.sha
    assert github["event"]["head_commit"]["message"].strip() == first.subject
    assert not OutboxRow.select().count()


def test_what_ordinary_runs_have_told_is_not_run_again(site):
    site.line(12, culprit=8)
    red = site.green_then_red()
    site.run("Commit 7")
    site.run("Commit 10")
    found = site.ended(site.bisect(red, good="Commit 1"))
    assert site.tried(found)[:2] == [("Commit 7", "good ordinary"), ("Commit 10", "bad ordinary")]
    assert found.culprit and found.culprit.subject == "Commit 8"
    assert all(one.subject in ("Commit 8", "Commit 9") for one in found.trials[2:])


def test_a_range_of_one_is_named_at_once_without_a_run(site):
    site.line(3, culprit=3)
    site.run("Commit 2")
    red = site.works.job(site.run(), "test (a)")
    found = site.ended(site.bisect(red))
    assert found.culprit and found.culprit.subject == "Commit 3"
    assert (found.culprit.bad_run, found.culprit.good_run) == (red.run_id, red.run_id - 1)
    assert found.trials == ()


def test_a_culprit_on_a_branch_that_was_merged_is_named(site):
    site.line(3, culprit=99)
    site.git("checkout", "-q", "-b", "side")
    site.commit("Side 1", {"side.txt": "1"})
    site.commit("Side 2", {"side.txt": "2", "word.txt": "broken\n"})
    site.commit("Side 3", {"side.txt": "3"})
    site.git("checkout", "-q", "main")
    site.commit("Commit 4", {"number.txt": "4\n"})
    site.git("merge", "-q", "--no-ff", "-m", "Merge the side", "side")
    site.shas["Merge the side"] = site.git("rev-parse", "HEAD")
    site.commit("Commit 5", {"number.txt": "5\n"})
    red = site.green_then_red()
    found = site.ended(site.bisect(red))
    assert found.culprit and found.culprit.subject == "Side 2"
    assert found.commits == 8


def test_a_commit_without_the_workflow_the_job_or_a_whole_file_is_passed_over(site):
    site.line(3, culprit=99)
    other = CI.replace("      test:\n", "      tests:\n")
    site.commit("No workflow", {"number.txt": "3a\n"})
    site.git("rm", "-q", WORKFLOW)
    site.commit("No workflow")
    site.commit("Other job", {WORKFLOW: other})
    site.commit("Broken file", {WORKFLOW: "on: push\njobs: 3\n"})
    site.commit("Culprit", {WORKFLOW: CI, "word.txt": "broken\n"})
    site.commit("Last", {"number.txt": "9\n"})
    red = site.green_then_red()
    found = site.ended(site.bisect(red))
    why = {one.subject: one.why for one in found.trials if one.verdict is Verdict.SKIP}
    assert set(why) <= {"No workflow", "Other job", "Broken file"} and why
    assert all(one.run == 0 for one in found.trials if one.verdict is Verdict.SKIP)
    assert found.status is BisectStatus.FAILED and found.culprit is None
    assert site.shas["Culprit"] == found.suspects[-1]
    assert "cannot" in found.reason or "no other can be tried" in found.reason


def test_another_failure_tells_nothing_of_this_one(site):
    site.line(3, culprit=99)
    broken = CI.replace('run: \'echo "word=$(cat word.txt)"', 'run: \'exit 7; echo "word=$(cat word.txt)"')
    assert broken != CI
    site.commit("Build breaks", {WORKFLOW: broken})
    site.commit("Mended", {WORKFLOW: CI})
    site.commit("Culprit", {"word.txt": "broken\n"})
    site.commit("Last", {"number.txt": "9\n"})
    red = site.green_then_red()
    found = site.ended(site.bisect(red, good="Commit 3"))
    assert found.culprit and found.culprit.subject == "Culprit"
    assert dict(site.tried(found)).get("Build breaks", "skip") == "skip"


def test_a_failure_that_comes_and_goes_is_not_blamed_on_a_commit(site, tmp_path):
    count = tmp_path / "count"
    count.write_text("0\n")
    once = f"n=$(cat {count}); echo $((n + 1)) > {count}; [ $n != 1 ]"
    ci = f"{{on: push, jobs: {{test: {{runs-on: here, steps: [{{name: Test, run: '{once}'}}]}}}}}}"
    for number in range(1, 4):
        site.commit(f"Commit {number}", {WORKFLOW: ci, "number.txt": f"{number}\n"})
    site.run("Commit 1")
    red = site.works.job(site.run(), "test")
    assert red.status == "failed"
    ended = site.ended(site.bisect(red))
    assert site.tried(ended) == [("Commit 2", "good"), ("Commit 3", "good again")]
    assert (ended.status, ended.culprit) == (BisectStatus.FAILED, None)
    assert "comes and goes" in ended.reason and ended.suspects == (site.shas["Commit 3"],)


def test_a_search_that_is_cancelled_ends_its_trial_as_well(site):
    ci = CI.replace(
        "- name: Test\n", "- run: '[ \"$(cat word.txt)\" = fine ] || [ -e ../no ] || true'\n          - name: Test\n"
    )
    site.line(8, culprit=5, ci=ci)
    red = site.green_then_red()
    site.works.store.queue.pause.set("ada", site.works.clock.now())
    bisect_id = site.bisect(red)
    site.works.until(lambda: site.now(bisect_id).open_trial, "a trial")
    trial = site.now(bisect_id).open_trial
    bisect_start.cancel(site.works.store, site.now(bisect_id), "ada")
    site.works.bus.wake("schedule", "wishes", "news")
    assert site.now(bisect_id).status is BisectStatus.CANCELLED
    assert site.works.ended(trial.run).status == "cancelled"
    with pytest.raises(EngineError, match="ended already"):
        bisect_start.cancel(site.works.store, site.now(bisect_id), "ada")


def test_a_trial_that_is_cancelled_is_passed_over(site):
    site.line(8, culprit=5)
    red = site.green_then_red()
    site.works.store.queue.pause.set("ada", site.works.clock.now())
    bisect_id = site.bisect(red)
    site.works.until(lambda: site.now(bisect_id).open_trial, "a trial")
    trial = site.now(bisect_id).open_trial
    commands.cancel(site.works.store, site.works.a_run(trial.run), "ada")
    site.works.bus.wake("schedule", "wishes", "news")
    site.works.until(lambda: site.now(bisect_id).trials[0].verdict, "it is judged")
    assert site.now(bisect_id).trials[0].verdict is Verdict.SKIP
    site.works.store.queue.pause.clear()
    site.works.bus.wake("queue")
    found = site.ended(bisect_id)
    assert found.culprit is None or found.culprit.subject == "Commit 5"


def test_two_searches_at_once_end_each_at_its_own_culprit(site):
    ci = CI.replace('steps: [{run: "exit 1"}]', "steps: [{uses: actions/checkout@v4}, {run: '! grep -q 6 number.txt'}]")
    site.line(6, culprit=3, ci=ci)
    site.run("Commit 1")
    run_id = site.run()
    ids = [site.bisect(site.works.job(run_id, name)) for name in ("test (a)", "other")]
    subjects = [site.ended(one).culprit.subject for one in ids]
    assert subjects == ["Commit 3", "Commit 6"]


def test_a_search_goes_on_with_another_engine(site):
    site.line(8, culprit=4)
    red = site.green_then_red()
    site.works.store.queue.pause.set("ada", site.works.clock.now())
    bisect_id = site.bisect(red)
    site.works.until(lambda: site.now(bisect_id).open_trial, "a trial")
    site.works.stop()
    site.works.store.queue.pause.clear()
    site.works.start()
    found = site.ended(bisect_id)
    assert found.culprit and found.culprit.subject == "Commit 4"
    assert len({one.run for one in found.trials}) == len(found.trials)
    assert RunRow.select().where(RunRow.bisect_id == bisect_id).count() == found.runs_made


# -- what cannot be searched ----------------------------------------------------------------------------------------


def test_without_a_green_commit_a_person_has_to_name_one(site):
    site.line(4, culprit=3)
    red = site.works.job(site.run(), "test (a)")
    with pytest.raises(EngineError, match="--good REV"):
        site.bisect(red)
    found = site.ended(site.bisect(red, good="Commit 1"))
    assert found.culprit and found.culprit.subject == "Commit 3" and found.culprit.good_sha == site.shas["Commit 2"]


def test_a_working_tree_is_no_commit(site):
    site.line(3, culprit=3)
    site.run("Commit 1")
    site.works.write({"word.txt": "broken\n", "more.txt": "dirty\n"})
    red = site.works.job(site.run_tree(), "test (a)")
    with pytest.raises(EngineError, match="in no commit"):
        site.bisect(red)
    found = site.ended(site.bisect(red, bad="Commit 3"))
    assert found.culprit and found.culprit.subject == "Commit 3"


def test_what_has_not_failed_is_not_searched_for(site):
    site.line(2, culprit=2)
    run_id = site.run()
    with pytest.raises(EngineError, match="has not failed"):
        site.bisect(site.works.job(run_id, "build"))


def test_good_has_to_be_an_ancestor_of_bad(site):
    site.line(3, culprit=3)
    red = site.works.job(site.run(), "test (a)")
    site.git("checkout", "-q", "-b", "side", site.shas["Commit 1"])
    site.commit("Elsewhere", {"side.txt": "1"})
    with pytest.raises(EngineError, match=f"no ancestor.*\n?.*{site.shas['Commit 1'][:12]}"):
        site.bisect(red, good="Elsewhere")


def test_a_job_that_may_deploy_is_not_tried_at_old_commits(site):
    ci = CI.replace("        concurrency: tests\n", "        environment: production\n")
    site.line(3, culprit=3, ci=ci)
    red = site.green_then_red()
    with pytest.raises(EngineError, match="environment"):
        site.bisect(red)


def test_the_same_search_is_not_begun_twice(site):
    site.line(8, culprit=4)
    red = site.green_then_red()
    site.works.store.queue.pause.set("ada", site.works.clock.now())
    site.bisect(red)
    with pytest.raises(EngineError, match="looks for that already"):
        site.bisect(red)


def test_another_error_in_the_same_step_tells_nothing_but_another_line_of_it_does(site):
    ci = """
        on: push
        jobs:
          test:
            runs-on: here
            steps: [{uses: actions/checkout@v4}, {name: Test, run: 'sh test.sh'}]
        """
    fails = "echo 'test.py:{}: error: {}'; exit 1\n"
    site.commit("Commit 1", {WORKFLOW: ci, "test.sh": "true\n"})
    site.commit("Other error", {"test.sh": fails.format(3, "not yet")})
    site.commit("Mended", {"test.sh": "true\n"})
    site.commit("Culprit", {"test.sh": fails.format(10, "wrong sum 7")})
    site.commit("Moved", {"test.sh": fails.format(12, "wrong sum 8")})
    site.run("Commit 1")
    red = site.works.job(site.run(), "test")
    known = site.ended(site.bisect(red))
    assert known.culprit and known.culprit.subject == "Culprit"
    site.run("Other error")
    again = site.ended(site.bisect(red, good="Commit 1", bad="Mended"))
    assert [(one.subject, one.verdict) for one in again.trials] == [("Other error", Verdict.SKIP)]
    assert "not yet" in again.trials[0].why
