"""The laws of `jobs:`: what a job says, what it needs, where it runs."""

import pytest

from pipelines.errors import Severity, WorkflowError
from pipelines.model import Job, Workflow
from pipelines.parse import parse_workflow
from pipelines.template import Template


def jobs(text: str) -> Workflow:
    return parse_workflow(f"on: push\njobs:\n{text}", "ci.yml")


def job(lines: str) -> Job:
    return jobs("  a:\n    runs-on: x\n" + "".join(f"    {line}\n" for line in lines.splitlines())).jobs["a"]


def faults(text: str) -> list[tuple[int, str]]:
    with pytest.raises(WorkflowError) as caught:
        jobs(text)
    return [(one.place.line, one.message) for one in caught.value.findings if one.severity is Severity.ERROR]


def texts(templates: object) -> list[str]:
    assert isinstance(templates, list)
    return [template.text for template in templates if isinstance(template, Template)]


def test_a_job_keeps_what_it_says() -> None:
    found = job(
        "name: A ${{ matrix.x }}\nif: always()\nenv: {E: '1'}\noutputs: {o: '${{ steps.s.outputs.v }}'}\n"
        "continue-on-error: true\ntimeout-minutes: 2.5\ndefaults: {run: {shell: sh}}\nconcurrency: g\n"
        "strategy: {fail-fast: false, max-parallel: 2, matrix: {x: [1, a], include: [{y: true}]}}\n"
        "container: {image: 'img:${{ matrix.x }}', env: {C: c}, options: --cpus 1}"
    )
    assert found.condition is not None and found.timeout_minutes is not None and found.timeout_minutes.text == "2.5"
    assert found.continue_on_error is not None and found.continue_on_error.text == "true"
    assert found.strategy is not None and isinstance(found.strategy.matrix, dict)
    assert found.strategy.matrix["include"] == [{"y": True}]
    assert found.container is not None and found.container.options is not None
    assert (found.unsupported, list(found.outputs), found.concurrency is not None) == ((), ["o"], True)


def test_where_a_job_runs_is_a_label_or_a_list() -> None:
    a = jobs("  a: {runs-on: x}\n  b: {runs-on: [self-hosted, linux]}\n  c: {runs-on: {group: g, labels: [y]}}\n").jobs
    assert isinstance(a["a"].runs_on, Template) and a["a"].runs_on.text == "x"
    assert texts(a["b"].runs_on) == ["self-hosted", "linux"]
    assert texts(a["c"].runs_on) == ["y"]


def test_a_matrix_may_be_an_expression_whole_or_in_part() -> None:
    whole, part = (
        job(f"strategy: {{matrix: {m}}}").strategy
        for m in ("'${{ fromJSON(needs.a.outputs.m) }}'", "{x: '${{ fromJSON(vars.X) }}'}")
    )
    assert whole is not None and isinstance(whole.matrix, Template)
    assert part is not None and isinstance(part.matrix, dict) and isinstance(part.matrix["x"], Template)


@pytest.mark.parametrize("minutes", ["0", "-1", ".inf", "-.inf"])
def test_a_timeout_that_is_none_leaves_the_default_and_says_so(minutes: str) -> None:
    workflow = jobs(f"  a: {{runs-on: x, timeout-minutes: {minutes}, steps: [run: x]}}\n")
    assert workflow.jobs["a"].timeout_minutes is None
    assert ["default timeout" in finding.message for finding in workflow.findings] == [True]


@pytest.mark.parametrize("steps", ["", ", steps: []"])
def test_a_job_without_steps_is_warned_of_for_github_would_refuse_it(steps: str) -> None:
    [found] = jobs(f"  a: {{runs-on: x{steps}}}\n  b: {{runs-on: x, steps: [run: x]}}\n").findings
    assert (found.severity, found.place.line, "no steps" in found.message) == (Severity.WARNING, 3, True)


@pytest.mark.parametrize(
    "lines",
    [
        "snapshot: image", "services: {db: {image: x, volumes: ['./a:/b']}}",
        "container: {image: x, volumes: ['/a:/b']}", "container: {image: x, options: --privileged}",
        "container: {image: x, options: --entrypoint y}", "services: {db: {image: x, options: --blkio-weight 10}}",
        "services: {db: {image: x, options: --network none}}", "container: {image: x, options: --cap-add ALL}",
        "strategy: {matrix: {'${{ vars.K }}': [1]}}",
        "steps: [{run: x, background: true}]",
    ],
)  # fmt: skip
def test_what_is_valid_but_not_honoured_stays_valid_and_is_told(lines: str) -> None:
    found = job(lines)
    assert found.unsupported
    assert all("refused" in finding.message for finding in found.unsupported)


def test_a_job_calls_a_workflow() -> None:
    workflow = jobs("  a:\n    uses: ./.github/workflows/b.yml\n    with: {x: 1}\n    secrets: inherit\n")
    found = workflow.jobs["a"]
    assert (found.uses, found.with_, found.inherit_secrets) == ("./.github/workflows/b.yml", {"x": 1}, True)
    assert found.unsupported == ()


def test_a_strategy_may_be_one_expression() -> None:
    strategy = job("strategy: ${{ fromJSON(vars.S) }}").strategy
    assert strategy is not None and strategy.whole is not None and strategy.matrix is None


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("runs-on:", "empty"), ("runs-on: []", "empty"), ("runs-on: {lables: x}", "'lables'"),
        ("runs-on: {group: asdf/g}", "group"), ("need: x", "'need'"), ("container: {options: x}", "'image'"),
        ("container: {image: ''}", "empty"), ("container: {image: -x}", "no name of an image"),
        ("container: {image: x, volume: [a]}", "'volume'"), ("services: x", "mapping"),
        ("services: {a: {}}", "'image'"), ("env: x${{ fromJSON('{}') }}", "mapping"),
        ("timeout-minutes: '30'", "a number"), ("continue-on-error: 'yes'", "true or false"),
        ("strategy: {matrix: {}}", "empty"), ("strategy: {matrix: {x: []}}", "empty"),
        ("strategy: {matrix: {x: 1}}", "a list"), ("strategy: {matrix: {include: [1]}}", "mappings"),
        ("strategy: {matrx: {}}", "'matrx'"), ("concurrency: ''", "empty"),
        ("concurrency: {cancel-in-progress: true}", "'group'"), ("concurrency: {group: g, limit: 0}", "limit"),
        ("outputs: {o: '${{ secret.X }}'}", "secret"), ("if: ${{ }}", "expression"),
        ("if: steps.a.outcome", "cannot be used here"), ("env: {A: ['x']}", "text"), ("env: {'': x}", "a key is empty"),
        ("snapshot: {}", "'image-name'"), ("steps: {run: x}", "a list"), ("with: {a: b}", "'with'"),
        ("environment: {url: x}", "'name'"),
    ],
)  # fmt: skip
def test_what_no_job_can_say_is_an_error(lines: str, words: str) -> None:
    found = faults("  a:\n" + ("" if lines.startswith("runs-on") else "    runs-on: x\n") + f"    {lines}\n")
    assert words in " ".join(message for _, message in found)


@pytest.mark.parametrize("key", ["1a", "-a", "a.b", "a b", "__a", "a" * 100, "é"])
def test_a_job_has_an_id_that_can_be_written_anywhere(key: str) -> None:
    assert "cannot be a job's id" in faults(f"  {key}: {{runs-on: x}}\n")[0][1]


def test_needs_name_other_jobs() -> None:
    found = jobs("  a: {runs-on: x}\n  b: {runs-on: x, needs: a}\n  c: {runs-on: x, needs: [a, b, a]}\n").jobs
    assert [found[key].needs for key in "abc"] == [(), ("a",), ("a", "b")]


def test_unknown_and_own_needs_are_told_where_they_stand() -> None:
    found = faults("  a:\n    runs-on: x\n    needs:\n      - a\n      - B\n  b: {runs-on: x, needs: nope}\n")
    assert [line for line, _ in found] == [6, 7, 8]
    assert "itself" in found[0][1]


def test_each_circle_of_needs_is_told_once_and_named() -> None:
    text = "".join(f"  {a}: {{runs-on: x, needs: [{b}]}}\n" for a, b in ("ab", "bc", "ca", "de", "ed"))
    assert [message.partition(": ")[2] for _, message in faults(text)] == ["a → b → c → a", "d → e → d"]


def test_a_long_chain_of_needs_is_no_matter() -> None:
    chain = "".join(f"  j{i}: {{runs-on: x, needs: j{i - 1}}}\n" for i in range(1, 3000))
    assert len(jobs("  j0: {runs-on: x}\n" + chain).jobs) == 3000
    assert "…" in faults(chain + "  j0: {runs-on: x, needs: j2999}\n")[0][1]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("uses: ./../x.yml", "out of the repository"), ("uses: x.yml", "neither"),
        ("uses: ./a.yml\n    steps: []", "'steps'"), ("uses: ./a.yml\n    runs-on: x", "'runs-on'"),
        ("uses: ./a.yml\n    secrets: all", "'all'"), ("uses: ./a.yml\n    with: {a: [b]}", "must be text"),
        ("uses: ./a.yml\n    with: {a: '${{ env.X }}'}", "cannot be used"),
    ],
)  # fmt: skip
def test_what_no_call_can_say_is_an_error(lines: str, words: str) -> None:
    assert words in " ".join(message for _, message in faults(f"  a:\n    {lines}\n"))


@pytest.mark.parametrize(
    ("outer", "inner", "said"), [("Deploy", "deploy", 1), ("a", "b", 0), ("${{ github.ref }}",) * 2 + (0,)]
)
def test_a_job_that_would_wait_for_its_own_run_is_warned_of(outer: str, inner: str, said: int) -> None:
    text = f"on: push\nconcurrency: {outer}\njobs: {{a: {{runs-on: x, concurrency: '{inner}', steps: [run: x]}}}}"
    found = parse_workflow(text, "ci.yml").findings
    assert len([one for one in found if "wait for it for ever" in one.message and one.place.line == 3]) == said
