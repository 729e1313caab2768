"""`treadle run` of workflows that call others and deploy, in real processes."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.cli.treadle_process import Treadle

CONFIG = """
grace: 1s
workers: 2
vars: {V: everywhere}
environments: {Prod: {branches: main, vars: {V: there}}, gated: {approval: true}}
"""
CALLING = """
env: {TOP: top}
jobs:
  first:
    runs-on: x
    outputs: {n: "${{ steps.s.outputs.n }}"}
    steps: [{id: s, run: "echo n=7 >> $GITHUB_OUTPUT"}]
  call:
    needs: first
    uses: ./.github/workflows/inner.yml
    with: {n: "${{ fromJSON(needs.first.outputs.n) }}"}
    secrets: {token: "${{ secrets.A }}-and-more"}
  last:
    needs: call
    runs-on: x
    environment: {name: prod, url: "https://example.com/${{ steps.u.outputs.page }}"}
    steps: [{id: u, run: "echo page=1 >> $GITHUB_OUTPUT; echo LAST ${{ needs.call.outputs.said }} ${{ vars.V }}"}]
"""
INNER = """
on:
  workflow_call:
    inputs: {n: {type: number, required: true}}
    secrets: {token: {required: true}}
    outputs: {said: {value: "${{ jobs.one.outputs.o }}"}}
jobs:
  one:
    runs-on: x
    outputs: {o: "n${{ inputs.n }}"}
    steps:
      - run: |
          echo "top=[$TOP] job=$GITHUB_JOB n=${{ inputs.n }} other=[${{ secrets.A }}] v=${{ vars.V }}"
          echo "token ${{ secrets.token }}"
"""


@pytest.fixture
def treadle(tmp_path: Path) -> Iterator[Treadle]:
    treadle = Treadle(tmp_path, config=CONFIG)
    yield treadle
    treadle.close()


def test_a_call_hands_in_and_gets_back_and_a_deployment_shows_where(treadle: Treadle) -> None:
    treadle.write(CALLING)
    treadle.write(INNER, "inner.yml")
    started = treadle.start("--secret", "A=alpha-alpha")
    result = started.result
    assert result["status"] == "success", started.log()
    jobs = result["runs"][0]["jobs"]
    assert {name: job["key"] for name, job in jobs.items()} == {
        "first": "first", "call": "call", "call / one": "call/one", "last": "last",
    }  # fmt: skip
    assert jobs["call"]["outputs"] == {"said": "n7"}
    assert "top=[] job=one n=7 other=[] v=everywhere" in started.log()
    assert "LAST n7 there" in started.log()
    assert "alpha" not in started.log()
    shown = json.loads(treadle.call("show", "--json").stdout)
    told = {job["name"]: job["environment"] for job in shown["jobs"]}
    assert told["last"] == {"name": "prod", "url": "https://example.com/1"}
    assert told["first"] is None


def test_a_job_of_a_gated_environment_waits_until_it_is_approved(treadle: Treadle) -> None:
    treadle.write("jobs: {a: {runs-on: x, environment: gated, steps: [{run: echo in}]}}")
    started = treadle.start()
    assert started.process.stdout is not None
    for line in started.process.stdout:
        told = json.loads(line)
        if told["type"] == "job" and told["status"] == "blocked":
            break
    assert told["reason"].startswith("the environment gated waits for approval")
    assert treadle.call("approve", "latest/a").returncode == 0
    assert started.result["status"] == "success"


def test_a_wrong_input_is_refused_before_anything_runs(treadle: Treadle) -> None:
    treadle.write("jobs: {a: {uses: ./.github/workflows/inner.yml, with: {n: many}, secrets: inherit}}")
    treadle.write(INNER, "inner.yml")
    ended = treadle.run()
    assert ended.returncode == 2
    assert "ci.yml:2:" in ended.stderr and "the input n must be of the type number" in ended.stderr


def test_secrets_that_cannot_be_worked_out_are_the_workflows_fault_with_its_line(treadle: Treadle) -> None:
    text = "jobs:\n  a:\n    uses: ./.github/workflows/in.yml\n    secrets:\n      t: '${{ fromJSON(secrets.A).b }}'"
    treadle.write(text)
    treadle.write("on: {workflow_call: {secrets: {t: {}}}}\njobs: {b: {runs-on: x, steps: [run: 'true']}}", "in.yml")
    ended = treadle.start("--secret", "A=hunter2-hunter2")
    job = ended.result["runs"][0]["jobs"]["a / b"]
    assert (job["status"], job["attempts"]) == ("failed", 1)
    told = treadle.call("show", "latest/a / b").stdout + treadle.call("logs", "latest/a / b").stdout
    assert ".github/workflows/ci.yml:6: `secrets.t` of the job a cannot be worked out" in told
    assert "infrastructure" not in told and "Treadle failed" not in told
    assert "hunter2" not in told + json.dumps(ended.said)
