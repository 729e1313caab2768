"""The laws of action.yml."""

import pytest

from pipelines.errors import WorkflowError
from pipelines.parse_actions import parse_action

COMPOSITE = """
name: Greet
description: says hello
inputs:
  who: {description: whom, required: true}
  how: {default: '${{ github.actor }}'}
outputs:
  said: {value: '${{ steps.s.outputs.said }}'}
runs:
  using: composite
  steps:
    - {id: s, run: echo hello, shell: bash, env: {WHO: '${{ inputs.who }}'}}
    - {uses: ./other, with: {x: '${{ inputs.how }}'}}
"""


def faults(text: str) -> str:
    with pytest.raises(WorkflowError) as caught:
        parse_action(text, "action.yml")
    return " ".join(finding.message for finding in caught.value.findings)


def test_a_composite_action_has_inputs_outputs_and_steps() -> None:
    action = parse_action(COMPOSITE, "greet/action.yml")
    assert (action.name, action.using, len(action.steps), action.findings) == ("Greet", "composite", 2, ())
    assert [(name, item.required) for name, item in action.inputs.items()] == [("who", True), ("how", False)]
    assert list(action.outputs) == ["said"]


@pytest.mark.parametrize(
    ("runs", "kind"),
    [
        ("{using: node99, main: a.js}", "node99"),
        ("{using: sh, main: a.sh}", "sh"),
    ],
)
def test_an_unknown_kind_of_program_is_not_honoured(runs: str, kind: str) -> None:
    action = parse_action(f"name: x\nruns: {runs}\n", "action.yml")
    assert action.using == kind
    assert [finding.unsupported for finding in action.findings] == [True]


def test_an_action_that_is_a_program_says_what_runs_when() -> None:
    action = parse_action("runs: {using: node20, main: a.js, post: b.js, post-if: success()}\n", "action.yml")
    assert (action.findings, action.main, action.post, action.pre, action.pre_if) == ((), "a.js", "b.js", "", None)
    assert action.post_if is not None and action.post_if.text == "success()"


def test_an_action_that_is_an_image_says_how_it_is_run() -> None:
    text = "runs: {using: docker, image: Dockerfile, args: ['${{ inputs.x }}'], env: {A: b}, post-entrypoint: /p}\n"
    action = parse_action(text, "action.yml")
    assert (action.image, action.entrypoint, action.post_entrypoint) == ("Dockerfile", "", "/p")
    assert action.args is not None and [item.text for item in action.args] == ["${{ inputs.x }}"]
    assert {name: value.text for name, value in action.env.items()} == {"A": "b"}
    assert parse_action("runs: {using: docker, image: 'docker://x'}\n", "action.yml").args is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: x\n", "'runs'"), ("name: x\nruns: {}\n", "'using'"), ("name: x\nruns: {using: composite}\n", "'steps'"),
        ("name: x\nruns: {using: composite, steps: [{run: x}]}\n", "'shell'"),
        ("name: x\nruns: {using: composite, main: x, steps: []}\n", "'main'"),
        ("name: x\nruns: {using: composite, steps: [{run: x, shell: sh, timeout-minutes: 1}]}\n", "timeout-minutes"),
        ("name: x\nruns: {using: composite, steps: [{run: '${{ secrets.X }}', shell: sh}]}\n", "secrets"),
        ("name: x\nruns: {using: node20}\n", "'main'"),
        ("name: x\ninput: {}\nruns: {using: node20, main: x}\n", "'input'"),
        (COMPOSITE.replace("{value: '${{ steps.s.outputs.said }}'}", "{}"), "'value'"), ("", "empty"),
    ],
)  # fmt: skip
def test_what_no_action_can_say_is_an_error(text: str, words: str) -> None:
    assert words in faults(text)
