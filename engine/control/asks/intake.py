"""From a trigger to recorded runs: match, plan, record. Nothing here runs anything.

This is for what a person asks of a repository on this machine; `planner` does it for the inbox. In two steps, so that
the person can be told what stands in the way before anything is written: `prepare` reads and plans, `record` writes.
"""

from collections.abc import Mapping
from dataclasses import field
from difflib import get_close_matches
from typing import Any

from engine.control.asks.followers import followers
from engine.control.asks.local_repo import LocalRepo, look_at, payload_of, ref_of
from engine.control.called_workflows import finder, other_repositories
from engine.control.planning import (
    Prepared,
    decoded,
    new_run,
    prepare_run,
    refuse_what_cannot_run,
    urgency,
)
from engine.control.sources import local_delivery
from engine.core.clock import Clock
from engine.core.errors import GitError
from engine.git import repository
from engine.store.store import Store
from pipelines.called import Calls
from pipelines.dispatch_inputs import dispatch_inputs
from pipelines.errors import Finding, Place, Severity, WorkflowError
from pipelines.github_context import github_context
from pipelines.model import Trigger, Workflow
from pipelines.policy import POLICY_PATH
from pipelines.records import dataclass
from pipelines.triggers import fires

SHOWN_NAMES = 12


@dataclass(frozen=True)
class LocalRequest:
    """What a person asks for in a repository on this machine. `rev` None: the working tree as it is.

    `workflow` is a path in the repository or a workflow's name; None: all that `event` triggers. `event` None: push,
    or what a workflow that was named listens to.
    """

    repo: repository.Repo
    rev: str | None = None
    workflow: str | None = None
    jobs: frozenset[str] = frozenset()
    event: str | None = None
    payload: Mapping[str, Any] | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    executor: str | None = None
    checkpoint: bool = False
    hold: bool = False
    actor: str = ""


@dataclass(frozen=True)
class Intake:
    """What a request comes to: runs to record, and for each workflow file why it would run or not."""

    request: LocalRequest
    runs: tuple[Prepared, ...]
    verdicts: Mapping[str, str]
    notes: tuple[str, ...]


def prepare(store: Store, request: LocalRequest, actions: Mapping[str, str] | None = None) -> Intake:
    """Work out which workflows run, and plan them. Writes nothing but workflow texts.

    `actions` is that of the settings: where workflows are that these call in other repositories.

    Raises WorkflowError (several in an ExceptionGroup) for workflows that cannot be read, planned or honoured,
    GitError for a repository or revision that cannot be read, InputError for inputs that the workflow does not take.
    """
    facts = look_at(store, request.repo, request.rev)
    policy = decoded(repository.read_file(request.repo, facts.rev, POLICY_PATH) or b"", POLICY_PATH)
    others = other_repositories(store.home, lambda: actions or {})
    wanted = request.workflow
    known, broken = _read(store, facts, policy, wanted)
    chosen = _choose(facts, known, wanted, broken)
    known_jobs = frozenset(key for _, workflow in chosen.values() for key in workflow.jobs)
    runs: list[Prepared] = []
    verdicts: dict[str, str] = {}
    for path, (digest, workflow) in chosen.items():
        event = request.event or _usual_event(workflow, named=wanted is not None)
        trigger = next((one for one in workflow.on if one.event == event), None)
        verdict = fires(workflow.on, facts.trigger_event(event, workflow, request.payload or {}))
        verdicts[path] = verdict.reason if verdict.runs or wanted is None else f"asked for by name ({verdict.reason})"
        if wanted is not None and trigger is None:
            raise GitError(f"{path} does not listen to {event}, only to {', '.join(t.event for t in workflow.on)}.")
        if wanted is None and not verdict.runs:
            continue
        only = request.jobs & workflow.jobs.keys() | request.jobs - known_jobs  # each job where it is; planning refuses
        if request.jobs and not only:
            verdicts[path] = f"it has none of the jobs asked for: {', '.join(sorted(request.jobs))}"
            continue
        try:
            find = finder(store, facts.load, policy, others.fetch)
            calls = refuse_what_cannot_run(workflow, facts.load, only, find)
            runs.append(_plan(facts, request, digest, workflow, event, trigger, only, calls))
        except WorkflowError as error:
            broken.append(error)
    _refuse(broken)
    started = {run.workflow.path: run.workflow.title for run in runs}
    others_files = {path: content for path, content in facts.files.items() if path not in started}
    notes = (*facts.notes, *followers(others_files, started.values(), facts.branch))
    return Intake(request, tuple(runs), verdicts, notes)


def record(store: Store, intake: Intake, actor: str, clock: Clock) -> list[int]:
    """Record the event, then its runs with all their jobs; return the runs' ids. The scheduler takes it from there."""
    if not intake.runs:
        return []
    repo, first = intake.request.repo, intake.runs[0]
    ids = []
    with store.database.write(durable=True):  # all of them or none
        repo_id = store.runs.repo(repo.name, str(repo.root), repo.remote_url or "")
        fields = {"ref": first.ref, "sha": first.sha, "actor": actor, "payload": first.contexts["github"]["event"]}
        event_id, _ = store.runs.event(repo_id, local_delivery(), first.event, fields, clock.now())
        for prepared in intake.runs:
            new = new_run(prepared, repo_id, event_id, store.secrets.seal(intake.request.secrets))
            ids.append(store.runs.create(new, actor, clock.now()))
        store.runs.verdicts(event_id, intake.verdicts)
    return ids


def _read(
    store: Store, facts: LocalRepo, policy: str, wanted: str | None
) -> tuple[dict[str, tuple[str, Workflow]], list[WorkflowError]]:
    """Return digest and workflow by path, of the one wanted alone if it is a path, and those that cannot be read."""
    known: dict[str, tuple[str, Workflow]] = {}
    broken: list[WorkflowError] = []
    for path, content in facts.files.items():
        if wanted in facts.files and path != wanted:
            continue
        try:
            known[path] = store.definitions.keep(path, decoded(content, path), policy)
        except WorkflowError as error:
            if all((error.path, error.findings) != (other.path, other.findings) for other in broken):
                broken.append(error)  # the policy file's own faults come up with each workflow
    return known, broken


def _choose(
    facts: LocalRepo, known: dict[str, tuple[str, Workflow]], wanted: str | None, broken: list[WorkflowError]
) -> dict[str, tuple[str, Workflow]]:
    if not facts.files:
        raise GitError(
            f"{facts.repo.root} has no workflows (looked in {', '.join(repository.WORKFLOW_FOLDERS)}).",
            "`treadle init` writes a first one.",
        )
    if wanted is None or wanted in facts.files:
        return known
    named = {path: found for path, found in known.items() if found[1].name == wanted}
    if named:
        broken.clear()
        return named
    _refuse(broken)  # it may be in one of those
    names = [*(workflow.name for _, workflow in known.values() if workflow.name), *facts.files]
    near = get_close_matches(wanted, names, n=1)
    more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    hint = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(names[:SHOWN_NAMES])}{more}."
    raise GitError(f"There is no workflow {wanted!r} in {facts.repo.root}.", hint)


def _refuse(broken: list[WorkflowError]) -> None:
    if len(broken) == 1:
        raise broken[0]
    if broken:
        raise ExceptionGroup("invalid workflows", broken)


def _usual_event(workflow: Workflow, *, named: bool) -> str:
    events = [trigger.event for trigger in workflow.on]
    if not named or "push" in events:
        return "push"
    return "workflow_dispatch" if "workflow_dispatch" in events else next(iter(events), "push")


def _plan(
    facts: LocalRepo,
    request: LocalRequest,
    digest: str,
    workflow: Workflow,
    event: str,
    trigger: Trigger | None,
    only: frozenset[str],
    calls: Calls,
) -> Prepared:
    inputs: Mapping[str, Any] = {}
    if trigger is not None and event in ("workflow_dispatch", "workflow_call"):
        inputs = dispatch_inputs(trigger, request.inputs)
    elif request.inputs:
        what, hint = f"inputs are given, but the event is {event}", "use --event workflow_dispatch"
        raise WorkflowError(workflow.path, (Finding(Severity.ERROR, Place(1, 1), what, hint),))
    payload = dict(request.payload) if request.payload is not None else payload_of(facts, event, trigger, inputs)
    ref = ref_of(facts, event, payload)
    github = github_context(
        repository=request.repo.name,
        sha=facts.head or facts.sha,
        ref=ref,
        event_name=event,
        event=payload,
        actor=request.actor,
        workflow=workflow.title,
        workflow_path=workflow.path,
        default_branch=facts.branch or "",
    )
    source = {
        "root": str(request.repo.root),
        "sha": facts.sha,
        "branch": facts.branch if request.rev is None else None,
        "mirror": facts.mirror,
        "labels": dict(request.labels),
        "executor": request.executor,
        "env": dict(request.env),
        "checkpoint": request.checkpoint,
        "hold": request.hold,
    }
    hurry = urgency(event, by_person=True)
    return prepare_run(
        workflow, digest, github, source, inputs, request.variables, only=only, urgency=hurry, calls=calls
    )
