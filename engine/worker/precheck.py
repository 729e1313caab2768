"""What would keep a run from starting, found out before it is recorded: labels, the executor, images."""

from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Any

from engine.core.errors import ExecutorUnavailable
from engine.core.scheduling import status_functions
from engine.worker.executor import Say
from engine.worker.executors import Executors
from engine.worker.job_box import BoxPlan, plan_box
from engine.worker.kind import DOCKER, Refused
from pipelines.called import Calls
from pipelines.errors import ExpressionError, Place
from pipelines.evaluation import KNOWN_EARLY, names_of
from pipelines.model import Job, Workflow
from pipelines.plan import JobPlan
from pipelines.records import dataclass
from pipelines.template import Template


@dataclass(frozen=True, slots=True)
class Wanted:
    """One planned run: its workflow, its jobs, what their expressions see, and what the person overrode."""

    workflow: Workflow
    jobs: tuple[JobPlan, ...]
    contexts: Mapping[str, Any]
    labels: Mapping[str, str]
    executor: str
    calls: Calls = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a job runs, with the job and the file that says so."""

    plan: BoxPlan
    job: Job
    path: str

    def at(self, place: Place, error: ExecutorUnavailable) -> ExecutorUnavailable:
        """Return the error with the line that asks for what is not to be had."""
        return _at(self.path, place, error)


def boxes(wanted: Iterable[Wanted]) -> list[Placed]:
    """Return where the jobs will run, as far as that is known before they do. Raises ExecutorUnavailable."""
    plans: dict[tuple[str, tuple[str | None, ...]], Placed] = {}
    for run in wanted:
        inputs: dict[str, Any] = {}
        for job in run.jobs:
            seen = run.contexts
            if job.calls:
                inputs[job.inner_scope] = job.inputs
                continue
            workflow = run.calls[job.workflow].workflow if job.workflow else run.workflow
            model = workflow.jobs[job.own_key]
            if job.scope in inputs:
                seen = {**run.contexts, "inputs": inputs[job.scope] or {}}
            if _is_open(model, job) or _is_skipped(model, seen):
                continue
            contexts = {
                **seen,
                "matrix": job.matrix or {},
                "needs": {},
                "secrets": {},
                "env": {},
                "strategy": {},
                "runner": {},
                "job": {},
            }
            try:
                plan = plan_box(model, contexts, run.labels, run.executor)
            except ExpressionError:
                continue  # it depends on what is not known yet; the job itself will say what is wrong
            except ExecutorUnavailable as error:
                if len(run.jobs) > 1:
                    error.fix += " `--job NAME` runs other jobs without it."
                place = error.place if isinstance(error, Refused) else _place_of_box(model)
                raise _at(workflow.path, place, error) from None
            images = (plan.image, *(service.image for service in plan.services))
            plans.setdefault((plan.executor, images), Placed(plan, model, workflow.path))
    return list(plans.values())


def check(wanted: Iterable[Wanted], executors: Executors, say: Say) -> None:
    """Make sure that every executor answers and every image is here. Raises ExecutorUnavailable with the fix."""
    for placed in boxes(wanted):
        plan, job = placed.plan, placed.job
        executor = executors.get(plan.executor)
        if plan.image is not None and plan.credentials is None:  # which the job alone knows
            try:
                executor.ensure_image(plan.image, say)
            except ExecutorUnavailable as error:
                raise placed.at(_place_of_box(job), error) from error
        for service in plan.services:
            if service.credentials is None:
                try:
                    executors.get(DOCKER).ensure_image(service.image, say)
                except ExecutorUnavailable as error:
                    raise placed.at(job.services[service.name].image.place, error) from error


def _at(path: str, place: Place, error: ExecutorUnavailable) -> ExecutorUnavailable:
    return ExecutorUnavailable(f"{path}:{place.line}: {error.args[0]}", error.fix)


def _place_of_box(job: Job) -> Place:
    """Return where a job says what it runs on."""
    asked: Any = job.container.image if job.container else job.runs_on
    while isinstance(asked, (list, dict)) and asked:
        asked = asked[0] if isinstance(asked, list) else asked.get("labels")
    return asked.place if isinstance(asked, Template) else job.place


def _is_open(job: Job, plan: JobPlan) -> bool:
    """Whether other jobs have to run before it is known where this one does."""
    containers = [job.container] if job.container else []
    names = names_of(job.runs_on, *(one.image for one in (*containers, *job.services.values())))
    return "needs" in names or (plan.dynamic and not names.isdisjoint({"matrix", "strategy"}))


def _is_skipped(job: Job, contexts: Mapping[str, Any]) -> bool:
    """Whether the job's `if:` is false already, whatever becomes of other jobs."""
    if job.condition is None or not job.condition.names <= KNOWN_EARLY:
        return False
    states = ((True, False, False), (False, True, False), (False, False, True))
    try:
        return not any(
            job.condition.evaluate(contexts, status_functions(ok=ok, failed=failed, cancelled=cancelled))
            for ok, failed, cancelled in states
        )
    except ExpressionError:
        return False
