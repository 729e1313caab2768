"""The commands that read a home and wish: against a real store that a run has gone through."""

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from app.cli.main import main
from engine.core.moves import JobMove
from engine.core.retry import Outcome
from engine.core.states import JobStatus
from engine.store.logs.writer import LogWriter, Progress
from engine.store.queue import StepNews
from engine.store.runs import NewRun
from engine.store.store import open_store
from pipelines.model import RetryPolicy
from pipelines.plan import JobPlan, RunPlan

START = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


@pytest.fixture
def home(tmp_path):
    """A home with one run: `build` failed once and then succeeded, `test (a)` failed with 7, `deploy` was held back."""
    store = open_store(tmp_path, create=True)
    repo = store.runs.repo("team/site", "/r")
    event, _ = store.runs.event(repo, "1", "push", {}, START)
    jobs = (
        JobPlan("build", "build", retry=RetryPolicy(max=1, jitter=0.0, backoff_s=1.0)),
        JobPlan("test", "test (a)", matrix={"x": "a"}),
        JobPlan("deploy", "deploy", needs=("test",)),
    )
    plan = RunPlan("A push", None, False, False, 1, 0, jobs)
    run = store.runs.create(
        NewRun(repo, event, ".github/workflows/ci.yml", "CI", "", "push", "refs/heads/main", "0" * 40, lambda *_: plan),
        "test",
        START,
    )
    build, test, deploy = (job.id for job in store.queries.jobs(run))

    def attempt(job, begin, outcome, log, code):
        store.decisions.apply([JobMove(job, status_of(store, job), cause_of(store, job), "")], "scheduler", at(begin))
        store.queue.load()
        lease = store.queue.claim("w1", at(begin))
        store.queue.begin(lease, ["Set up", "Run make"], None)
        writer = LogWriter(store.log_path(run, job, lease.number), 1 << 20)
        writer.begin_step(0, at(begin))
        writer.append(0, b"setting up\n", Progress(11), at(begin))
        writer.end_step(0, at(begin))
        writer.begin_step(1, at(begin + 1))
        writer.append(1, log, Progress(len(log)), at(begin + 1))
        writer.end_step(1, at(begin + 2))
        writer.close()
        end = "succeeded" if code == 0 else "failed"
        news = [StepNews(0, "started", at(begin)), StepNews(0, "succeeded", at(begin), 0)]
        news.append(StepNews(1, "started", at(begin + 1)))
        news.append(StepNews(1, end, at(begin + 2), code, summary="### Done\n\n| a |\x1b[2J\n"))
        store.queue.steps(lease, news)
        place = {"title": "Types", "file": "a.py", "line": 3, "column": 7}
        store.queue.annotate(lease, [{"step": 1, "level": "error", "message": "no\nsuch", "properties": place}])
        store.queue.finish(lease, outcome, at(begin + 2), outputs={}, tolerated=False)

    failed = Outcome("failed", "failure", 1, "step 2 failed")
    attempt(build, 0, failed, b"\x1b[31mred\x1b[0m first\nno end", 1)
    attempt(build, 10, Outcome("succeeded", exit_code=0), b"second\n", 0)
    attempt(test, 20, Outcome("failed", "failure", 7, "exit code 7"), b"one\ntwo\n", 7)
    store.decisions.apply([JobMove(deploy, JobStatus.PENDING, "needs_failed", "test failed")], "scheduler", at(30))
    store.close()
    return SimpleNamespace(path=tmp_path, run=run, build=build, test=test, deploy=deploy)


def status_of(store, job):
    return store.queries.job(job).status


def cause_of(store, job):
    return "due" if status_of(store, job) == JobStatus.RETRYING else "needs_met"


@pytest.fixture
def treadle(home, capfdbinary):
    def call(*line) -> tuple[int, bytes, bytes]:
        code = main([*map(str, line), "--home", str(home.path)])
        out, err = capfdbinary.readouterr()
        return code, out, err

    return call


def test_list_gives_runs_as_a_table_and_as_an_array(home, treadle):
    code, out, _ = treadle("list")
    assert code == 0
    assert b"failed" in out and b"CI" in out and b"main" in out and b"A push" in out
    code, out, _ = treadle("list", "--json")
    [run] = json.loads(out)
    assert (code, run["id"], run["workflow"], run["status"], run["number"]) == (0, home.run, "CI", "failed", 1)
    assert out.count(b'"workflow"') == 1


def test_list_of_a_home_that_is_not_there_is_empty_and_makes_nothing(tmp_path, capsys):
    assert main(["list", "--json", "--home", str(tmp_path / "none")]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert not (tmp_path / "none").exists()


def test_show_has_every_attempt_with_its_own_end(home, treadle):
    code, out, _ = treadle("show", "latest", "--json")
    run = json.loads(out)
    build, test, deploy = run["jobs"]
    assert code == 0
    assert [(a["number"], a["status"], a["exit_code"]) for a in build["attempts"]] == [
        (1, "failed", 1),
        (2, "success", 0),
    ]
    assert build["attempts"][0]["started_at"] != build["attempts"][1]["started_at"]
    assert [s["name"] for s in test["attempts"][0]["steps"]] == ["Set up", "Run make"]
    assert (deploy["status"], deploy["attempts"]) == ("skipped", [])
    assert b"token" not in out
    code, out, _ = treadle("show", f"r{home.run}")
    text = out.decode()
    assert "✗ failed        1.0 s  Run make  exit code 7\n        error    a.py:3:7: Types: no such\n" in text
    assert "attempt 2  ✓ success" in text and "exit code 0" not in text


def test_show_ends_a_job_with_its_last_attempts_summaries(home, treadle):
    text = treadle("show", f"r{home.run}")[1].decode()
    assert text.count("  summary\n    ### Done\n\n    | a |\n") == 2
    assert "\x1b" not in text


def test_logs_are_the_bytes_that_were_written(home, treadle):
    assert treadle("logs", home.build, "--attempt", 1)[1] == b"setting up\n\x1b[31mred\x1b[0m first\nno end"
    assert treadle("logs", home.build)[1] == b"setting up\nsecond\n"
    assert treadle("logs", "latest/test (a)", "--step", 1)[1] == b"one\ntwo\n"
    assert treadle("logs", f"r{home.run}/test", "--step", 0)[1] == b"setting up\n"


def test_logs_with_timestamps_say_when_each_line_came_in(home, treadle):
    _, out, _ = treadle("logs", f"j{home.test}", "--timestamps")
    assert out.splitlines() == [
        b"2030-01-02T03:04:25.000Z setting up",
        b"2030-01-02T03:04:26.000Z one",
        b"2030-01-02T03:04:26.000Z two",
    ]


def test_logs_as_json_name_their_step(home, treadle):
    _, out, _ = treadle("logs", home.test, "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    assert [(line["step"], line["text"]) for line in lines] == [(0, "setting up\n"), (1, "one\ntwo\n")]


def test_following_a_finished_job_ends_with_its_result(home, treadle):
    code, out, _ = treadle("logs", home.build, "--follow")
    assert (code, out) == (0, b"setting up\nsecond\n")
    assert treadle("logs", home.test, "--follow")[0] == 1
    assert treadle("logs", home.deploy, "--follow")[:2] == (1, b"")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (("show", "r99"), b"There is no run r99."),
        (("show", "#9"), b"There is no run #9."),
        (("logs", "j99"), b"There is no job j99."),
        (("logs", "latest/nothing"), b"There is no job latest/nothing."),
        (("logs", "latest/deploy"), b"has not started"),
        (("logs", "latest/build", "--attempt", "9"), b"no log of attempt 9"),
        (("logs", "latest/build", "--step", "9"), b"no step 9"),
        (("cancel", "latest"), b"has ended already"),
        (("cancel", "nothing"), b"There is no run or job nothing."),
    ],
)
def test_what_is_not_there_is_said_in_a_sentence(home, treadle, line, said):
    code, _, err = treadle(*line)
    assert code == 1
    assert said in err and b"Traceback" not in err


def test_retry_of_what_failed_leaves_the_green_job_alone(home, treadle):
    code, out, err = treadle("retry", "latest", "--failed")
    assert code == 0
    assert b"2 jobs" in out and b"No engine runs" in err
    store = open_store(home.path)
    assert [str(status_of(store, job)) for job in (home.build, home.test, home.deploy)] == [
        "success",
        "pending",
        "pending",
    ]
    assert store.queries.job(home.test).attempts == 1
    store.close()


def test_a_bare_number_means_a_job_to_retry_and_a_run_to_cancel(home, treadle):
    assert home.run == home.build == 1
    code, out, _ = treadle("retry", 1, "--json")
    assert (code, json.loads(out)["kind"]) == (0, "job")
    code, out, _ = treadle("cancel", 1, "--json")
    assert (code, json.loads(out)["kind"]) == (0, "run")


def test_show_summary_gives_what_the_steps_wrote_and_nothing_else(home, treadle):
    code, out, _ = treadle("show", f"r{home.run}", "--summary")
    assert (code, out.decode()) == (0, "build\n\n### Done\n\n| a |\n\ntest (a)\n\n### Done\n\n| a |\n")
