"""The laws of reading a workflow: all complaints at once, in order, each at its place; nothing silently ignored."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.errors import Finding, Place, Severity, WorkflowError
from pipelines.parse import parse_workflow, unsupported

MINIMAL = "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: 'true'\n"


def faults(text: str | bytes) -> list[tuple[int, int, str]]:
    with pytest.raises(WorkflowError) as caught:
        parse_workflow(text, "ci.yml")
    assert all(isinstance(finding, Finding) for finding in caught.value.findings)
    return [(f.place.line, f.place.column, f.message) for f in caught.value.findings if f.severity is Severity.ERROR]


def test_the_smallest_workflow() -> None:
    workflow = parse_workflow(MINIMAL, "ci.yml")
    assert (workflow.path, workflow.name, workflow.title) == ("ci.yml", None, "ci.yml")
    assert [trigger.event for trigger in workflow.on] == ["push"]
    assert list(workflow.jobs) == ["a"]
    assert workflow.findings == ()


def test_everything_a_workflow_can_say_is_read() -> None:
    text = (
        "name: n\ndescription: d\nrun-name: run ${{ github.ref }}\nenv: {A: 1.50, B: yes, C: , D: true}\npriority: 3\n"
        "defaults: {run: {shell: bash, working-directory: sub}}\n"
        "concurrency: {group: 'g-${{ github.ref }}', cancel-in-progress: true, queue: all, limit: 2}\n"
    )
    workflow = parse_workflow(text + MINIMAL, "ci.yml")
    assert {key: template.text for key, template in workflow.env.items()} == {
        "A": "1.5",
        "B": "yes",
        "C": "",
        "D": "true",
    }
    assert workflow.run_name is not None and not workflow.run_name.is_literal
    assert workflow.defaults.shell is not None and workflow.defaults.shell.text == "bash"
    assert workflow.concurrency is not None
    assert (workflow.concurrency.queue_all, workflow.concurrency.limit) == (True, 2)
    assert (workflow.title, workflow.priority, workflow.findings) == ("n", 3, ())


def test_all_complaints_come_at_once_in_the_order_of_the_file() -> None:
    text = "on: psh\nenv: [x]\nx: 1\njobs:\n  a:\n    need: b\n    steps:\n      - run: ${{ nope.x }}\n      - {}\n"
    assert [(line, column) for line, column, _ in faults(text)] == [
        (1, 5),
        (2, 6),
        (3, 1),
        (6, 5),
        (6, 5),
        (8, 18),
        (9, 9),
    ]


def test_an_error_of_yaml_is_told_alone_with_its_place() -> None:
    assert faults("on: push\njobs:\n  a: b: c\n") == [(3, 7, "YAML: mapping values are not allowed in this context")]


def test_an_unknown_key_names_the_nearest_known_one() -> None:
    with pytest.raises(WorkflowError) as caught:
        parse_workflow(MINIMAL.replace("runs-on", "run-on"), "ci.yml")
    finding = next(f for f in caught.value.findings if "run-on" in f.message)
    assert (finding.place, finding.hint) == (Place(4, 5), "did you mean 'runs-on'?")
    assert str(caught.value).startswith("ci.yml:4:5: error: ")


@pytest.mark.parametrize("missing", ["on", "jobs"])
def test_what_is_required_is_missed(missing: str) -> None:
    text = {"on": MINIMAL.removeprefix("on: push\n"), "jobs": "on: push\n"}[missing]
    assert f"lacks the key '{missing}'" in faults(text)[0][2]


@pytest.mark.parametrize("text", ["", "[]", "text", "on: push\njobs: {}\n", "on: push\njobs:\n", b"\xff"])
def test_what_is_no_workflow_is_refused(text: str | bytes) -> None:
    assert faults(text)


def test_an_alias_repeats_its_node_but_not_its_complaints() -> None:
    text = (
        "on: push\njobs:\n  a:\n    runs-on: x\n    steps: &s\n      - {bad: 1, run: x}\n  b: {runs-on: x, steps: *s}\n"
    )
    assert [line for line, _, _ in faults(text)] == [6]


def test_two_faults_in_one_text_are_two_complaints() -> None:
    text = MINIMAL.replace("'true'", '"${{ a.b }} ${{ github.x }} ${{ c( }}"')
    assert [column for _, column, _ in faults(text)] == [19, 46]


@pytest.mark.parametrize(
    ("key", "value", "contexts"),
    [
        ("run-name", "${{ secrets.X }}", False),
        ("env", "{A: '${{ secrets.X }}'}", True),
        ("env", "{A: '${{ env.X }}'}", False),
    ],
)
def test_an_expression_may_name_what_its_position_allows(key: str, value: str, contexts: bool) -> None:
    text = f"{key}: {value}\n{MINIMAL}"
    if contexts:
        assert parse_workflow(text, "ci.yml")
    else:
        assert "cannot be used here" in faults(text)[0][2]


def test_permissions_are_checked_and_change_nothing() -> None:
    workflow = parse_workflow("permissions: {contents: read}\n" + MINIMAL, "ci.yml")
    assert [(f.severity, f.unsupported, f.place) for f in workflow.findings] == [("warning", False, Place(1, 14))]
    assert faults("permissions: {content: read}\n" + MINIMAL)
    assert faults("permissions: {id-token: read}\n" + MINIMAL)
    assert faults("permissions: write\n" + MINIMAL)


def test_only_the_jobs_that_run_can_be_refused() -> None:
    text = (
        MINIMAL
        + "  b:\n    runs-on: x\n    snapshot: i\n    container: {image: p, volumes: [/a:/b]}\n    steps: [run: x]\n"
    )
    workflow = parse_workflow(text, "ci.yml")
    assert unsupported(workflow, ["a"]) == ()
    assert [finding.place.line for finding in unsupported(workflow, ["b"])] == [9, 10]
    assert unsupported(workflow) == unsupported(workflow, ["a", "b"])
    assert all(finding.severity is Severity.WARNING and finding.unsupported for finding in workflow.findings)


def test_what_an_alias_brings_into_a_job_is_refused_there_too() -> None:
    text = "on: push\njobs:\n  a: {runs-on: x, container: &c {image: p, volumes: [.:/b]}}\n"
    text += "  b: {runs-on: x, container: *c}\n"
    workflow = parse_workflow(text, "ci.yml")
    assert all(len(unsupported(workflow, [key])) == 1 for key in "ab")


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("ab: \n-[]{}&*!|>'\"#${}?,%@\t<=on"), max_size=60))
def test_no_text_brings_the_parser_down(text: str) -> None:
    for whole in (text, MINIMAL.replace("'true'", text), f"{MINIMAL}{text}"):
        try:
            parse_workflow(whole, "ci.yml")
        except WorkflowError as error:
            assert error.findings
