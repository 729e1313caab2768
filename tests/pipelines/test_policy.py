"""The laws of retries, priorities and resources, inline and in the policy file."""

import pytest

from pipelines.errors import WorkflowError
from pipelines.model import Job, Resources, RetryPolicy
from pipelines.parse import parse_workflow
from pipelines.policy import Policy, parse_policy


def job(lines: str) -> Job:
    return parse_workflow(
        f"on: push\njobs:\n  a:\n    runs-on: x\n    {lines}\n    steps: [{{run: x}}]\n", "ci.yml"
    ).jobs["a"]


def faults(lines: str) -> list[str]:
    with pytest.raises(WorkflowError) as caught:
        job(lines)
    return [finding.message for finding in caught.value.findings]


def test_a_bare_number_is_the_most_retries() -> None:
    assert job("retry: 3").retry == RetryPolicy(max=3)
    assert job("retry: 0").retry == RetryPolicy(max=0)


def test_every_part_of_a_retry_can_be_said() -> None:
    text = "retry: {max: 5, backoff: 1m, factor: 1.5, max-delay: 1h, jitter: 0, on: [oom, infrastructure]}"
    assert job(text).retry == RetryPolicy(5, 60.0, 1.5, 3600.0, 0.0, ("oom", "infrastructure"))
    assert job("retry: {max: 1, on: oom}").retry == RetryPolicy(max=1, on=("oom",))


def test_priority_and_resources_are_read() -> None:
    found = job("priority: -100\n    resources: {cpus: 0.5, memory: 2g}")
    assert (found.priority, found.resources) == (-100, Resources(0.5, 2 << 30))


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("retry: -1", "from 0"), ("retry: 1.5", "whole"), ("retry: often", "a number"),
        ("retry: {backoff: 1s}", "'max'"), ("retry: {max: 1, backof: 1s}", "backof"),
        ("retry: {max: 1, jitter: 2}", "from 0 to 1"), ("retry: {max: 1, backoff: 10}", "duration"),
        ("retry: {max: 1, on: [flood]}", "flood"), ("priority: 101", "from -100 to 100"),
        ("priority: high", "a number"), ("resources: {cpus: 0}", "cpus"), ("resources: {memory: 1k}", "6 MiB"),
        ("resources: {memory: lots}", "size"), ("resources: {disk: 1g}", "disk"), ("retry: .inf", "from 0"),
        ("retry: .nan", "from 0"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_an_error(lines: str, words: str) -> None:
    assert words in " ".join(faults(lines))


WORKFLOW = "on: push\njobs:\n  a: {runs-on: x, priority: 5, retry: 1}\n  b: {runs-on: x, timeout-minutes: 9}\n"


def test_the_policy_says_more_of_a_job_than_the_job_does() -> None:
    policy = parse_policy(
        "ci.yml:\n  '*': {retry: 2, timeout-minutes: 30}\n  b: {priority: 7}\nother.yml:\n  a: {retry: 9}\n"
    )
    workflow = policy.apply(parse_workflow(WORKFLOW, ".github/workflows/ci.yml"))
    a, b = workflow.jobs["a"], workflow.jobs["b"]
    assert (a.retry, a.priority) == (RetryPolicy(max=2), 5)
    assert (b.retry, b.priority) == (RetryPolicy(max=2), 7)
    assert a.timeout_minutes is not None and a.timeout_minutes.text == "30"
    assert b.timeout_minutes is not None and b.timeout_minutes.text == "30"


@pytest.mark.parametrize(("said", "wanted"), [("on-failure", True), ("never", False)])
def test_a_job_or_its_policy_says_whether_its_box_is_held(said: str, wanted: bool) -> None:
    assert job(f"hold: {said}").hold is wanted
    workflow = parse_policy(f"ci.yml: {{a: {{hold: {said}}}}}").apply(parse_workflow(WORKFLOW, "ci.yml"))
    assert (workflow.jobs["a"].hold, workflow.jobs["b"].hold) == (wanted, None)
    assert "cannot be" in " ".join(faults("hold: always"))


def test_a_file_is_named_by_its_path_too() -> None:
    policy = parse_policy(".github/workflows/ci.yml: {a: {priority: 1}}")
    assert policy.apply(parse_workflow(WORKFLOW, ".github/workflows/ci.yml")).jobs["a"].priority == 1


def test_a_policy_without_words_changes_nothing() -> None:
    workflow = parse_workflow(WORKFLOW, "ci.yml")
    assert parse_policy("") == Policy()
    assert parse_policy("ci.yml:\n").apply(workflow) == workflow
    assert Policy().apply(workflow) is workflow


def test_every_fault_of_a_policy_is_told_at_once() -> None:
    with pytest.raises(WorkflowError) as caught:
        parse_policy("ci.yml:\n  a: {retry: x, prio: 1}\n  b: []\n")
    assert [finding.place.line for finding in caught.value.findings] == [2, 2, 3]


def test_checkpoints_are_asked_for_in_the_job_or_in_the_policy_file_which_wins() -> None:
    assert [job(lines).checkpoint for lines in ("checkpoint: true", "checkpoint: false", "")] == [True, False, None]
    assert faults("checkpoint: sometimes") == ["checkpoint must be true or false, not 'sometimes'"]
    workflow = parse_workflow("on: push\njobs: {a: {runs-on: x, checkpoint: true, steps: [run: x]}}", "ci.yml")
    for said, asked in (("ci.yml: {a: {checkpoint: false}}", False), ("ci.yml: {a: {priority: 1}}", True)):
        assert parse_policy(said).apply(workflow).jobs["a"].checkpoint is asked
