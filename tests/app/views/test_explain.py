"""An explanation says what was decided, by what, with which values, and since when something waits."""

import json
import textwrap
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from app.explain_text import explanation
from app.views.explain import explain_event, explain_job, explain_run
from engine.core.retry import Outcome
from engine.settings.model import EnvironmentSettings, Settings
from engine.store.inbox import Arrival
from engine.store.inbox import Outcome as Settled
from engine.store.queue import StepNews
from pipelines.expr_syntax import parse
from pipelines.expr_trace import trace
from pipelines.plan import plan_run
from tests.engine.fakes import LOST, Lab, jobs
from tests.engine.forges.deliveries import push


class Explained:
    """What is told of a home: as JSON, and as the lines that people read."""

    def __init__(self, lab: Lab, **settings) -> None:
        self.lab = lab
        self.settings = Settings(home=lab.store.home, **settings)

    def job(self, run: int, name: str):
        return explain_job(self.lab.store, self.settings, self.lab.named(run, name).id)

    def run(self, run: int):
        return explain_run(self.lab.store, self.settings, run)

    def waits(self, run: int, name: str) -> tuple[str, float]:
        """Return why a job waits, and for how many seconds it has."""
        waits = self.job(run, name)["waits"]
        return waits["reason"], self.seconds(waits)

    def seconds(self, told) -> float:
        return (self.lab.clock.now() - datetime.fromisoformat(told["since"])).total_seconds()

    def lines(self, told) -> list[str]:
        return [line.text for line in explanation(told, self.lab.clock.now())]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path / "home")
    yield lab
    lab.close()


@pytest.fixture
def told(lab: Lab) -> Explained:
    return Explained(lab)


def written(text: str) -> str:
    return textwrap.dedent(text).strip("\n")


CHAIN = """
jobs:
  build:
    runs-on: x
    outputs: {v: "1"}
    steps: [{run: 'true'}]
  lint: {runs-on: x, steps: [{run: 'true'}]}
  deploy:
    needs: [build, lint]
    if: github.ref == 'refs/heads/main' && needs.build.outputs.v == '2'
    runs-on: x
    steps: [{run: 'true'}]
  report:
    needs: [deploy]
    if: failure() || github.event_name == 'schedule'
    runs-on: x
    steps: [{run: 'true'}]
"""


# -- conditions -----------------------------------------------------------------------------------------------------


def test_a_skipped_job_tells_every_part_of_its_condition_with_the_values_of_then(lab, told):
    run = lab.run(written(CHAIN))
    lab.finish(lab.start(), outputs={"v": "1"})
    lab.finish(lab.start())
    found = told.job(run, "deploy")
    assert found["condition"]["holds"] is False
    assert found["condition"]["adds_success"] is True
    assert [(part["depth"], part["text"], part["value"], part["note"]) for part in found["condition"]["parts"]] == [
        (0, "success() && (github.ref == 'refs/heads/main' && needs.build.outputs.v == '2')", "false", ""),
        (1, "success()", "true", "build success, lint success"),
        (1, "github.ref == 'refs/heads/main' && needs.build.outputs.v == '2'", "false", ""),
        (2, "github.ref == 'refs/heads/main'", "true", ""),
        (3, "github.ref", "'refs/heads/main'", ""),
        (2, "needs.build.outputs.v == '2'", "false", ""),
        (3, "needs.build.outputs.v", "'1'", ""),
    ]
    assert found["because"] == "its condition is false"
    assert "    success() → true (build success, lint success)" in told.lines(found)


def test_a_job_without_an_if_is_decided_by_success(lab, told):
    run = lab.run(jobs(a="", b="needs: a", c="needs: b"))
    lab.fail(lab.start())
    found = told.job(run, "b")
    assert (found["condition"]["written"], found["condition"]["holds"]) == (None, False)
    assert [(part["text"], part["value"], part["note"]) for part in found["condition"]["parts"]] == [
        ("success()", "false", "a failure")
    ]
    assert found["because"] == "what it needs did not succeed: a failed"
    assert told.job(run, "c")["because"] == "what it needs did not succeed: b skipped"


def test_a_condition_that_has_yet_to_be_looked_at_says_so(lab, told):
    run = lab.run(written(CHAIN))
    found = told.job(run, "deploy")
    assert found["condition"]["holds"] is None and not found["condition"]["parts"]
    assert any("not worked out yet" in line for line in told.lines(found))


def test_a_condition_that_fails_says_where(lab, told):
    run = lab.run(jobs(a='if: "fromJSON(github.ref)"'))
    found = told.job(run, "a")
    assert found["condition"]["holds"] is None
    assert "not valid JSON" in found["condition"]["error"]
    assert found["because"].startswith("if: fromJSON")


def test_a_condition_of_a_cancelled_run_saw_that(lab, told):
    run = lab.run(jobs(a="", b="needs: a, if: cancelled()", c="needs: a"))
    lease = lab.start()
    lab.cancel(run)
    lab.finish(lease, Outcome("cancelled"))
    assert told.job(run, "b")["condition"]["holds"] is True
    assert told.job(run, "c")["because"] == "the run was cancelled"
    assert told.job(run, "a")["because"] == "cancelled by ada" or "cancel" in told.job(run, "a")["because"]


def test_secrets_are_hidden_in_conditions_titles_and_groups(lab, told):
    sealed = lab.store.secrets.seal({"KEY": "swordfish"})
    contexts = {"github": {"ref": "refs/heads/swordfish", "event_name": "push", "event": {}}, "inputs": {}, "vars": {}}
    text = "run-name: on ${{ github.ref }}\nconcurrency: g-${{ github.ref }}\n" + jobs(
        a="if: \"github.ref == 'swordfish'\""
    )
    digest, workflow = lab.store.definitions.keep(".github/workflows/ci.yml", f"on: push\n{text}", "")
    plan = plan_run(workflow, contexts)
    run = lab.record(plan, "team/site", tick=True, definition=digest, contexts=contexts, secrets=sealed)
    whole = json.dumps([told.run(run)["title"], told.run(run)["concurrency"], told.job(run, "a")["condition"]])
    assert "swordfish" not in whole and "***" in whole


# -- waiting --------------------------------------------------------------------------------------------------------


def test_a_job_waits_for_its_needs_since_it_was_planned(lab, told):
    run = lab.run(jobs(a="", b="needs: a"))
    lab.clock.advance(5)
    lab.start()
    lab.clock.advance(7)
    assert told.waits(run, "b") == ("needs a", 12.0)
    [need] = told.job(run, "b")["waits"]["needs"]
    assert (need["name"], need["status"]) == ("a", "running")
    assert any("waits for 12 s: needs a" in line for line in told.lines(told.job(run, "b")))


def test_a_job_waits_for_a_worker_since_it_was_queued(lab, told):
    run = lab.run(jobs(a="", b=""))
    lab.clock.advance(3)
    assert told.waits(run, "a") == ("it is next: waits for a free worker", 3.0)
    assert told.waits(run, "b") == ("waits for a free worker, 1 job is before it", 3.0)
    assert told.job(run, "b")["waits"]["place"] == 2


def test_a_paused_queue_holds_since_it_was_paused(lab, told):
    run = lab.run(jobs(a=""))
    lab.clock.advance(3)
    lab.store.queue.pause.set("ada", lab.clock.now())
    lab.clock.advance(2)
    assert told.waits(run, "a") == ("the queue is paused, by ada", 2.0)


def test_a_backoff_tells_until_when(lab, told):
    run = lab.run(jobs(a="retry: {max: 2, backoff: 60s, jitter: 0}"))
    lab.fail(lab.start())
    lab.clock.advance(10)
    waits = told.job(run, "a")["waits"]
    assert (waits["cause"], told.seconds(waits)) == ("retry", 10.0)
    assert any("until in 50 s" in line for line in told.lines(told.job(run, "a")))


def test_a_concurrency_group_names_who_holds_it_and_since_when_one_waits(lab, told):
    first = lab.run(jobs(a="concurrency: deploy"))
    lab.start()
    lab.clock.advance(60)
    second = lab.run(jobs(a="needs: b, concurrency: deploy", b=""))
    lab.clock.advance(5)
    lab.finish(lab.start())
    lab.clock.advance(120)
    waits = told.job(second, "a")["waits"]
    held = lab.named(first, "a").id
    assert waits["reason"] == f"waits for the concurrency group 'deploy', held by job {held} (a #1)"
    assert told.seconds(waits) == 120.0
    assert [(one["kind"], one["id"], one["run"], told.seconds(one)) for one in waits["holders"]] == [
        ("job", held, first, 185.0)
    ]


def test_a_run_in_a_group_names_the_run_that_holds_it(lab, told):
    text = "on: push\nconcurrency: {group: g, queue: max}\n" + jobs(a="")
    first, second, third = (lab.run(text) for _ in range(3))
    lab.start()
    lab.clock.advance(30)
    told_of = told.run(third)
    assert told_of["waits"]["reason"] == f"waits for the concurrency group 'g', held by run {first} (CI #1)"
    assert (told_of["waits"]["before"], told.seconds(told_of["waits"])) == (1, 30.0)
    assert told.waits(second, "a")[0].endswith(f"held by run {first} (CI #1)")


def test_max_parallel_approval_and_the_environment_are_told(lab):
    rules = {"prod": EnvironmentSettings(approval=True)}
    told = Explained(lab, environments=rules)
    lab.scheduler._environments = told.settings.environment
    run = lab.run(jobs(a="environment: prod", m="strategy: {max-parallel: 1, matrix: {n: [1, 2]}}"))
    lab.clock.advance(4)
    found = told.job(run, "a")
    assert (found["waits"]["cause"], told.seconds(found["waits"])) == ("approval", 4.0)
    assert found["environment"] == {"name": "prod", "approved_by": None, "gate": "a person has to let it in"}
    assert told.waits(run, "m (2)") == ("as many jobs of its matrix run as its max-parallel allows", 4.0)
    lab.store.wishes.approve_job(lab.named(run, "a").id, "bob", lab.clock.now())
    lab.tick()
    assert told.job(run, "a")["environment"]["approved_by"] == "bob"
    assert [(one["seconds"], one["reason"]) for one in told.job(run, "a")["waited"]] == [
        (4.0, "a person's approval of the environment (approved by bob)")
    ]


def test_what_a_job_has_waited_for_is_told_part_by_part(lab, told):
    run = lab.run(jobs(a="", b="needs: a, retry: {max: 1, backoff: 10s, jitter: 0}"))
    lab.clock.advance(2)
    lease = lab.start()
    lab.clock.advance(3)
    lab.finish(lease)
    lab.clock.advance(4)
    lab.fail(lab.start())
    lab.clock.advance(11)
    lab.tick()
    lab.clock.advance(1)
    lab.finish(lab.start())
    assert [(one["seconds"], one["reason"]) for one in told.job(run, "b")["waited"]] == [
        (5.0, "what it needs, the last of it a"), (4.0, "a free worker"), (11.0, "its backoff after attempt 1"),
        (1.0, "a free worker"),
    ]  # fmt: skip


# -- what became of it ----------------------------------------------------------------------------------------------


def test_each_attempt_tells_why_there_was_another(lab, told):
    run = lab.run(jobs(a="retry: {max: 1, backoff: 1s, on: [failure]}"))
    lab.finish(lab.start(), LOST)
    lab.fail(lab.start())
    lab.clock.advance(5)
    lab.tick()
    lab.finish(lab.start(), Outcome("failed", "oom", 137, "Killed for memory"))
    lab.retry(run, "a")
    then = [one["then"] for one in told.job(run, "a")["attempts"]]
    assert then[0] == "tried again, which costs no retry: the attempt was lost, not failed"
    assert then[1] == "tried again: its retry takes failure, up to 1 times"
    assert then[2] == "not tried again: its retry takes failure, not oom; run again, asked for by ada"


def test_steps_tell_their_conditions_and_what_they_stood_back_for(lab, told):
    run = lab.run(jobs(a=""))
    lease, now = lab.start(), lab.clock.now()
    lab.store.queue.begin(lease, ["make", "never", "test", "after", "always", "last"], None)
    kept = [row.to_json() for row in trace(parse("github.ref == 'x'"), {"github": {"ref": "y"}}).rows()]
    lab.store.queue.steps(
        lease,
        [
            StepNews(0, "started", now), StepNews(0, "succeeded", now, 0, conclusion="success"),
            StepNews(1, "condition_false", now, conclusion="skipped", why=kept),
            StepNews(2, "started", now), StepNews(2, "failed", now, 3, conclusion="failure"),
            StepNews(3, "condition_false", now, conclusion="skipped"),
            StepNews(4, "started", now), StepNews(4, "succeeded", now, 0, conclusion="success", why=kept),
        ],
    )  # fmt: skip
    lab.store.queue.annotate(lease, [{"step": 2, "level": "error", "message": "exit code 3.", "properties": {}}])
    lab.fail(lease)
    found = told.job(run, "a")
    assert [(step["name"], step["because"], len(step["parts"])) for step in found["steps"]] == [
        ("make", "", 0), ("never", "its `if:` is false", 2), ("test", "exit code 3.", 0),
        ("after", "the step 'test' had failed", 0), ("always", "", 2), ("last", "the attempt ended before its turn", 0),
    ]  # fmt: skip
    assert found["because"] == "exit code 1, in the step 'test'"
    assert "         github.ref → 'y'" in told.lines(found)


def test_a_matrix_tells_what_include_and_exclude_did_and_which_cell_is_which_job(lab, told):
    run = lab.run(
        written("""
        jobs:
          m:
            runs-on: x
            strategy:
              matrix:
                os: [linux, mac]
                n: ${{ fromJSON('[1, 2]') }}
                exclude: [{os: mac, n: 2}, {os: bsd}]
                include: [{os: linux, x: y}, {os: sun}]
            steps: [{run: 'true'}]
        """)
    )
    matrix = told.job(run, "m (mac, 1)")["matrix"]
    assert matrix["vectors"] == {"os": ["'linux'", "'mac'"], "n": ["1", "2"]}
    assert [(one["name"], one["added"], one["extended_by"]) for one in matrix["cells"]] == [
        ("m (linux, 1)", False, [{"os": "'linux'", "x": "'y'"}]),
        ("m (linux, 2)", False, [{"os": "'linux'", "x": "'y'"}]),
        ("m (mac, 1)", False, []),
        ("m (sun)", True, []),
    ]
    assert matrix["removed"] == [
        {"values": {"os": "'mac'", "n": "2"}, "by": {"os": "'mac'", "n": "2"}},
    ]
    assert matrix["unused"] == [{"os": "'bsd'"}]
    assert matrix["written"][0]["value"] == "[1, 2]"
    lines = told.lines(told.run(run))
    assert "Matrix of m: 4 cells" in lines
    assert any("removed by exclude" in line for line in lines)


def test_a_matrix_that_its_needs_settle_is_told_before_and_after(lab, told):
    run = lab.run(
        written("""
        jobs:
          a: {runs-on: x, outputs: {m: "x"}, steps: [{run: 'true'}]}
          m:
            needs: a
            runs-on: x
            strategy: {matrix: {n: "${{ fromJSON(needs.a.outputs.m) }}"}}
            steps: [{run: 'true'}]
        """)
    )
    assert told.job(run, "m")["matrix"]["open"] is True
    lab.finish(lab.start(), outputs={"m": "[7,8]"})
    matrix = told.job(run, "m (8)")["matrix"]
    assert [one["values"] for one in matrix["cells"]] == [{"n": "7"}, {"n": "8"}]
    assert [part["text"] for part in matrix["written"][0]["parts"]] == [
        "fromJSON(needs.a.outputs.m)", "needs.a.outputs.m",
    ]  # fmt: skip


def test_a_label_tells_its_image_and_one_that_is_not_mapped_how_to_mend_it(lab):
    told = Explained(lab, labels={"x": "busybox:latest"})
    run = lab.run("jobs:\n  a: {runs-on: x, steps: [{run: 'true'}]}\n  b: {runs-on: [y], steps: [{run: 'true'}]}")
    place = told.job(run, "a")["runs_on"]
    assert (place["labels"], place["image"], place["executor"]) == (["x"], "busybox:latest", "docker")
    assert "no such label is mapped" in told.job(run, "b")["runs_on"]["problem"]


def test_the_jobs_of_a_run_are_told_in_short_with_what_each_waits_for(lab, told):
    run = lab.run(written(CHAIN))
    lab.clock.advance(2)
    lines = told.lines(told.run(run))
    assert any("build" in line and "waits for a free worker" in line for line in lines)
    assert any("deploy" in line and "needs build, lint, for 2.0 s" in line for line in lines)


# -- events ---------------------------------------------------------------------------------------------------------


def arrive(lab: Lab) -> int:
    """Have a push come in, by the forge; return its event."""
    repo = lab.store.runs.repo("acme/app", "/srv/app")
    event = {"forge": "github", "event": "push", "delivery_id": "d", "payload": push()}
    return lab.store.inbox.accept([Arrival(repo, "d", "push", "github", {"event": event})], lab.clock.now())[0][0]


def test_an_event_tells_the_filter_that_decided_for_each_workflow_and_its_runs(lab, told):
    event = arrive(lab)
    waits = explain_event(lab.store, told.settings, event)["waits"]
    assert "is planned as soon as" in waits["reason"]
    run = lab.run(jobs(a=""), event_id=event)
    verdicts = {".github/workflows/ci.yml": "push, without a filter", "b.yml": "paths does not match src/a.py"}
    lab.store.inbox.settle({event: Settled(verdicts=verdicts)}, lab.clock.now())
    found = explain_event(lab.store, told.settings, event)
    assert (found["forge"], found["about"]["ref"], found["waits"]) == ("github", "refs/heads/main", None)
    assert found["changed_files"] == ["src/a.py"]
    assert [(one["path"], [run["id"] for run in one["runs"]]) for one in found["workflows"]] == [
        (".github/workflows/ci.yml", [run]), ("b.yml", []),
    ]  # fmt: skip
    assert told.run(run)["event"]["verdict"] == "push, without a filter"
    assert any("it runs because of push, without a filter" in line for line in told.lines(told.run(run)))


def test_an_event_that_is_postponed_tells_why_and_until_when(lab, told):
    event, now = arrive(lab), lab.clock.now()
    lab.store.inbox.postponed(event, "the forge is down", now + timedelta(seconds=30))
    lab.clock.advance(10)
    found = explain_event(lab.store, told.settings, event)
    assert (found["waits"]["reason"], told.seconds(found["waits"])) == ("the forge is down", 10.0)
    assert any("again in 20 s" in line for line in told.lines(found))


def test_what_there_is_not_is_not_explained(lab, told):
    for explains in (explain_run, explain_job, explain_event):
        assert explains(lab.store, told.settings, 99) is None
