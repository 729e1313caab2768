"""The laws of `uses: ./…`: a call fits what the called file declares, an action can be used."""

import pytest

from pipelines.called import Called, WorkflowRef
from pipelines.calls import check_calls, look_into
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


INNER = "on: workflow_call\n%s\njobs: {b: {runs-on: x, %s}, c: {uses: ./c.yml%s}}"
LAST = "on: workflow_call\njobs: {d: {runs-on: x, permissions: {contents: write}}}"


@pytest.mark.parametrize(
    ("own", "workflow", "job", "call", "said"),
    [
        ("", "", "permissions: write-all", "", ""),
        ("permissions: write-all", "permissions: write-all", "permissions: {id-token: write}", "", ""),
        ("permissions: {contents: write}", "", "", "", ""),
        (
            "permissions: read-all", "permissions: {id-token: write, contents: read}", "", "",
            "the called workflow b.yml asks for more permissions (id-token: write) than its caller has "
            "(id-token: none)",
        ),
        (
            "permissions: {}", "", "permissions: {actions: read}", "",
            "the job b of the called workflow b.yml asks for more permissions (actions: read) than its caller has "
            "(actions: none)",
        ),
        (
            "permissions: {contents: write}", "permissions: {contents: read}", "", "",
            "the job d of the called workflow c.yml asks for more permissions (contents: write) than its caller has "
            "(contents: read)",
        ),
        ("permissions: {contents: write}", "permissions: {contents: read}", "", ", permissions: {contents: write}", ""),
    ],
)  # fmt: skip
def test_a_called_workflow_may_ask_for_no_more_than_its_caller_has(
    own: str, workflow: str, job: str, call: str, said: str
) -> None:
    files = {"b.yml": INNER % (workflow, job, call), "c.yml": LAST}
    found = [message for severity, message in findings(f"    uses: ./b.yml\n    {own}\n", files) if severity == "error"]
    assert found == ([said] if said else [])


def test_permissions_of_the_file_are_those_of_its_jobs() -> None:
    text = "on: push\npermissions: {contents: read}\njobs:\n  a: {uses: ./c.yml}\n  b:\n    uses: ./c.yml\n    %s"
    load = {"c.yml": LAST.encode()}.get
    found = check_calls(parse_workflow(text % "permissions: write-all", "ci.yml"), load)
    assert [(one.place.line, one.message[:5]) for one in found] == [(4, "the j")]


def test_what_cannot_be_called_is_an_error() -> None:
    assert "cannot be called" in call("", "on: push\njobs: {a: {runs-on: x}}\n")[0][1]
    assert "b.yml:1:5" in call("", "on: nothing\njobs: {a: {runs-on: x}}\n")[0][1]
    assert "no workflow" in findings("    uses: ./c.yml\n", {})[0][1]


def test_calls_that_come_back_or_never_end_are_errors() -> None:
    one = "on: workflow_call\njobs: {a: {uses: ./%s.yml}}\n"
    assert "circle" in findings("    uses: ./b.yml\n", {"b.yml": one % "c", "c.yml": one % "b"})[0][1]
    chain = {f"{i}.yml": one % (i + 1) for i in range(20)}
    assert "levels deep" in findings("    uses: ./0.yml\n", chain)[0][1]


def test_what_is_wrong_below_is_told_at_the_call_with_its_own_place() -> None:
    files = {
        "b.yml": "on: workflow_call\njobs:\n  a: {uses: ./c.yml, with: {x: 1}}\n",
        "c.yml": "on: workflow_call\njobs: {a: {runs-on: x, steps: [{run: x, background: true}]}}\n",
    }
    found = findings("    uses: ./b.yml\n", files)
    assert ("error", "b.yml:3:13: the called workflow has no input x") in found
    assert any(severity == "warning" and message.startswith("b.yml:3:13: c.yml:2:") for severity, message in found)


def test_calls_may_go_nine_levels_down_and_no_deeper() -> None:
    one = "on: workflow_call\njobs: {a: {uses: ./%s.yml}}\n"
    files = {f"{i}.yml": one % (i + 1) for i in range(8)} | {"8.yml": CALLED.replace("required: true", "")}
    assert findings("    uses: ./0.yml\n", files) == []
    assert "levels deep" in findings("    uses: ./x.yml\n", {**files, "x.yml": one % 0})[0][1]
    same = "    uses: ./1.yml\n  b:\n    uses: ./x.yml\n"
    assert "levels deep" in findings(same, {**files, "x.yml": one % 0})[0][1]


def test_a_remote_workflow_means_its_own_repository_by_a_path() -> None:
    texts = {
        "acme/ci/a/b.yml@v1": "on: workflow_call\njobs: {x: {uses: ./a/c.yml}}\n",
        "acme/ci/a/c.yml@v1": "on: workflow_call\njobs: {y: {runs-on: z}}\n",
    }

    def find(ref: WorkflowRef) -> Called | str:
        return Called(ref, parse_workflow(texts[ref.address], ref.address)) if ref.address in texts else "gone"

    workflow = parse_workflow("on: push\njobs: {a: {uses: Acme/CI/a/b.yml@v1}}\n", "ci.yml")
    taken = look_into(workflow, lambda path: None, find)
    assert list(taken.called) == list(texts)
    assert taken.findings == ()


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
