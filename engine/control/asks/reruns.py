"""A run once more with other inputs: a new run, of the same commit, the same workflow text and the same jobs."""

from collections.abc import Mapping
from typing import Any

from engine.control.planning import MANUAL, new_run, prepare_run
from engine.control.sources import local_delivery
from engine.core.clock import Clock, SystemClock
from engine.core.errors import EngineError
from engine.core.records import JobFacts, Run
from engine.doorbell import ring
from engine.store.store import Store
from pipelines.dispatch_inputs import InputError, dispatch_inputs
from pipelines.errors import WorkflowError
from pipelines.model import Input, Trigger
from pipelines.records import dataclass
from pipelines.values import to_string

EVENTS = ("workflow_dispatch", "workflow_call")  # those that bring inputs


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs of a run: what its workflow declares, and what the run was given, as texts."""

    trigger: Trigger
    given: Mapping[str, str]

    @property
    def declared(self) -> tuple[Input, ...]:
        return tuple(self.trigger.inputs.values())


def inputs_of(store: Store, run: Run) -> Inputs:
    """Return the inputs that a run has. Raises EngineError when it has none."""
    return _inputs(store, run, _facts(store, run))


def rerun(
    store: Store,
    run: Run,
    inputs: Mapping[str, str],
    actor: str,
    clock: Clock | None = None,
    *,
    debug: bool = False,
    on_host: bool = True,
) -> Run:
    """Record a run like an earlier one, but for these inputs; return it. The scheduler takes it from there.

    `on_host`: may whoever asks have jobs run on this machine itself, where the earlier one could? Raises EngineError
    for a run without inputs, and for inputs that its workflow does not take.
    """
    facts = _facts(store, run)
    known, now = _inputs(store, run, facts), (clock or SystemClock()).now()
    workflow = store.definitions.workflow(facts.definition)
    try:
        typed = dispatch_inputs(known.trigger, {**known.given, **inputs})
    except InputError as error:
        raise EngineError(str(error)) from None
    payload = {**facts.trigger["github"]["event"], "inputs": {name: to_string(value) for name, value in typed.items()}}
    github = {**facts.trigger["github"], "event": payload, "actor": actor, "triggering_actor": actor}
    source = {**facts.source, "host": facts.source.get("host", True) and on_host}
    only = frozenset(job.own_key for job in store.queries.jobs(run.id) if job.parent_id is None)
    try:
        prepared = prepare_run(
            workflow, facts.definition, github, source, typed, facts.trigger["vars"],
            only=only if only < workflow.jobs.keys() else frozenset(), urgency=MANUAL,
            calls=store.definitions.called(facts.calls),
        )  # fmt: skip
    except WorkflowError as error:
        raise EngineError(error.findings[0].line_for(error.path)) from None
    with store.database.write(durable=True):
        fields = {"ref": run.ref, "sha": run.sha, "actor": actor, "payload": payload}
        repo_id = store.runs.repo_of(run.id)
        event_id, _ = store.runs.event(repo_id, local_delivery(), run.event, fields, now)
        run_id = store.runs.create(new_run(prepared, repo_id, event_id, facts.secrets), actor, now)
        store.runs.verdicts(event_id, {run.workflow_path: f"run {run.id} was asked for with other inputs"})
        if debug:
            store.runs.debug(run_id)
    ring(store.home)
    made = store.queries.run(run_id)
    assert made is not None
    return made


def _facts(store: Store, run: Run) -> JobFacts:
    """Return what the run was planned from, as its own jobs see it."""
    own = next(job for job in store.queries.jobs(run.id) if job.parent_id is None)
    return store.queries.facts(own.id)


def _inputs(store: Store, run: Run, facts: JobFacts) -> Inputs:
    workflow = store.definitions.workflow(facts.definition)
    trigger = next((one for one in workflow.on if one.event == run.event), None)
    if run.event not in EVENTS or trigger is None or not trigger.inputs:
        raise EngineError(
            f"Run {run.id} has no inputs: it is of {run.event}"
            + (", which declares none." if run.event in EVENTS else "."),
            "`treadle dispatch` starts a workflow with inputs.",
        )
    inputs: Mapping[str, Any] = facts.trigger["inputs"]
    return Inputs(trigger, {name: to_string(value) for name, value in inputs.items() if name in trigger.inputs})
