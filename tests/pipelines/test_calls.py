"""The laws of `uses: ./…`: a call fits what the called file declares, an action can be used."""

import pytest

from pipelines.calls import check_calls
from pipelines.parse import parse_workflow

CALLED = """
on:
  workflow_call:
    inputs:
      name: {type: string, required: true}
      fast: {type: boolean}
      count: {type: number}
    secrets:
      key: {required: true}
jobs: {a: {runs-on: x}}
"""


def findings(call: str, files: dict[str, str]) -> list[tuple[str, str]]:
    workflow = parse_workflow(f"on: push\njobs:\n  a:\n{call}", ".github/workflows/ci.yml")
    load = {path: text.encode() for path, text in files.items()}.get
    return [(finding.severity, finding.message) for finding in check_calls(workflow, load)]


def call(lines: str, called: str = CALLED) -> list[tuple[str, str]]:
    return findings(f"    uses: ./b.yml\n{lines}", {"b.yml": called})


def test_a_call_that_fits_is_no_finding() -> None:
    assert call("    with: {Name: x, fast: true, count: 1}\n    secrets: {KEY: x}\n") == []
    assert call("    with: {name: 1, fast: '${{ inputs.x }}'}\n    secrets: inherit\n") == []


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("    secrets: inherit\n", "input name is required"),
        ("    with: {name: x, nme: y}\n    secrets: inherit\n", "no input nme"),
        ("    with: {name: x, fast: 'yes'}\n    secrets: inherit\n", "type boolean"),
        ("    with: {name: x, count: many}\n    secrets: inherit\n", "type number"),
        ("    with: {name: x}\n", "secret key is required"),
    ],
)
def test_a_call_that_does_not_fit_is_an_error(lines: str, words: str) -> None:
    ((severity, message),) = call(lines)
    assert severity == "error"
    assert words in message


def test_a_secret_that_nobody_asked_for_is_a_warning() -> None:
    assert [severity for severity, _ in call("    with: {name: x}\n    secrets: {key: x, other: y}\n")] == ["warning"]


def test_what_cannot_be_called_is_an_error() -> None:
    assert "cannot be called" in call("", "on: push\njobs: {a: {runs-on: x}}\n")[0][1]
    assert "b.yml:1:5" in call("", "on: nothing\njobs: {a: {runs-on: x}}\n")[0][1]
    assert "no workflow" in findings("    uses: ./c.yml\n", {})[0][1]


def test_calls_that_come_back_or_never_end_are_errors() -> None:
    one = "on: workflow_call\njobs: {a: {uses: ./%s.yml}}\n"
    assert "circle" in findings("    uses: ./b.yml\n", {"b.yml": one % "c", "c.yml": one % "b"})[0][1]
    chain = {f"{i}.yml": one % (i + 1) for i in range(20)}
    assert "levels deep" in findings("    uses: ./0.yml\n", chain)[0][1]


STEP = "    runs-on: x\n    steps: [{uses: ./act}]\n"
USES = "name: x\nruns: {using: composite, steps: [{uses: %s}]}\n"


def test_an_action_that_is_not_there_yet_is_no_finding() -> None:
    assert findings(STEP, {}) == []
    assert findings(STEP, {"act/action.yaml": USES % "./act"}) == []


def test_what_an_action_uses_in_turn_is_looked_into() -> None:
    files = {"act/action.yml": USES % "./deep", "deep/action.yml": "name: x\nruns: {using: node99, main: x}\n"}
    ((severity, message),) = findings(STEP, files)
    assert severity == "warning"
    assert message.startswith("deep/action.yml:2:15: an action of the kind 'node99'")


def test_an_action_that_cannot_be_read_is_an_error() -> None:
    assert findings(STEP, {"act/action.yml": "name: x\n"})[0][0] == "error"
