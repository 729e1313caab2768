"""What a workflow takes from its own repository, `uses: ./…`, held against the files there."""

import posixpath
from collections.abc import Callable, Iterator
from dataclasses import replace

from pipelines.action_refs import ActionKind, parse_action_ref, parse_workflow_ref
from pipelines.errors import Finding, Place, Severity, WorkflowError
from pipelines.model import Action, Job, Step, Trigger, Workflow
from pipelines.parse import parse_workflow
from pipelines.parse_actions import parse_action
from pipelines.template import Template

MOST_LEVELS = 10  # GitHub's limit on workflows that call each other

_WARNING = Severity.WARNING
Load = Callable[[str], bytes | None]


def check_calls(workflow: Workflow, load: Load) -> tuple[Finding, ...]:
    """Return what is wrong with the local workflows and actions that a workflow uses, in the order of the file.

    `load` gives the bytes of a path in the repository, or None. An action that is not there is no finding: a step may
    yet put it there.
    """
    findings = [*_check_workflows(workflow, load), *_check_actions(workflow, load)]
    return tuple(sorted(findings, key=lambda finding: (finding.place.line, finding.place.column)))


def _check_workflows(workflow: Workflow, load: Load) -> list[Finding]:
    findings: list[Finding] = []
    known: dict[str, Workflow | WorkflowError | None] = {}

    def called(path: str) -> Workflow | WorkflowError | None:
        if path not in known:
            text = load(path)
            try:
                known[path] = None if text is None else parse_workflow(text, path)
            except WorkflowError as error:
                known[path] = error
        return known[path]

    for job in workflow.jobs.values():
        path = job.uses and parse_workflow_ref(job.uses)
        if not path or job.uses_place is None:
            continue
        found = called(path)
        if isinstance(found, Workflow):
            findings += _check_call(job, job.uses_place, found)
            if (circle := _circle(path, called)) is not None:
                findings.append(_error(job.uses_place, f"the called workflows {circle}"))
        elif found is None:
            findings.append(_error(job.uses_place, f"there is no workflow {path} in this repository"))
        else:
            first = found.findings[0].line_for(path)
            findings.append(_error(job.uses_place, f"the called workflow cannot be used: {first}"))
    return findings


def _check_call(job: Job, place: Place, called: Workflow) -> list[Finding]:
    trigger = next((trigger for trigger in called.on if trigger.event == "workflow_call"), None)
    if trigger is None:
        return [_error(place, f"{called.path} cannot be called", "it lacks on: workflow_call")]
    return [*_check_inputs(job, place, trigger), *_check_secrets(job, place, trigger)]


def _check_actions(workflow: Workflow, load: Load) -> list[Finding]:
    """Say at each step what is wrong with its local action, or with those that it uses in turn."""
    known: dict[str, tuple[Finding, ...]] = {}
    findings = []
    for step in (step for job in workflow.jobs.values() for step in job.steps):
        path = _local_action(step)
        if path is None or step.uses_place is None:
            continue
        if path not in known:
            known[path] = tuple(_faults(path, load))
        findings += [replace(fault, place=step.uses_place) for fault in known[path]]
    return findings


def _faults(start: str, load: Load) -> Iterator[Finding]:
    """Yield what is wrong with an action and all that it uses; the message names the file and the place in it."""
    waiting, reached = [start], {start}
    for path in waiting:  # grows while it is walked
        action = _load_action(path, load)
        if isinstance(action, Action):
            found = [fault for fault in action.findings if fault.unsupported]
            local = [used for step in action.steps if (used := _local_action(step)) and used not in reached]
            reached.update(local)
            waiting += dict.fromkeys(local)
        else:
            found = [] if action is None else [f for f in action.findings if f.severity is Severity.ERROR][:1]
        file = action.path if action else path
        yield from (replace(f, message=f"{file}:{f.place.line}:{f.place.column}: {f.message}") for f in found)


def _load_action(path: str, load: Load) -> Action | WorkflowError | None:
    for name in ("action.yml", "action.yaml"):
        file = posixpath.normpath(f"{path}/{name}")
        if (text := load(file)) is not None:
            try:
                return parse_action(text, file)
            except WorkflowError as error:
                return error
    return None


def _local_action(step: Step) -> str | None:
    action = parse_action_ref(step.uses) if step.uses else None
    return action.path if action and action.kind is ActionKind.LOCAL else None


def _check_inputs(job: Job, place: Place, trigger: Trigger) -> list[Finding]:
    findings = []
    given = {name.lower(): (name, value) for name, value in job.with_.items()}
    declared = {name.lower(): declaration for name, declaration in trigger.inputs.items()}
    for name, declaration in declared.items():
        if declaration.required and name not in given:
            findings.append(_error(place, f"the input {declaration.name} is required, but not given"))
    for folded, (name, value) in given.items():
        if folded not in declared:
            findings.append(_error(_place(value, place), f"the called workflow has no input {name}"))
        elif not _fits(value, kind := declared[folded].type):
            findings.append(_error(_place(value, place), f"the input {name} must be of the type {kind}"))
    return findings


def _check_secrets(job: Job, place: Place, trigger: Trigger) -> list[Finding]:
    if job.inherit_secrets:
        return []
    given = {name.lower(): (name, value) for name, value in (job.secrets or {}).items()}
    declared = {name.lower() for name in trigger.secrets}
    missing = [name for name, required in trigger.secrets.items() if required and name.lower() not in given]
    strange = [(name, value.place) for folded, (name, value) in given.items() if folded not in declared]
    return [
        *(_error(place, f"the secret {name} is required, but not given") for name in missing),
        *(
            Finding(Severity.WARNING, where, f"the called workflow declares no secret {name}")
            for name, where in strange
        ),
    ]


def _circle(start: str, called: Callable[[str], Workflow | WorkflowError | None]) -> str | None:
    """Return how the calls that begin at `start` come back to it or go too deep; None when they end."""
    levels, level = [start], 0
    reached = {start}
    while levels:
        level += 1
        if level > MOST_LEVELS:
            return f"call each other more than {MOST_LEVELS} levels deep"
        paths = [path for caller in levels for path in _local_calls(called(caller))]
        if start in paths:
            return f"call each other in a circle through {start}"
        levels = [path for path in dict.fromkeys(paths) if path not in reached]
        reached.update(levels)
    return None


def _local_calls(workflow: Workflow | WorkflowError | None) -> list[str]:
    if not isinstance(workflow, Workflow):
        return []
    return [path for job in workflow.jobs.values() if job.uses and (path := parse_workflow_ref(job.uses))]


def _fits(value: object, kind: str) -> bool:
    """Return whether a value may be of a type; of an expression nobody can tell yet."""
    if isinstance(value, Template):
        return kind == "string" or not value.is_literal
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return True


def _place(value: object, otherwise: Place) -> Place:
    return value.place if isinstance(value, Template) else otherwise


def _error(place: Place, message: str, hint: str | None = None) -> Finding:
    return Finding(Severity.ERROR, place, message, hint)
