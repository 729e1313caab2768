"""A workflow file's text in, a `Workflow` out, with every complaint at once. Reads no disk, evaluates nothing."""

from collections.abc import Collection
from dataclasses import replace

from pipelines.errors import Finding, WorkflowError
from pipelines.model import Workflow
from pipelines.parse_defaults import NOWHERE, parse_concurrency, parse_defaults, parse_permissions
from pipelines.parse_events import parse_triggers
from pipelines.parse_jobs import parse_jobs
from pipelines.policy import read_priority
from pipelines.reading import Reader
from pipelines.source import SourceError, read

_KEYS = (
    "on", "name", "description", "run-name", "defaults", "env", "permissions", "concurrency", "jobs", "priority",
)  # fmt: skip


def parse_workflow(text: str | bytes, path: str, only: Collection[str] | None = None) -> Workflow:
    """Read a workflow; its `findings` are the warnings. `path` is kept as given.

    `only`: of a text that was read before, no more jobs than these; whether needs are met is not asked again then.
    Raises WorkflowError with every complaint, warnings included, in the order of the file; of a text that is no
    YAML, with the first place that is not.
    """
    try:
        document = read(text)
    except SourceError as error:
        raise WorkflowError(path, (error.finding,)) from None
    reader = Reader(document)
    fields = reader.fields(document.root, "the workflow", _KEYS, ("on", "jobs"))
    reader.text(fields.get("description"), "description", empty=True)
    workflow = Workflow(
        path=path,
        name=reader.text(fields.get("name"), "name", empty=True),
        on=parse_triggers(reader, fields.get("on")),
        jobs=parse_jobs(reader, fields.get("jobs"), only),
        run_name=reader.template(fields.get("run-name"), "run-name", "run-name"),
        env=reader.table(fields.get("env"), "env", "env", whole=True),
        defaults=parse_defaults(reader, fields.get("defaults"), NOWHERE),
        concurrency=parse_concurrency(reader, fields.get("concurrency"), "concurrency"),
        priority=read_priority(reader, fields.get("priority")),
        permissions=parse_permissions(reader, fields.get("permissions")),
        findings=(),
    )
    _warn_of_jobs_that_wait_for_their_run(reader, workflow)
    if reader.failed():
        raise WorkflowError(path, reader.in_order())
    return replace(workflow, findings=reader.in_order())


def _warn_of_jobs_that_wait_for_their_run(reader: Reader, workflow: Workflow) -> None:
    held = workflow.concurrency
    for job in workflow.jobs.values():
        asked = job.concurrency
        if held is None or asked is None or not held.group.is_literal or held.limit > 1:
            continue
        if asked.group.is_literal and asked.group.text.lower() == held.group.text.lower():
            reader.warn(asked.place, f"the run holds the group {held.group.text!r}: the job would wait for it for ever")


def unsupported(workflow: Workflow, job_keys: Collection[str] | None = None) -> tuple[Finding, ...]:
    """Return what these jobs (default: all) ask for and this version cannot do: reasons to refuse the run."""
    jobs = workflow.jobs.values() if job_keys is None else [workflow.jobs[key] for key in job_keys]
    return tuple(dict.fromkeys(finding for job in jobs for finding in job.unsupported))
