"""The table behind docs/compatibility.md: it has the keys that the parser has, and what it says of them is so."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import pipelines
from pipelines import compatibility
from pipelines.compatibility import Row, Verdict
from pipelines.contexts import AVAILABILITY, CONTEXTS
from pipelines.errors import Finding
from pipelines.events import EVENTS
from pipelines.functions import ARITIES
from pipelines.parse import parse_workflow
from pipelines.parse_actions import parse_action
from pipelines.policy import parse_policy
from pipelines.reading import Reader

WORKFLOW = """
name: whole
defaults: {run: {shell: sh}}
concurrency: {group: g}
permissions: {contents: read}
on:
  schedule: [{cron: '0 6 * * *'}]
  push: {branches: [x]}
  workflow_dispatch: {inputs: {a: {type: string}}}
  workflow_call:
    inputs: {a: {type: string}}
    secrets: {s: {required: true}}
    outputs: {o: {value: x}}
jobs:
  a:
    runs-on: {labels: x}
    strategy: {matrix: {v: [1]}}
    container: {image: i, credentials: {username: u, password: p}}
    services: {db: {image: i}}
    environment: {name: e}
    snapshot: {image-name: i}
    retry: {max: 1}
    resources: {cpus: 1}
    steps:
      - {run: x}
      - {uses: ./x}
      - {name: neither}
      - {wait-all: true}
      - {wait: [one]}
      - {cancel: one}
      - {parallel: [{run: x}]}
  b: {uses: ./.github/workflows/x.yml}
"""
ACTIONS = (
    "{inputs: {a: {default: x}}, outputs: {o: {value: x}}, runs: {using: composite, steps: [{run: x, shell: sh}]}}",
    "{runs: {using: composite, steps: [{uses: ./x}]}}",
    "{runs: {using: docker, image: i}}",
    "{runs: {using: node20, main: m}}",
    "{runs: {image: x}}",
)
POLICY = "ci.yml: {a: {retry: 1}}"

# Which part of the table each place where the parser reads keys is.
PLACES = {
    "parse_workflow": "workflow",
    "_trigger": "on.<event>",
    "_schedule": "on.schedule",
    "_dispatch": "on.workflow_dispatch",
    "_dispatch_input": "on.workflow_dispatch.inputs.<input_id>",
    "_call": {
        "inputs": "on.workflow_call",
        "required": "on.workflow_call.secrets.<secret_id>",
        "value": "on.workflow_call.outputs.<output_id>",
    },
    "_call_input": "on.workflow_call.inputs.<input_id>",
    "parse_defaults": {"run": "defaults", "shell": "defaults.run"},
    "parse_concurrency": "concurrency",
    "parse_permissions": "permissions",
    "parse_jobs._job": "jobs.<job_id>",
    "_runs_on": "jobs.<job_id>.runs-on",
    "parse_strategy": "jobs.<job_id>.strategy",
    "parse_container": "jobs.<job_id>.container",
    "_credentials": "jobs.<job_id>.container.credentials",
    "_service": "jobs.<job_id>.services.<service_id>",
    "_environment": "jobs.<job_id>.environment",
    "_check_snapshot": "jobs.<job_id>.snapshot",
    "read_retry": "jobs.<job_id>.retry",
    "read_resources": "jobs.<job_id>.resources",
    "_step": "jobs.<job_id>.steps[*]",
    "_check_background": "jobs.<job_id>.steps[*]",
    "parse_action": "action.yml",
    "_input": "action.yml: inputs.<input_id>",
    "_outputs": "action.yml: outputs.<output_id>",
    "_runs": "action.yml: runs",
    "policy._job": ".treadle/policy.yml: <workflow file>.<job_id>",
}


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, str, frozenset[str]]]:
    """Every set of keys that the parser asked for since: module, line and function that asked, and the keys."""
    found: list[tuple[str, int, str, frozenset[str]]] = []
    fields = Reader.fields

    def record(self: Reader, node: Any, what: str, known: Any, required: Any = ()) -> Any:
        frame = inspect.stack()[1]
        found.append((Path(frame.filename).stem, frame.lineno, frame.function, frozenset(known)))
        return fields(self, node, what, known, required)

    monkeypatch.setattr(Reader, "fields", record)
    return found


def complaints(text: str) -> tuple[Finding, ...]:
    """Return all findings about a workflow, whether it can be used or not."""
    from pipelines.errors import WorkflowError

    try:
        return parse_workflow(text, "x.yml").findings
    except WorkflowError as error:
        return error.findings


def parse_everything() -> None:
    from pipelines.errors import WorkflowError

    complaints(WORKFLOW)
    for text in ACTIONS:
        try:
            parse_action(text, "action.yml")
        except WorkflowError:
            pass  # one is wrong on purpose
    parse_policy(POLICY, "policy.yml")


def place_of(module: str, function: str, keys: frozenset[str]) -> str:
    place = PLACES.get(f"{module}.{function}") or PLACES[function]
    if isinstance(place, dict):
        return next(name for key, name in place.items() if key in keys)
    if place == "jobs.<job_id>.steps[*]" and module == "parse_steps" and "timeout-minutes" not in keys:
        return place if keys & {"wait", "wait-all", "cancel", "parallel"} else "action.yml: runs.steps[*]"
    return place


def test_the_parser_knows_the_keys_of_the_table_and_no_others(read: list[tuple[str, int, str, frozenset[str]]]) -> None:
    parse_everything()
    known: dict[str, set[str]] = {}
    for module, _, function, keys in read:
        known.setdefault(place_of(module, function, keys), set()).update(keys)
    told = compatibility.keys(compatibility.parts()) | compatibility.keys([compatibility.filters()])
    events = told.pop("on")
    filters = known.pop("on.<event>")
    assert filters <= told.pop("on.<event>")
    assert events == EVENTS.keys()
    assert {place: sorted(keys) for place, keys in known.items()} == {
        place: sorted(keys) for place, keys in told.items()
    }


def test_no_place_where_the_parser_reads_keys_is_left_out(read: list[tuple[str, int, str, frozenset[str]]]) -> None:
    parse_everything()
    seen = {(module, line) for module, line, _, _ in read}
    assert sorted(set(calls_of_fields()) - seen) == []


def calls_of_fields() -> Iterator[tuple[str, int]]:
    for path in Path(pipelines.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "reader.fields":
                yield path.stem, node.lineno


def shown(place: str, example: str) -> str:
    """Return a workflow with one key in its place."""
    job = "runs-on: x, steps: [{run: x}]"
    match place:
        case "workflow":
            return f"on: push\n{example}\njobs: {{a: {{{job}}}}}"
        case "jobs.<job_id>":
            return f"on: push\njobs: {{a: {{{job}, {example}}}}}"
        case "jobs.<job_id>.runs-on":
            return f"on: push\njobs: {{a: {{runs-on: {example}, steps: [{{run: x}}]}}}}"
        case "jobs.<job_id>.steps[*]":
            step = f"{{{example}}}" if example.split(":")[0] != "background" else f"{{run: x, {example}}}"
            return f"on: push\njobs: {{a: {{runs-on: x, steps: [{{run: x, id: one}}, {step}]}}}}"
    raise AssertionError(place)


EXAMPLES = [(part.place, row) for part in compatibility.parts() for row in part.rows if row.example]


@pytest.mark.parametrize(("place", "row"), EXAMPLES, ids=[f"{place}.{row.key}" for place, row in EXAMPLES])
def test_what_is_said_to_be_refused_or_to_change_nothing_is_told_so(place: str, row: Row) -> None:
    found = complaints(shown(place, row.example))
    assert any(finding.unsupported for finding in found) is (row.verdict is Verdict.REFUSED)
    assert any(row.key in finding.message or "background" in finding.message for finding in found)
    assert row.verdict is Verdict.REFUSED or any("no effect" in finding.message for finding in found)


def test_every_key_that_is_refused_has_an_example_or_stands_below_one() -> None:
    bare = [(part.place, row.key) for part in compatibility.parts() for row in part.rows
            if row.verdict is Verdict.REFUSED and not row.example]  # fmt: skip
    assert {place for place, _ in bare} <= {"jobs.<job_id>.snapshot"}


def test_what_differs_or_is_our_own_says_how() -> None:
    rows = [row for part in compatibility.parts() for row in part.rows]
    assert [row.key for row in rows if row.verdict is not Verdict.HONOURED and not row.says] == []


def test_an_event_that_starts_nothing_is_warned_of() -> None:
    for row in compatibility.parts()[1].rows:
        warned = any("no event ever starts" in finding.message for finding in complaints(f"on: {row.key}\njobs: {{}}"))
        assert warned is (EVENTS[row.key].started_by is None), row.key


def test_contexts_and_functions_are_all_there() -> None:
    assert {row.key for row in compatibility.contexts()} == CONTEXTS
    assert {row.key for row in compatibility.functions()} == ARITIES.keys()
    assert set().union(*(names for names, _ in AVAILABILITY.values())) <= CONTEXTS
