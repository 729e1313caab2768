"""What only Treadle knows of a job: retries, priority, resources. Written in the job, or in `.treadle/policy.yml`.

The policy file is for workflows that must stay valid on GitHub; what it says of a job wins over what the job says.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from typing import TypeVar

from pipelines.errors import Finding, WorkflowError
from pipelines.model import Job, Resources, RetryPolicy, Workflow
from pipelines.quantities import duration_s, size_bytes
from pipelines.reading import Reader, is_null
from pipelines.records import dataclass
from pipelines.scalars import scalar_text
from pipelines.source import Mapping as MappingNode
from pipelines.source import Node, Scalar, Sequence, SourceError, read
from pipelines.template import Template

POLICY_PATH = ".treadle/policy.yml"
JOB_KEYS = ("retry", "priority", "resources", "checkpoint", "hold")
RETRY_CAUSES = ("failure", "timed_out", "oom", "infrastructure", "flaky")
MOST_RETRIES = 100
LEAST_MEMORY = 6 << 20  # Docker refuses less
Number = TypeVar("Number", int, float)


@dataclass(frozen=True, slots=True)
class JobPolicy:
    """What the policy file says of one job; None where it says nothing."""

    retry: RetryPolicy | None = None
    priority: int | None = None
    timeout_minutes: Template | None = None
    checkpoint: bool | None = None
    hold: bool | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """The policy file and its warnings: by workflow file, by job id or `*`; what is said of the id wins, key by key."""

    jobs: Mapping[str, Mapping[str, JobPolicy]] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    def apply(self, workflow: Workflow) -> Workflow:
        """Return the workflow with what the policy says of its jobs. Files are named by path or by bare file name."""
        entries: dict[str, JobPolicy] = {}
        for name in (workflow.path.rpartition("/")[2], workflow.path):
            entries.update(self.jobs.get(name, {}))
        if not entries:
            return workflow
        jobs = {key: _applied(_applied(job, entries.get("*")), entries.get(key)) for key, job in workflow.jobs.items()}
        return replace(workflow, jobs=jobs)


def parse_policy(text: str | bytes, path: str = POLICY_PATH) -> Policy:
    """Read the policy file. Raises WorkflowError with every complaint at once; an empty file says nothing."""
    if not text.strip():
        return Policy()
    try:
        document = read(text)
    except SourceError as error:
        raise WorkflowError(path, (error.finding,)) from None
    reader = Reader(document)
    files = reader.entries(document.root, "the policy file")
    jobs = {file.text: _jobs(reader, file.text, entries) for file, entries in files}
    if reader.failed():
        raise WorkflowError(path, reader.in_order())
    return Policy(jobs, reader.in_order())


def read_retry(reader: Reader, node: Node | None) -> RetryPolicy | None:
    """Return `retry:` of a job: how many times, or a mapping."""
    if not isinstance(node, MappingNode):
        most = reader.whole(node, "retry", 0, MOST_RETRIES)
        return None if most is None else RetryPolicy(max=most)
    fields = reader.fields(node, "retry", ("max", "backoff", "factor", "max-delay", "jitter", "on"), ("max",))
    said = {
        "max": reader.whole(fields.get("max"), "retry.max", 0, MOST_RETRIES),
        "backoff_s": _quantity(reader, fields.get("backoff"), "retry.backoff", duration_s),
        "factor": reader.between(fields.get("factor"), "retry.factor", 1, 1000),
        "max_delay_s": _quantity(reader, fields.get("max-delay"), "retry.max-delay", duration_s),
        "jitter": reader.between(fields.get("jitter"), "retry.jitter", 0, 1),
        "on": _causes(reader, fields["on"]) if "on" in fields else None,
    }
    return RetryPolicy(**{name: value for name, value in said.items() if value is not None})  # type: ignore[arg-type]


def read_priority(reader: Reader, node: Node | None) -> int | None:
    return reader.whole(node, "priority", -100, 100)


def read_hold(reader: Reader, node: Node | None) -> bool | None:
    """Return `hold:` of a job: whether a step that fails it for good leaves its box to a person."""
    word = reader.choice(node, "hold", ("on-failure", "never"))
    return None if word is None else word == "on-failure"


def read_resources(reader: Reader, node: Node | None) -> Resources | None:
    """Return `resources: {cpus, memory}` of a job."""
    if node is None:
        return None
    fields = reader.fields(node, "resources", ("cpus", "memory"))
    cpus = reader.between(fields.get("cpus"), "resources.cpus", 0.01, 4096)
    memory = _quantity(reader, fields.get("memory"), "resources.memory", size_bytes)
    if memory is not None and memory < LEAST_MEMORY:
        reader.error(fields["memory"].place, "resources.memory is less than the 6 MiB that a container needs")
    return Resources(cpus, memory)


def read_timeout_minutes(reader: Reader, node: Node | None, position: str) -> Template | None:
    """Return `timeout-minutes:`. Of zero, less or infinity a warning says that the default timeout holds."""
    amount = reader.amount(node, "timeout-minutes", position)
    if isinstance(node, Scalar) and isinstance(node.value, (int, float)) and not 0 < node.value < math.inf:
        reader.warn(node.place, f"timeout-minutes: {scalar_text(node.value)} is no limit, so the default timeout holds")
        return None
    return amount


def _jobs(reader: Reader, file: str, node: Node) -> dict[str, JobPolicy]:
    entries = [] if is_null(node) else reader.entries(node, file)
    return {key.text: _job(reader, f"{file}: {key.text}", value) for key, value in entries}


def _job(reader: Reader, what: str, node: Node) -> JobPolicy:
    fields = reader.fields(node, what, ("retry", "priority", "timeout-minutes", "checkpoint", "hold"))
    return JobPolicy(
        read_retry(reader, fields.get("retry")),
        read_priority(reader, fields.get("priority")),
        read_timeout_minutes(reader, fields.get("timeout-minutes"), "jobs.<job_id>.timeout-minutes"),
        reader.boolean(fields.get("checkpoint"), "checkpoint"),
        read_hold(reader, fields.get("hold")),
    )


def _applied(job: Job, policy: JobPolicy | None) -> Job:
    if policy is None:
        return job
    return replace(
        job,
        retry=policy.retry or job.retry,
        priority=job.priority if policy.priority is None else policy.priority,
        timeout_minutes=policy.timeout_minutes or job.timeout_minutes,
        checkpoint=job.checkpoint if policy.checkpoint is None else policy.checkpoint,
        hold=job.hold if policy.hold is None else policy.hold,
    )


def _causes(reader: Reader, node: Node) -> tuple[str, ...]:
    items = node.items if isinstance(node, Sequence) else [node]
    return tuple(cause for item in items if (cause := reader.choice(item, "retry.on", RETRY_CAUSES)))


def _quantity(reader: Reader, node: Node | None, what: str, read: Callable[[str], Number]) -> Number | None:
    text = reader.text(node, what)
    if text is None or node is None:
        return None
    try:
        return read(text)
    except ValueError as error:
        reader.error(node.place, f"{what}: {error}")
        return None
