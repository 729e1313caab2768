"""`treadle run` in real processes: what it says when it cannot, its exit codes, and the stream for programs."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.store.logs.reader import LogReader
from tests.app.cli.treadle_process import Treadle

GREEN = "jobs: {a: {runs-on: here, steps: [{run: echo hello}]}}"


@pytest.fixture
def treadle(tmp_path: Path) -> Iterator[Treadle]:
    treadle = Treadle(tmp_path)
    yield treadle
    treadle.close()


# -- exit codes and sentences ---------------------------------------------------------------------------------------


def test_a_run_that_succeeds_is_0_and_one_that_fails_is_1(treadle: Treadle) -> None:
    treadle.write(GREEN)
    assert treadle.run().returncode == 0
    treadle.write("jobs: {a: {runs-on: here, steps: [{run: exit 3}]}}")
    assert treadle.run().returncode == 1
    treadle.write("jobs: {a: {runs-on: here, if: false, steps: [{run: x}]}}")
    assert treadle.run().returncode == 0


def test_a_run_needs_no_secrets_of_the_server(treadle: Treadle) -> None:
    config = treadle.home / "treadle.yml"
    config.write_text(config.read_text() + "repos: [{name: a/b, url: /srv/b, secret: '${ONLY_THE_SERVER_HAS_IT}'}]\n")
    treadle.write(GREEN)
    assert treadle.run().returncode == 0


@pytest.mark.parametrize(
    ("workflow", "line", "said"),
    [
        (None, (), "has no workflows (looked in .treadle/workflows, .forgejo/workflows, .gitea/workflows, "),
        (GREEN, ("nothing.yml",), "There is no workflow 'nothing.yml' in "),
        (GREEN, ("--job", "b"), ".github/workflows/ci.yml:1:1: error: there is no job 'b' ("),
        (GREEN, ("--event", "release"), "No workflow runs for release:\n  .github/workflows/ci.yml: "),
        (GREEN, ("--ref", "nowhere"), "nowhere"),
        (GREEN, ("--input", "x=1"), "inputs are given, but the event is push (use --event workflow_dispatch)"),
        (GREEN, ("--input", "x"), "treadle: --input x: give NAME=VALUE."),
        (GREEN, ("--secret", "hunter2"), "treadle: Of --secret: give NAME=VALUE."),
        (GREEN, ("--workers", "0"), "Argument --workers: '0' is no whole number from 1"),
        (
            GREEN,
            ("--payload", "gone.json"),
            "treadle: The payload gone.json cannot be read: No such file or directory.",
        ),
        (GREEN, ("--payload", "hello.txt"), "treadle: The payload hello.txt is not JSON: "),
        (
            "on: {workflow_dispatch: {inputs: {level: {type: choice, options: [low, high]}}}}\n" + GREEN,
            ("--event", "workflow_dispatch", "--input", "level=odd"),
            "treadle: The input 'level' is one of low, high, not 'odd'.",
        ),
        ("jobs: {a: {runs-on: here, steps: [{run: x, uses: y}], odd: 1}, b: {steps: []}}", (), "ci.yml:2:"),
        ("jobs: {a: {runs-on: here, snapshot: image, steps: [{run: x}]}}", (), "snapshot"),
    ],
)
def test_what_the_person_can_mend_is_2_with_a_sentence(
    treadle: Treadle, workflow: str | None, line: tuple[str, ...], said: str
) -> None:
    if workflow:
        treadle.write(workflow)
    ended = treadle.run(*line)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "hunter2" not in ended.stderr


def test_all_that_is_wrong_with_all_workflows_is_said_at_once(treadle: Treadle) -> None:
    treadle.write("jobs: {a: {runs-on: here, steps: [{run: x, odd: 1, shel: sh}]}}", "one.yml")
    treadle.write("jobs: {b: {needs: [c], runs-on: here, steps: [{run: x}]}}", "two.yml")
    ended = treadle.run()
    assert ended.returncode == 2
    lines = [line for line in ended.stderr.splitlines() if ": error: " in line]
    assert [line.split(":")[0] for line in lines] == [".github/workflows/one.yml"] * 2 + [".github/workflows/two.yml"]


def test_a_folder_without_a_repository_is_2(treadle: Treadle, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    ended = treadle.run(cwd=tmp_path / "plain")
    assert ended.returncode == 2
    folder = (tmp_path / "plain").resolve()
    assert ended.stderr == (
        f"treadle: {folder} is not in a Git repository. `git init` makes one; --repo names another folder.\n"
    )


def test_a_folder_that_is_not_there_is_told_as_such(treadle: Treadle, tmp_path: Path) -> None:
    ended = treadle.run("--repo", str(tmp_path / "sit"))
    assert ended.returncode == 2
    assert ended.stderr == f"treadle: There is no folder {tmp_path.resolve() / 'sit'}. --repo names the one to run.\n"


def test_an_input_that_a_workflow_without_inputs_gets_is_refused(treadle: Treadle) -> None:
    treadle.write("on: workflow_dispatch\njobs: {a: {runs-on: here, steps: [{run: x}]}}")
    ended = treadle.run("--event", "workflow_dispatch", "--input", "a=b")
    assert ended.returncode == 2
    assert "the workflow takes none. Inputs are given with `--input NAME=VALUE`." in ended.stderr


@pytest.mark.parametrize(
    ("workflow", "line", "said"),
    [
        (
            "jobs: {a: {runs-on: ubuntu-lates, steps: [{run: x}]}}",
            (),
            "treadle: .github/workflows/ci.yml:2: Job a runs on ubuntu-lates, and no such label is mapped to an image "
            "(did you mean ubuntu-latest?). "
            "Add it under `labels:` in treadle.yml, or run with --label ubuntu-lates=IMAGE.\n",
        ),
        (
            "jobs: {a: {runs-on: x, container: 'image:1', steps: [{run: x}]}}",
            ("--executor", "host"),
            "treadle: .github/workflows/ci.yml:2: Job a asks for the container image:1, and the host executor has "
            "none. Run it with Docker, or without `container:`.\n",
        ),
    ],
)
def test_a_job_that_has_nowhere_to_run_is_3_before_anything_is_recorded(
    treadle: Treadle, workflow: str, line: tuple[str, ...], said: str
) -> None:
    treadle.options = ()
    treadle.write(workflow)
    ended = treadle.run(*line)
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, "", said)
    assert json.loads(treadle.call("list", "--json").stdout) == []


def test_a_docker_engine_that_does_not_answer_is_3(treadle: Treadle) -> None:
    treadle.options = ()
    treadle.write("jobs: {a: {runs-on: x, container: 'image:1', steps: [{run: x}]}}")
    ended = treadle.run(env={"DOCKER_HOST": f"unix://{treadle.folder}/dead.sock"})
    assert (ended.returncode, ended.stdout) == (3, "")
    assert ended.stderr.startswith("treadle: ")
    assert "dead.sock" in ended.stderr
    assert "--executor host" in ended.stderr or "executor: host" in ended.stderr or "Start" in ended.stderr


@pytest.mark.docker
def test_an_image_that_is_neither_here_nor_to_be_had_is_3(treadle: Treadle, docker_engine: str) -> None:
    treadle.options = ()
    treadle.write("jobs: {a: {runs-on: x, container: 'localhost:1/no/image:1', steps: [{run: x}]}}")
    ended = treadle.run()
    assert (ended.returncode, ended.stdout) == (3, "")
    assert "localhost:1/no/image:1" in ended.stderr


def test_a_job_that_will_not_run_needs_nowhere_to_run(treadle: Treadle) -> None:
    treadle.write("""
        jobs:
          a: {runs-on: here, steps: [{run: echo hello}]}
          b: {runs-on: windows-latest, if: github.event_name == 'release', steps: [{run: x}]}
        """)
    treadle.options = ("--label", "here=host")
    ended = treadle.run("--json")
    assert ended.returncode == 0, ended.stderr
    jobs = json.loads(ended.stdout.splitlines()[-1])["runs"][0]["jobs"]
    assert {name: job["status"] for name, job in jobs.items()} == {"a": "success", "b": "skipped"}


# -- the stream -----------------------------------------------------------------------------------------------------

SHAPES: dict[str, dict[str, Any]] = {
    "run": {"type": str, "id": int, "number": int, "workflow": str, "status": str, "at": str},
    "job": {
        "type": str, "run": int, "id": int, "name": str, "attempt": int, "from": (str, type(None)), "status": str,
        "at": str, "reason": str,
    },
    "step": {
        "type": str, "job": int, "attempt": int, "index": int, "name": str, "status": str,
        "exit_code": (int, type(None)), "at": str,
    },
    "log": {"type": str, "job": int, "attempt": int, "step": int, "text": str},
    "result": {"type": str, "status": str, "seconds": (int, float), "runs": list},
}  # fmt: skip
JOB_SHAPE = {
    "id": int,
    "key": str,
    "status": str,
    "attempts": int,
    "outputs": dict,
    "seconds": (int, float),
    "needs": list,
}


def test_the_stream_has_the_shapes_of_the_contract_and_the_whole_log(treadle: Treadle) -> None:
    treadle.write("""
        name: CI
        jobs:
          first:
            runs-on: here
            outputs: {list: '["x", "y"]'}
            steps:
              - run: printf 'no end'
              - run: for i in $(seq 2000); do echo "line $i ✓"; done; echo "::group::g"; echo "::error::bad"
              - run: exit 3
                continue-on-error: true
          many:
            needs: first
            runs-on: here
            strategy: {matrix: {n: "${{ fromJSON(needs.first.outputs.list) }}"}}
            steps:
              - run: echo ${{ matrix.n }} ${{ secrets.KEY }}
        """)
    ended = treadle.run("--json", "--secret", "KEY=hunter2-hunter2")
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    assert (ended.returncode, lines[-1]["type"]) == (0, "result")
    assert "hunter2" not in ended.stdout
    for line in lines:
        shape = SHAPES[line["type"]]
        assert shape.items() <= {**line, **shape}.items()
        assert all(isinstance(line[name], kind) for name, kind in shape.items()), line
        assert not line.keys() - shape.keys() - {"job"}
    [run] = lines[-1]["runs"]
    assert run.keys() == {"id", "workflow", "status", "jobs"}
    assert set(run["jobs"]) == {"first", "many (x)", "many (y)"}
    for job in run["jobs"].values():
        assert job.keys() == JOB_SHAPE.keys()
        assert all(isinstance(job[name], kind) for name, kind in JOB_SHAPE.items())
    assert run["jobs"]["many (y)"]["needs"] == ["first"]
    assert {line["name"] for line in lines if line["type"] == "job"} >= {"first", "many (x)", "many (y)"}
    for job in run["jobs"].values():
        joined = "".join(line["text"] for line in lines if line["type"] == "log" and line["job"] == job["id"])
        with LogReader(treadle.home / "logs" / str(run["id"]) / f"{job['id']}-1.log") as reader:
            assert joined == reader.read(0, reader.size).decode()
    first = [line for line in lines if line["type"] == "step" and line["job"] == run["jobs"]["first"]["id"]]
    assert [(line["index"], line["status"], line["exit_code"]) for line in first if line["status"] != "running"] == [
        (0, "success", 0), (1, "success", 0), (2, "failed", 3),
    ]  # fmt: skip


def test_a_log_line_belongs_to_the_step_that_printed_it(treadle: Treadle) -> None:
    treadle.write("""
        jobs:
          a:
            runs-on: here
            steps:
              - uses: actions/checkout@v4
              - run: echo one
              - if: false
                run: echo never
              - run: echo three
        """)
    lines = [json.loads(line) for line in treadle.run("--json").stdout.splitlines()]
    texts: dict[int, str] = {}
    for line in lines:
        if line["type"] == "log":
            texts[line["step"]] = texts.get(line["step"], "") + line["text"]
    assert sorted(texts) == [-1, 0, 1, 3]
    assert texts[3] == "##[group]Run echo three\necho three\n##[endgroup]\nthree\n"
    only = treadle.call("logs", "latest/a", "--step", "3")
    assert only.stdout == texts[3]


def test_everything_that_is_no_result_goes_to_stderr(treadle: Treadle) -> None:
    treadle.write(GREEN)
    large = treadle.repo / "link"
    large.symlink_to("/etc/passwd")
    ended = treadle.run("--json")
    assert ended.returncode == 0
    for line in ended.stdout.splitlines():
        json.loads(line)


def test_secrets_may_come_from_the_environment(treadle: Treadle) -> None:
    treadle.write("jobs: {a: {runs-on: here, steps: [{run: 'test \"${{ secrets.KEY }}\" = value-of-key'}]}}")
    assert treadle.run("--secret", "KEY", env={"KEY": "value-of-key"}).returncode == 0
    environment = {name: value for name, value in os.environ.items() if name != "KEY"}
    assert "KEY" not in environment
    assert treadle.run("--secret", "KEY").returncode == 2
