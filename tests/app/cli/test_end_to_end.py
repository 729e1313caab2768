"""A stranger's first minutes, in real processes on the host executor: run, look, read, run again."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.core.clock import SystemClock
from engine.git.repository import start_repository

ROOT = Path(__file__).resolve().parents[3]
WORKFLOW = """
name: CI
on: push
jobs:
  build:
    runs-on: here
    outputs: {word: "${{ steps.say.outputs.word }}"}
    steps:
      - id: say
        run: echo "word=hello" >> "$GITHUB_OUTPUT"
      - run: printf 'one\\ntwo\\n'
  test:
    needs: build
    runs-on: here
    steps:
      - name: Try
        run: |
          echo "${{ needs.build.outputs.word }} at attempt $TREADLE_ATTEMPT"
          test "$TREADLE_ATTEMPT" -ge 2 || exit 7
"""


@pytest.fixture
def treadle(tmp_path):
    repo = tmp_path / "repo"
    (repo / ".github/workflows").mkdir(parents=True)
    (repo / ".github/workflows/ci.yml").write_text(WORKFLOW)
    start_repository(repo, "Begin", SystemClock().now())
    environment = {**os.environ, "TREADLE_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}

    def call(*line: str) -> subprocess.CompletedProcess[str]:
        run = [sys.executable, "-m", "app.cli.main", *line]
        return subprocess.run(run, cwd=repo, env=environment, capture_output=True, text=True, check=False, timeout=60)

    return call


HERE = ("--executor", "host", "--label", "here=host")


def test_a_run_is_seen_looked_up_read_and_taken_up_again(treadle):
    run = treadle("run", *HERE)
    assert run.returncode == 1, run.stderr
    assert "build | one\nbuild | two\n" in run.stdout
    assert "── test, step 'Try': exit code 7 ──" in run.stdout
    assert "whole log: treadle logs j2" in run.stdout

    assert "✗ failed" in treadle("list").stdout
    shown = json.loads(treadle("show", "--json").stdout)
    assert [job["status"] for job in shown["jobs"]] == ["success", "failed"]
    assert shown["jobs"][0]["outputs"] == {"word": "hello"}
    assert "hello at attempt 1\n" in treadle("logs", "latest/test").stdout

    again = treadle("retry", "latest", "--failed")
    assert again.returncode == 0, again.stderr
    assert "No engine runs" in again.stderr
    assert treadle("run", "ci.yml", *HERE, "--job", "build").returncode == 0
    followed = treadle("logs", "r1/test", "--follow")
    assert (followed.returncode, "hello at attempt 2\n" in followed.stdout) == (0, True)


def test_the_json_stream_of_a_run_holds_all_that_happened(treadle):
    run = treadle("run", "--json", *HERE)
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    result = lines[-1]
    assert (run.returncode, result["status"]) == (1, "failed")
    jobs = result["runs"][0]["jobs"]
    assert {name: (job["status"], job["attempts"], job["needs"]) for name, job in jobs.items()} == {
        "build": ("success", 1, []),
        "test": ("failed", 1, ["build"]),
    }
    kinds = {line["type"] for line in lines}
    assert kinds == {"run", "job", "step", "log", "result"}
    statuses = [line["status"] for line in lines if line["type"] == "job" and line["name"] == "build"]
    assert statuses[-2:] == ["running", "success"]
    [code] = [line["exit_code"] for line in lines if line["type"] == "step" and line["status"] == "failed"]
    assert code == 7
