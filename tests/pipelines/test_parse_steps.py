"""The laws of `steps:`."""

import pytest

from pipelines.errors import Place, WorkflowError
from pipelines.model import Step
from pipelines.parse import parse_workflow
from pipelines.template import WHOLE

HEAD = "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n"


def steps(text: str) -> tuple[Step, ...]:
    return parse_workflow(HEAD + "".join(f"      {line}\n" for line in text.splitlines()), "ci.yml").jobs["a"].steps


def faults(text: str) -> str:
    with pytest.raises(WorkflowError) as caught:
        steps(text)
    return " ".join(finding.message for finding in caught.value.findings)


def test_a_step_keeps_what_it_says() -> None:
    run, uses = steps(
        "- {id: s, name: N, run: echo, if: failure(), shell: bash, working-directory: d, env: {A: 1}, "
        "continue-on-error: '${{ inputs.x }}', timeout-minutes: 5}\n"
        "- {uses: actions/checkout@v4, with: {fetch-depth: 0, x: true}}"
    )
    assert (run.key, run.place) == ("s", Place(6, 9))
    assert run.run is not None and run.run.text == "echo"
    assert run.shell is not None and run.env["A"].text == "1" and run.condition is not None
    assert run.timeout_minutes is not None and run.timeout_minutes.text == "5"
    assert (uses.uses, uses.uses_place) == ("actions/checkout@v4", Place(7, 16))
    assert {key: value.text for key, value in uses.with_.items()} == {"fetch-depth": "0", "x": "true"}  # type: ignore[union-attr]


def test_an_if_needs_no_braces_and_an_empty_one_is_none() -> None:
    bare, braced, empty, boolean = steps(
        "- {run: x, if: success()}\n- {run: x, if: '${{ success() }}'}\n- {run: x, if: ''}\n- {run: x, if: false}"
    )
    assert bare.condition is not None and braced.condition is not None and boolean.condition is not None
    assert empty.condition is None


def test_text_around_an_expression_in_an_if_is_warned_of() -> None:
    workflow = parse_workflow(
        HEAD + "      - run: x\n        if: ${{ false }} \n      - run: x\n        if: ' ${{ false }}'\n", "c"
    )
    assert [(f.place.line, "always true" in f.message) for f in workflow.findings] == [(9, True)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("-", "mapping"), ("- {}", "'uses'"), ("- x", "a mapping"), ("- {name: n}", "neither run nor uses"),
        ("- {run: x, uses: ./a}", "both run and uses"), ("- {run: x, with: {a: b}}", "'with'"),
        ("- {uses: ./a, shell: sh}", "'shell'"), ("- {shell: sh}", "'run'"), ("- {run: x, Shell: sh}", "'Shell'"),
        ("- {run: x, shell: '${{ env.S }}'}", "shell"), ("- {uses: actions/checkout}", "uses"),
        ("- {uses: ''}", "empty"), ("- {uses: '${{ x }}'}", "expression"), ("- {run: [x]}", "text"),
        ("- {run: x, if: a = b}", "if"), ("- {run: x, id: 1x}", "id"), ("- {run: x, id: __x}", "reserved"),
        ("- {run: x, id: a}\n- {run: x, id: A}", "twice"), ("- {run: x, env: [A]}", "mapping"),
        ("- {run: x, env: 'A ${{ github.ref }}'}", "mapping"), ("- {uses: ./a, with: '${{ nope }}'}", "with"),
        ("- {run: '${{'}", "never closed"), ("- {run: '${{ }}'}", "expression"),
        ("- {run: x, continue-on-error: maybe}", "true or false"), ("- {run: x, timeout-minutes: soon}", "a number"),
        ("- {run: x, name: '${{ jobs.x }}'}", "cannot be used"), ("- {wait: nope}", "no step above"),
        ("- {run: x, background: 1}", "true"),
    ],
)  # fmt: skip
def test_what_no_step_can_say_is_an_error(text: str, words: str) -> None:
    assert words in faults(text)


def test_an_env_or_a_with_that_is_one_expression_is_kept_whole() -> None:
    found = steps("- {run: x, env: '${{ matrix.e }}'}\n- {uses: ./a, with: '${{ fromJSON(env.W) }}'}")
    assert [list(found[0].env), list(found[1].with_)] == [[WHOLE], [WHOLE]]


@pytest.mark.parametrize(
    ("matrix", "wrong"),
    [
        ("{e: [{A: 1}]}", 0), ("{e: [A=1]}", 2), ("{e: [{A: 1}, 2]}", 2), ("{include: [{e: x}]}", 2),
        ("{x: [1], include: [{e: {A: 1}}]}", 0), ("{e: ['${{ fromJSON(vars.E) }}']}", 0),
        ("'${{ fromJSON(vars.E) }}'", 0),
    ],
)  # fmt: skip
def test_a_matrix_that_gives_an_env_no_mapping_is_an_error(matrix: str, wrong: int) -> None:
    text = f"on: push\njobs:\n  a:\n    runs-on: x\n    strategy: {{matrix: {matrix}}}\n"
    text += "    env: ${{ matrix.e }}\n    steps: [{uses: ./a, with: '${{ matrix.e }}'}]\n"
    try:
        found: list[int] = [one.place.line for one in parse_workflow(text, "ci.yml").findings]
    except WorkflowError as error:
        found = [one.place.line for one in error.findings]
    assert found == [6, 7][:wrong]


def test_steps_that_steer_background_steps_are_valid_but_not_honoured() -> None:
    text = "[{id: s, run: x, background: true}, {wait: s}, {wait-all: }, {cancel: s}, {parallel: [{run: y}]}]"
    job = parse_workflow(f"{HEAD}      {text}\n", "ci.yml").jobs["a"]
    assert (len(job.steps), len(job.unsupported)) == (1, 5)


def test_five_thousand_steps_are_no_matter() -> None:
    assert len(steps("\n".join(["- run: x"] * 5000))) == 5000
