"""The planning of one workflow for one event, whoever asks: a person at this machine, or an event of the inbox.

Decides nothing about whether a workflow runs, and writes nothing. `Prepared.source` tells the worker how to get the
files: `root` (a repository here, or its mirror), `sha` (commit or snapshot), `branch` (what HEAD is on, None:
detached), `mirror` (the bare repository with a snapshot), whether jobs may run on this machine itself (`host`), whose
environments' secrets they may see (`vault`, a repository or None), and what a person asked for beyond the file:
`labels`, `executor`, `env`, `checkpoint`, `hold`.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field, replace
from typing import Any

from engine.store.definitions import pinned
from engine.store.runs import NewRun
from pipelines.called import Calls
from pipelines.calls import Find, Load, local_find, look_into
from pipelines.dag import closure
from pipelines.dispatch_inputs import InputError
from pipelines.errors import Finding, Place, Severity, WorkflowError
from pipelines.model import Workflow
from pipelines.parse import unsupported
from pipelines.plan import RunPlan, plan_run
from pipelines.records import dataclass

PRIORITIES = {"pull_request": 20, "pull_request_target": 20, "schedule": 0}
MANUAL, OTHER = 30, 10  # what a person asks for goes first, what a push brings before what the clock brings


@dataclass(frozen=True)
class Prepared:
    """One run that could be recorded. `plan` is what it would be; ids and numbers are filled in when it is.

    `urgency` is added to every priority of the plan. `newest_only`: a later run of the workflow takes its place.
    """

    workflow: Workflow
    definition: str
    event: str
    ref: str
    sha: str
    contexts: Mapping[str, Any]
    source: Mapping[str, Any]
    plan: RunPlan
    calls: Calls = field(default_factory=dict)
    only: frozenset[str] = frozenset()
    urgency: int = 0
    newest_only: bool = False


def urgency(event: str, *, by_person: bool) -> int:
    """Return the priority that an event brings: manual, then pull requests, then pushes and others, then schedules."""
    return MANUAL if by_person else PRIORITIES.get(event, OTHER)


def prepare_run(
    workflow: Workflow,
    definition: str,
    github: Mapping[str, Any],
    source: Mapping[str, Any],
    inputs: Mapping[str, Any],
    variables: Mapping[str, Any],
    **more: Any,
) -> Prepared:
    """Plan one workflow. `github` is its context without ids; `more` are fields of Prepared. Raises WorkflowError."""
    contexts: dict[str, Any] = {"github": github, "inputs": dict(inputs), "vars": dict(variables)}
    event, ref, sha = (github[key] for key in ("event_name", "ref", "sha"))
    plan = plan_run(workflow, contexts, more.get("only", frozenset()), more.get("calls", {}))
    return Prepared(workflow, definition, event, ref, sha, contexts, source, plan, **more)


def new_run(
    prepared: Prepared, repo_id: int, event_id: int, secrets: bytes | None = None, *, blocked: bool = False
) -> NewRun:
    """Return what the store records a prepared run from."""
    return NewRun(
        repo_id=repo_id,
        event_id=event_id,
        workflow_path=prepared.workflow.path,
        workflow_name=prepared.workflow.title,
        definition=prepared.definition,
        event=prepared.event,
        ref=prepared.ref,
        sha=prepared.sha,
        plan=lambda run_id, number: final_plan(prepared, run_id, number),
        contexts=prepared.contexts,
        source=prepared.source,
        secrets=secrets,
        calls=pinned(prepared.calls),
        title=title(prepared),
        blocked=blocked,
    )


def final_plan(prepared: Prepared, run_id: int, number: int) -> RunPlan:
    """Return the plan with what only the record knows. Raises WorkflowError."""
    github = {**prepared.contexts["github"], "run_id": str(run_id), "run_number": str(number)}
    plan = plan_run(prepared.workflow, {**prepared.contexts, "github": github}, prepared.only, prepared.calls)
    jobs = tuple(replace(job, priority=job.priority + prepared.urgency) for job in plan.jobs)
    plan = replace(plan, priority=plan.priority + prepared.urgency, jobs=jobs)
    if prepared.newest_only and plan.concurrency_group is None:
        group = f"the newest of {prepared.workflow.path}".lower()
        plan = replace(plan, concurrency_group=group, cancel_in_progress=True)
    return plan


def title(prepared: Prepared) -> str:
    """What a run without `run-name:` is called, as on GitHub: by the commit or the pull request that it is about."""
    payload = prepared.contexts["github"]["event"]
    about = payload.get("head_commit") or payload.get("pull_request") or {}
    text = about.get("message") or about.get("title") if isinstance(about, dict) else ""
    return str(text or "").strip().partition("\n")[0][:200]


def refuse_what_cannot_run(
    workflow: Workflow, load: Load, only: Collection[str] = frozenset(), find: Find | None = None
) -> Calls:
    """Return the workflows that a workflow calls, by address; `find` looks them up, else those of the same commit.

    Raises WorkflowError for what the workflow, or `only` some of its jobs, needs and this version cannot do, and for
    calls that cannot be. `load` gives the bytes of a path in the same commit.
    """
    asked = set(only) & workflow.jobs.keys() or workflow.jobs.keys()
    keys = closure({key: job.needs for key, job in workflow.jobs.items()}, asked)
    taken = look_into(workflow, load, find or local_find(load))
    stops = [finding for finding in taken.findings if finding.unsupported or finding.severity is Severity.ERROR]
    stops = list(dict.fromkeys([*stops, *unsupported(workflow, keys)]))
    if stops:
        raise WorkflowError(workflow.path, tuple(replace(finding, severity=Severity.ERROR) for finding in stops))
    return taken.called


@contextmanager
def inputs_blamed_on(workflow: Workflow) -> Iterator[None]:
    """Turn inputs that a workflow does not take into its WorkflowError."""
    try:
        yield
    except InputError as error:
        lines = str(error).splitlines()
        raise WorkflowError(
            workflow.path, tuple(Finding(Severity.ERROR, Place(1, 1), line) for line in lines)
        ) from None


def decoded(content: bytes, path: str) -> str:
    """Return the text of a workflow file. Raises WorkflowError when it is not UTF-8."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        finding = Finding(Severity.ERROR, Place(line, 1), "the file is not UTF-8")
        raise WorkflowError(path, (finding,)) from None
