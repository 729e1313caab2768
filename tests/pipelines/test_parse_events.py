"""The laws of `on:`."""

import pytest

from pipelines.errors import Severity, WorkflowError
from pipelines.events import EVENTS, can_start, started_by_delivery
from pipelines.model import Trigger
from pipelines.parse import parse_workflow

JOBS = "\njobs: {a: {runs-on: x, steps: [run: x]}}\n"


def triggers(text: str) -> tuple[Trigger, ...]:
    return parse_workflow(f"on: {text}{JOBS}", "ci.yml").on


def faults(text: str) -> list[str]:
    with pytest.raises(WorkflowError) as caught:
        parse_workflow(f"on: {text}{JOBS}", "ci.yml")
    return [finding.message for finding in caught.value.findings]


@pytest.mark.parametrize("event", EVENTS)
def test_every_event_is_known_alone_and_in_a_list(event: str) -> None:
    assert triggers(event)[0].event == event
    assert [trigger.event for trigger in triggers(f"[push, {event}]")] == ["push", event]


def test_filters_are_lists_and_one_text_is_a_list_of_one() -> None:
    (push,) = triggers("{push: {branches: main, tags: [v*, '!v0'], paths-ignore: [docs/**, 1.5]}}")
    assert push.filters == {"branches": ("main",), "tags": ("v*", "!v0"), "paths-ignore": ("docs/**", "1.5")}


def test_the_events_of_a_mapping_may_be_bare() -> None:
    assert [trigger.filters for trigger in triggers("{push: , pull_request: {types: [opened, closed]}}")] == [
        {}, {"types": ("opened", "closed")},
    ]  # fmt: skip


def test_a_schedule_is_a_list_of_times() -> None:
    (schedule,) = triggers("{schedule: [{cron: '0 6 * * *'}, {cron: '5 4 * * 1-5'}]}")
    assert schedule.filters == {"cron": ("0 6 * * *", "5 4 * * 1-5")}


def test_a_schedule_is_read_on_the_clocks_of_its_timezone() -> None:
    (schedule,) = triggers("{schedule: [{cron: '0 6 * * *', timezone: Europe/Paris}, {cron: '0 7 * * *'}]}")
    assert schedule.filters == {"cron": ("0 6 * * *", "0 7 * * *"), "timezone": ("Europe/Paris", "")}


@pytest.mark.parametrize("zone", ["Europe/Nowhere", "../etc/passwd", "/etc/passwd"])
def test_a_timezone_that_there_is_not_is_refused(zone: str) -> None:
    with pytest.raises(WorkflowError, match="there is no time zone"):
        triggers(f"{{schedule: [{{cron: '0 6 * * *', timezone: {zone}}}]}}")


def test_inputs_of_a_dispatch_are_typed() -> None:
    (dispatch,) = triggers(
        "{workflow_dispatch: {inputs: {a: {type: choice, options: [x, y], default: x, required: true, description: d}, "
        "b: {type: boolean, default: false}, c: {type: number, default: 2}, d: }}}"
    )
    a, b, c, d = dispatch.inputs.values()
    assert (a.type, a.options, a.required, a.description) == ("choice", ("x", "y"), True, "d")
    assert (b.default, c.default, d.type) == (False, 2, "string")


def test_a_callable_workflow_declares_inputs_and_secrets() -> None:
    (call,) = triggers(
        "{workflow_call: {inputs: {a: {type: string}}, secrets: {s: {required: true}, t: }, outputs: {o: {value: x}}}}"
    )
    assert list(call.inputs) == ["a"]
    assert call.secrets == {"s": True, "t": False}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("psh", "no event 'psh'"), ("[]", "names no event"), ("", "names no event"), ("{}", "names no event"),
        ("[[push]]", "names of events"), ("{push: {branch: x}}", "no key 'branch'"),
        ("{push: {types: [x]}}", "'types'"), ("{push: [main]}", "a mapping"), ("{push: {branches: ''}}", "empty"),
        ("{create: {branches: x}}", "no filters"), ("{push: {branches: a, branches-ignore: b}}", "both"),
        ("{issues: {types: [opend]}}", "'opend'"), ("{push: {branches: '[a'}}", "branches"),
        ("{push: {branches: '${{ x }}'}}", "expression"), ("{schedule: }", "a list"), ("{schedule: []}", "no time"),
        ("{schedule: [{}]}", "'cron'"), ("{schedule: [{cron: '* *'}]}", "cron"),
        ("{workflow_dispatch: {inputs: {a: {type: file}}}}", "'file'"),
        ("{workflow_dispatch: {inputs: {a: {type: choice}}}}", "without options"),
        ("{workflow_dispatch: {inputs: {a: {options: [x]}}}}", "no choice"),
        ("{workflow_dispatch: {inputs: {a: {type: choice, options: [x], default: y}}}}", "none of its options"),
        ("{workflow_dispatch: {inputs: {a: {type: boolean, default: 'x'}}}}", "true or false"),
        ("{workflow_dispatch: {inputs: {a: {type: string, default: true}}}}", "text"),
        ("{workflow_call: {inputs: {a: {}}}}", "'type'"),
        ("{workflow_call: {inputs: {a: {type: choice}}}}", "'choice'"),
        ("{workflow_call: {outputs: {a: {}}}}", "'value'"),
        ("{workflow_call: {outputs: {a: {value: '${{ env.X }}'}}}}", "cannot be used here"),
    ],
)  # fmt: skip
def test_what_no_event_can_say_is_an_error(text: str, words: str) -> None:
    assert words in " ".join(faults(text))


def warnings(text: str) -> list[tuple[int, str]]:
    found = parse_workflow(f"on:{text}{JOBS}", "ci.yml").findings
    assert all(finding.severity is Severity.WARNING for finding in found)
    return [(finding.place.line, finding.message) for finding in found]


def test_a_workflow_that_no_event_can_start_is_warned_of_on_each_line() -> None:
    assert warnings("\n  issue_comment: {types: [created]}\n  watch: {types: [started]}") == [
        (2, "no event ever starts this workflow in Treadle"),
        (2, "issue_comment: Treadle records this event, but starts no runs for it"),
        (3, "watch: Treadle records this event, but starts no runs for it"),
    ]
    assert len(warnings(" check_run")) == len(warnings(" [check_run]")) == 2


@pytest.mark.parametrize(
    "text",
    [
        "[push, issue_comment]",
        "workflow_call",
        "{workflow_run: {workflows: [CI]}}",
        "[watch, release]",
        "{delete: , fork: }",
    ],
)
def test_events_that_start_nothing_are_fine_beside_one_that_does(text: str) -> None:
    assert warnings(f" {text}") == []


def test_whether_an_event_can_start_a_workflow_is_told_by_one_table() -> None:
    assert started_by_delivery("pull_request") == ("pull_request", "pull_request_target")
    assert started_by_delivery("issue_comment") == started_by_delivery("schedule") == started_by_delivery(None) == ()
    assert can_start(["watch", "schedule"]) and not can_start(["watch", "fork"])
