import pytest

from engine.core.errors import ExecutorUnavailable
from engine.worker.precheck import Wanted, boxes
from pipelines.parse import parse_workflow
from pipelines.plan import plan_run

LABELS = {"ubuntu-latest": "image:1", "big": "image:2"}
CONTEXTS = {"github": {}, "inputs": {}, "vars": {"WHERE": "big"}}


def images(jobs: str) -> list[str | None]:
    workflow = parse_workflow(f"on: push\njobs:\n{jobs}", "ci.yml")
    return [
        box.plan.image
        for box in boxes([Wanted(workflow, plan_run(workflow, CONTEXTS).jobs, CONTEXTS, LABELS, "docker")])
    ]


def test_an_image_is_looked_for_once_however_many_jobs_run_in_it() -> None:
    matrix = "strategy: {matrix: {on: [ubuntu-latest, '${{ vars.WHERE }}'], n: [1, 2]}}"
    assert images(f"  a: {{runs-on: '${{{{ matrix.on }}}}', {matrix}, steps: [run: x]}}") == ["image:1", "image:2"]


@pytest.mark.parametrize(
    "place",
    [
        "runs-on: '${{ needs.first.outputs.where }}'",
        "runs-on: '${{ matrix.on }}', strategy: {matrix: {on: '${{ fromJSON(needs.first.outputs.list) }}'}}",
        "runs-on: ubuntu-latest, container: '${{ needs.first.outputs.image }}'",
    ],
)
def test_where_a_job_runs_is_left_open_while_its_needs_have_not_told(place: str) -> None:
    first = "  first: {runs-on: big, steps: [run: x]}"
    assert images(f"{first}\n  second: {{needs: first, {place}, steps: [run: x]}}") == ["image:2"]


@pytest.mark.parametrize(
    ("runs_on", "said"),
    [
        ("ubuntu-lates", "did you mean ubuntu-latest"),
        ("moon", "known: big, ubuntu-latest"),
        ("${{ vars.X }}", "nothing"),
    ],
)
def test_a_label_that_leads_nowhere_is_refused_with_the_fix(runs_on: str, said: str) -> None:
    with pytest.raises(ExecutorUnavailable, match=said):
        images(f"  a: {{runs-on: '{runs_on}', steps: [run: x]}}")


def test_what_is_missing_is_told_with_its_line_and_how_to_do_without() -> None:
    jobs = "  a: {runs-on: big, steps: [run: x]}\n  b:\n    runs-on:\n      labels: [moon]\n    steps: [run: x]"
    with pytest.raises(ExecutorUnavailable, match=r"^ci.yml:6: Job b runs on moon, .*--job NAME` runs other jobs"):
        images(jobs)


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        ("github.event_name == 'release'", []),
        ("false", []),
        ("always() && vars.WHERE == 'small'", []),
        ("vars.WHERE == 'big'", ["image:1"]),
        ("failure()", ["image:1"]),
        ("cancelled()", ["image:1"]),
        ("needs.first.outputs.x == 'y'", ["image:1"]),
        ("fromJSON('{')", ["image:1"]),
    ],
)
def test_a_job_whose_condition_is_false_already_needs_no_image(condition: str, wanted: list[str]) -> None:
    first = "  first: {runs-on: big, steps: [run: x]}"
    job = f'  a: {{needs: first, runs-on: ubuntu-latest, if: "{condition}", steps: [run: x]}}'
    assert images(f"{first}\n{job}") == ["image:2", *wanted]
