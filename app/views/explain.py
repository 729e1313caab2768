"""Why a run, a job or an event came out as it did, or waits: everything that is known of it, as JSON. Changes nothing.

What was decided is worked out once more by the same code, from the workflow as the run keeps it and the values of
then. What cannot be known any more stands in `unknown`, in words. Secrets are hidden in every text.
"""

from collections.abc import Collection, Mapping
from typing import Any

from app.shapes import event_shape, job_shape, run_shape
from app.views.events import about
from app.views.explain_event import changed_files, forge_of, judged, waits_event
from app.views.explain_job import attempts_told, because, condition_told, needs_told, steps_told, was_cancelled
from app.views.explain_plan import Mask, Told, group_told, matrix_told, place_told, template_told
from app.views.explain_waits import Past, run_waits, waited, waits_now
from engine.bus import Bus
from engine.control.scheduler import Scheduler
from engine.core.clock import SystemClock
from engine.core.records import Job, JobFacts, Run
from engine.core.states import JobStatus
from engine.settings.model import Settings
from engine.store import explain
from engine.store.explain import Planned
from engine.store.store import Store
from engine.worker.job_secrets import secrets_of
from engine.worker.log.secrets_mask import Mask as Secrets
from pipelines.environments import environment_name
from pipelines.errors import ExpressionError, WorkflowError
from pipelines.model import Job as JobModel

LISTED = 200  # jobs of a run whose reasons are told; the others are told by their status
MATRICES = 40  # that a run tells of; the others are told with each of their jobs
UNREADABLE = "this version reads its workflow no more: "


def explain_run(store: Store, settings: Settings, run_id: int) -> Told | None:
    """Return {`kind`: run, `run`, `event`, `title`, `concurrency`, `waits`, `jobs`, `matrices`, `matrices_left`,
    `unknown`}, None where there is no such run. Each job has `id`, `name`, `status`, `because` and `waits`; `matrices`
    are by job, and so many more there may be."""
    run = store.queries.run(run_id)
    if run is None:
        return None
    planned = explain.planned(run_id)
    changes = explain.run_changes(run_id)
    mask = Secrets(store.secrets.open(planned.secrets).values()).text
    told: Told = {
        "kind": "run",
        "run": run_shape(run),
        "event": _event_of(store, settings, run, planned),
        "title": None,
        "concurrency": None,
        "waits": run_waits(run, changes, planned.repo_id),
        "jobs": [],
        "matrices": [],
        "matrices_left": 0,
        "unknown": [],
    }
    jobs = store.queries.jobs(run_id)
    told["jobs"] = _briefs(store, jobs, run, planned)
    try:
        may_be = _may_have_matrices(jobs, explain.open_plans(run_id))
        definitions = store.definitions
        workflow = definitions.workflow(planned.definition) if may_be else definitions.part(planned.definition, ())
        github = {**planned.contexts.get("github", {}), "run_id": str(run.id), "run_number": str(run.number)}
        contexts = {**planned.contexts, "github": github}
        told["title"] = template_told(workflow.run_name, contexts, mask) if workflow.run_name else None
        told["concurrency"] = group_told(workflow.concurrency, contexts, mask) if workflow.concurrency else None
        told["matrices"], told["matrices_left"] = _matrices(store, may_be, mask)
    except WorkflowError as error:
        told["unknown"].append(f"{UNREADABLE}{error}")
    return told


def explain_job(store: Store, settings: Settings, job_id: int) -> Told | None:
    """Return {`kind`: job, `job`, `run`, `because`, `waits`, `waited`, `condition`, `needs`, `matrix`, `concurrency`,
    `environment`, `runs_on`, `attempts`, `steps` (of the latest attempt), `unknown`}; None where there is none."""
    job = store.queries.job(job_id)
    if job is None:
        return None
    facts = store.queries.facts(job_id)
    planned, standing = explain.planned(facts.run.id), explain.standing(job_id)
    past = _past(store, job, facts.run)
    attempts = store.queries.attempts(job_id)
    steps = steps_told(store.queries, attempts[-1] if attempts else None)
    waiting, paused, room = store.line.waiting([job_id]).get(job_id), store.queue.pause.get(), store.disk.look()
    retry = facts.plan.to_json()["retry"]
    told: Told = {
        "kind": "job",
        "job": job_shape(job),
        "run": run_shape(facts.run),
        "because": because(job, past.changes, past.needs, steps),
        "waits": waits_now(waiting, past, standing, planned.repo_id, paused, room),
        "waited": waited(past),
        "condition": None,
        "needs": [],
        "matrix": None,
        "concurrency": None,
        "environment": None,
        "runs_on": None,
        "attempts": attempts_told(attempts, past.changes, retry),
        "steps": steps,
        "unknown": [],
    }
    try:
        told |= _of_workflow(store, settings, facts, past)
    except WorkflowError as error:
        told["unknown"].append(f"{UNREADABLE}{error}")
    return told


def explain_event(store: Store, settings: Settings, event_id: int) -> Told | None:
    """Return {`kind`: event, `event`, `about`, `forge`, `changed_files`, `waits`, `workflows` [{`path`, `reason`,
    `runs` [{`id`, `number`, `status`, `path`}]}], `unknown`}; None where there is no such event."""
    event = store.inbox.get(event_id)
    if event is None:
        return None
    runs = store.queries.runs(event=event_id, limit=500)
    files, unknown = changed_files(store, settings, event)
    return {
        "kind": "event",
        "event": event_shape(event),
        "about": about(event),
        "forge": forge_of(event),
        "changed_files": None if files is None else list(files),
        "waits": waits_event(store, event),
        "workflows": judged(event, runs),
        "unknown": unknown,
    }


def _of_workflow(store: Store, settings: Settings, facts: JobFacts, past: Past) -> Told:
    """Return what the workflow tells of a job. Raises WorkflowError."""
    job = past.job
    model = store.definitions.part(facts.definition, {job.own_key}).jobs[job.own_key]
    scheduler = Scheduler(store, Bus(), SystemClock(), settings.environment)
    contexts = scheduler.contexts(facts)
    name, problem = _environment(model, contexts)
    mask = _mask(store, facts, name)
    standing = explain.standing(job.id)
    unknown: list[str] = [problem] if problem else []
    told: Told = {
        "needs": needs_told(past.needs, mask),
        "matrix": matrix_told(model, facts, explain.members(job), _of_strategy(contexts), mask),
        "concurrency": group_told(model.concurrency, contexts, mask) if model.concurrency else None,
        "runs_on": place_told(model, facts, contexts, settings, mask),
    }
    if job.status == JobStatus.PENDING and any(need.finished_at is None for need in past.needs):
        text = mask(model.condition.text) if model.condition else None
        told["condition"] = {"written": text, "adds_success": False, "holds": None, "error": "", "parts": []}
    else:
        cancelled = was_cancelled(past.changes, facts.run.cancel_asked_at)
        found = condition_told(model, contexts, standing, past.needs, cancelled=cancelled, mask=mask)
        told["condition"] = found
        if found["holds"] and past.changes and past.changes[-1].cause == "condition_false":
            unknown.append(
                "what its `if:` saw then: by what its needs say now it would hold; they have run again since"
            )
    if model.environment is not None:
        gate = None if facts.plan.dynamic else scheduler.describe(facts).gate
        told["environment"] = {
            "name": name or job.environment,
            "approved_by": job.approved_by or None,
            "gate": "" if gate is None else gate.refused or "a person has to let it in",
        }
    return told | {"unknown": unknown}


def _briefs(store: Store, jobs: list[Job], run: Run, planned: Planned) -> list[Told]:
    """Return a run's jobs, each with why it has ended as it has, or what it waits for: as many as LISTED."""
    by_id = {job.id: job for job in jobs}
    edges, run_changes = store.queries.needs(run.id), explain.run_changes(run.id)
    plain = (JobStatus.SUCCESS, JobStatus.RUNNING)
    asked = dict.fromkeys([job.id for job in jobs if job.status not in plain][:LISTED])
    waiting, changes, standings = store.line.waiting(asked), explain.changes_of_jobs(asked), explain.standings(asked)
    paused, room = store.queue.pause.get(), store.disk.look()
    told: list[Told] = []
    for job in jobs:
        reason, waits = "", None
        if job.id in asked:
            needs = [by_id[need_id] for need_id in edges.get(job.id, ())]
            past = Past(job, run, changes[job.id], run_changes, needs)
            reason = because(job, past.changes, needs, ())
            if job.finished_at is None:
                waits = waits_now(waiting.get(job.id), past, standings[job.id], planned.repo_id, paused, room)
        told.append(
            {
                "id": job.id,
                "name": job.name,
                "key": job.key,
                "status": str(job.status),
                "attempts": job.attempts,
                "because": reason,
                "waits": waits,
            }
        )
    return told


def _past(store: Store, job: Job, run: Run) -> Past:
    found = [store.queries.job(need_id) for need_id in explain.need_ids(job.id)]
    needs = [need for need in found if need is not None]
    return Past(job, run, explain.job_changes(job.id), explain.run_changes(run.id), needs)


def _may_have_matrices(jobs: list[Job], open_plans: Collection[int]) -> list[list[Job]]:
    """Return the jobs of each matrix of a run; also a job whose needs have still to settle what it becomes."""
    members: dict[tuple[str, int | None], list[Job]] = {}
    for job in jobs:
        if job.matrix is not None or job.id in open_plans:
            members.setdefault((job.key, job.parent_id), []).append(job)
    return list(members.values())


def _matrices(store: Store, may_be: list[list[Job]], mask: Mask) -> tuple[list[Told], int]:
    """Return the matrices of a run, each told by the first of its jobs, and how many more there may be."""
    found: list[Told] = []
    for several in may_be[:MATRICES]:
        facts = store.queries.facts(several[0].id)
        model = store.definitions.workflow(facts.definition).jobs[several[0].own_key]
        if model.strategy is None:
            continue
        contexts = Scheduler(store, Bus(), SystemClock()).contexts(facts)
        matrix = matrix_told(model, facts, several, _of_strategy(contexts), mask)
        if matrix is not None:
            found.append({"key": several[0].key} | matrix)
    return found, max(0, len(may_be) - MATRICES)


def _of_strategy(contexts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `strategy:` may see, where there is no cell yet."""
    return {name: value for name, value in contexts.items() if name not in ("strategy", "matrix")}


def _environment(model: JobModel, contexts: Mapping[str, Any]) -> tuple[str, str]:
    try:
        return environment_name(model, contexts), ""
    except ExpressionError as error:
        return "", f"its environment: {error.message}"


def _mask(store: Store, facts: JobFacts, environment: str) -> Mask:
    """Return what hides every secret that the job, or those that call it, could see."""
    values = set(store.secrets.open(facts.secrets).values())
    try:
        values |= set(secrets_of(facts, store, environment).hidden)
    except ExpressionError:  # what cannot be worked out was handed to nobody
        pass
    return Secrets(values).text


def _event_of(store: Store, settings: Settings, run: Run, planned: Planned) -> Told | None:
    """Return the event that a run came of, with the filter that decided; None when it is forgotten."""
    event = store.inbox.get(planned.event_id)
    if event is None:
        return None
    listed, _ = changed_files(store, settings, event)
    return event_shape(event) | {
        "about": about(event),
        "forge": forge_of(event),
        "verdict": event.verdicts.get(run.workflow_path, ""),
        "changed_files": None if listed is None else list(listed),
    }
