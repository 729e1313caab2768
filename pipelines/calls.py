"""What a workflow takes from elsewhere: workflows that it calls, at every level, and actions of its own repository."""

import posixpath
from collections.abc import Callable, Iterator
from dataclasses import field, replace
from typing import TypeAlias

from pipelines.action_refs import ActionKind, parse_action_ref
from pipelines.called import Called, WorkflowRef, parse_workflow_ref
from pipelines.errors import Finding, Place, Severity, WorkflowError
from pipelines.model import Action, Job, Step, Trigger, Workflow
from pipelines.parse import parse_workflow, unsupported
from pipelines.parse_actions import parse_action
from pipelines.permissions import too_much_asked
from pipelines.records import dataclass
from pipelines.template import Template

MOST_LEVELS = 10  # GitHub's limits: how deep workflows call each other, and how many different ones a run calls
MOST_CALLED = 50

Load: TypeAlias = Callable[[str], bytes | None]
"""The bytes of a path in the repository, or None."""
Find: TypeAlias = Callable[[WorkflowRef], "Called | str | None"]
"""A workflow that is called; a sentence that says why it cannot be; None where nobody looks it up."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a workflow calls, at all levels, by address, and what is wrong with it, in the order of the file."""

    called: dict[str, Called]
    findings: tuple[Finding, ...]


def check_calls(workflow: Workflow, load: Load) -> tuple[Finding, ...]:
    """Return what is wrong with the local workflows and actions that a workflow uses, in the order of the file."""
    return look_into(workflow, load, local_find(load)).findings


def look_into(workflow: Workflow, load: Load, find: Find) -> Taken:
    """Look up all that a workflow uses. An action that is not there is no finding: a step may yet put it there."""
    calls = _Calls(load, find)
    findings = [*calls.faults(workflow, None), *_check_actions(workflow, load)]
    findings += too_much_asked(workflow, calls.found)
    if len(calls.found) > MOST_CALLED:
        place = next(job.uses_place for job in workflow.jobs.values() if job.uses_place)
        findings.append(_error(place, f"the run calls {len(calls.found)} workflows; {MOST_CALLED} are allowed"))
    return Taken(calls.found, tuple(sorted(findings, key=lambda found: (found.place.line, found.place.column))))


def local_find(load: Load) -> Find:
    """Return what looks up the workflows of the same commit, and no others."""

    def find(ref: WorkflowRef) -> Called | str | None:
        if ref.repository:
            return None
        text = load(ref.path)
        if text is None:
            return f"there is no workflow {ref.path} in this repository"
        try:
            return Called(ref, parse_workflow(text, ref.path))
        except WorkflowError as error:
            return cannot_be_used(error)

    return find


def cannot_be_used(error: WorkflowError) -> str:
    """Return what to say of a workflow that is called and cannot be read."""
    return f"the called workflow cannot be used: {error.findings[0].line_for(error.path)}"


@dataclass(slots=True)
class _Calls:
    """The calls that begin at one workflow, each looked up once. `levels` says how deep those of each go."""

    load: Load
    find: Find
    found: dict[str, Called] = field(default_factory=dict)
    levels: dict[str, int] = field(default_factory=dict)
    answers: dict[str, Called | str | None] = field(default_factory=dict)
    known: dict[str, tuple[Finding, ...]] = field(default_factory=dict)
    open: list[str] = field(default_factory=list)

    def faults(self, workflow: Workflow, caller: Called | None) -> list[Finding]:
        """Return what is wrong with the calls of a workflow, at their places in it."""
        findings: list[Finding] = []
        for job in workflow.jobs.values():
            if job.uses is not None and job.uses_place is not None:
                findings += self._faults_of(job, job.uses_place, parse_workflow_ref(job.uses).within(caller))
        return findings

    def _faults_of(self, job: Job, place: Place, ref: WorkflowRef) -> list[Finding]:
        address = ref.address
        if address in self.open:
            way = " → ".join([*self.open[self.open.index(address) :], address])
            return [_error(place, f"the called workflows call each other in a circle: {way}")]
        if len(self.open) + self.levels.get(address, 1) >= MOST_LEVELS:
            return [_error(place, f"the called workflows call each other more than {MOST_LEVELS} levels deep")]
        if address not in self.answers:
            self.answers[address] = self.find(ref)
        called = self.answers[address]
        if called is None:
            return []
        if isinstance(called, str):
            return [_error(place, called)]
        if called.trigger is None:
            return [_error(place, f"{called.ref.address} cannot be called", "it lacks on: workflow_call")]
        self.found[address] = called
        wrong = [*_check_inputs(job, place, called.trigger), *_check_secrets(job, place, called.trigger)]
        within = (
            replace(one, place=place, message=_at(called, one), hint=None) for one in self._within(address, called)
        )
        return [*wrong, *within]

    def _within(self, address: str, called: Called) -> tuple[Finding, ...]:
        """Return what is wrong within a called workflow, at the places there; worked out once."""
        if address not in self.known:
            self.open.append(address)
            findings = [*self.faults(called.workflow, called), *unsupported(called.workflow)]
            if not called.ref.repository:
                findings += _check_actions(called.workflow, self.load)
            self.open.pop()
            self.known[address] = tuple(findings)
            refs = [parse_workflow_ref(job.uses).within(called) for job in called.workflow.jobs.values() if job.uses]
            self.levels[address] = 1 + max((self.levels.get(ref.address, 1) for ref in refs), default=0)
        return self.known[address]


def _at(called: Called, finding: Finding) -> str:
    """Return what is wrong within a called workflow as its caller is told it: where first."""
    hint = f" ({finding.hint})" if finding.hint else ""
    return f"{called.ref.address}:{finding.place.line}:{finding.place.column}: {finding.message}{hint}"


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
