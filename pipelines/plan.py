"""From a workflow and the contexts of its event to a plan: which jobs there will be, under which names and limits.

A plan is frozen with its run. Nothing of a step is evaluated here, and no `if:`: those wait for the job's
needs to be done. A job that calls a workflow stands in the plan before the jobs that it calls, as deep as that goes.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from difflib import get_close_matches
from typing import Any, Self

from pipelines.call_values import call_inputs
from pipelines.called import Called, Calls, parse_workflow_ref
from pipelines.dag import closure, remaining_path
from pipelines.errors import Finding, Place, WorkflowError
from pipelines.evaluation import KNOWN_EARLY, Contexts, Evaluator, names_of, refusal
from pipelines.json_value import Json
from pipelines.matrix import Cell
from pipelines.model import Concurrency, Job, RetryPolicy, Workflow
from pipelines.records import dataclass

MOST_JOBS = 20_000
"""In a run. A matrix of calls of matrices of calls grows fast; beyond this nobody means it."""


@dataclass(frozen=True, slots=True)
class JobPlan:
    """One job to be: one cell of a matrix, or a whole job.

    `key` is the job's id in its file, behind that of the job that calls the file: `deploy/build`. `needs` are keys.
    `dynamic`: what it becomes depends on what its needs put out; it stands for all its cells until `expand_job`.
    `concurrency_late`: its group does; `late_concurrency` settles it. `remaining_path` is the longest chain of jobs
    that begins here, itself included. `max_parallel` counts the cells of one key at once.

    `calls` is the address of the workflow that it calls, with `inputs`; "" for a job with steps. `workflow` is that of
    the workflow that it is of itself, "" for the run's own, `scope` the call of that, `prefix` what names begin with.
    """

    key: str
    name: str
    matrix: dict[str, Json] | None = None
    job_index: int = 0
    job_total: int = 1
    needs: tuple[str, ...] = ()
    priority: int = 0
    retry: RetryPolicy | None = None
    fail_fast: bool = True
    max_parallel: int | None = None
    dynamic: bool = False
    remaining_path: int = 1
    concurrency_group: str | None = None
    cancel_in_progress: bool = False
    queue_all: bool = False
    limit: int = 1
    concurrency_late: bool = False
    calls: str = ""
    inputs: dict[str, Json] | None = None
    workflow: str = ""
    scope: str = ""
    prefix: str = ""
    hold: bool = False

    @property
    def own_key(self) -> str:
        """Its id in its own file."""
        return own_key(self.key)

    @property
    def inner_scope(self) -> str:
        """The scope of the jobs that it calls: each cell of a matrix has its own."""
        return self.key if self.matrix is None else f"{self.key}#{self.job_index}"

    def to_json(self) -> dict[str, Any]:
        """Return the plan as plain JSON, from which `from_json` makes an equal one."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        retry = asdict(self.retry) | {"on": list(self.retry.on)} if self.retry else None
        return fields | {"needs": list(self.needs), "retry": retry}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        retry = data.get("retry")
        policy = RetryPolicy(**{**retry, "on": tuple(retry["on"])}) if retry else None
        return cls(**{**data, "needs": tuple(data.get("needs", ())), "retry": policy})


@dataclass(frozen=True, slots=True)
class RunPlan:
    """One run to be, its jobs in file order. `title` is its evaluated `run-name`, or empty.

    Groups are in lower case, for GitHub compares them so. `limit` runs of a group go at once; with `queue_all` the
    others wait in order, else only the latest waits.
    """

    title: str
    concurrency_group: str | None
    cancel_in_progress: bool
    queue_all: bool
    limit: int
    priority: int
    jobs: tuple[JobPlan, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the plan as plain JSON, from which `from_json` makes an equal one."""
        return {name: getattr(self, name) for name in self.__slots__} | {"jobs": [job.to_json() for job in self.jobs]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(**{**data, "jobs": tuple(JobPlan.from_json(job) for job in data["jobs"])})


def own_key(key: str) -> str:
    """Return a job's id in its own file."""
    return key.rpartition("/")[2]


def plan_run(
    workflow: Workflow, contexts: Contexts, only: Collection[str] = frozenset(), calls: Calls | None = None
) -> RunPlan:
    """Return the plan of one run. `contexts` holds github, inputs and vars, `calls` every workflow that is called.

    `only` are the ids of the jobs asked for: those and all they need are planned; none means all. Names are unique
    within the run: the second job that would bear a name gets ` (2)` behind it. Raises WorkflowError with every
    place that cannot be evaluated.
    """
    findings: list[Finding] = []
    plans: list[JobPlan] = []
    try:
        plans = _Level(workflow, contexts, calls or {}, priority=workflow.priority or 0).plan(_wanted(workflow, only))
    except WorkflowError as error:
        findings += error.findings
    evaluator = Evaluator(workflow.path, contexts)
    title, group, cancel = "", None, False
    try:
        if workflow.run_name is not None:
            title = evaluator.text(workflow.run_name).strip()
        if workflow.concurrency is not None:
            group, cancel = evaluator.concurrency(workflow.concurrency)
    except WorkflowError as error:
        findings += error.findings
    if findings:
        in_order = sorted(findings, key=lambda finding: (finding.place.line, finding.place.column))
        raise WorkflowError(workflow.path, tuple(in_order))
    return RunPlan(
        title=title,
        concurrency_group=group,
        cancel_in_progress=cancel,
        queue_all=workflow.concurrency.queue_all if workflow.concurrency else False,
        limit=workflow.concurrency.limit if workflow.concurrency else 1,
        priority=workflow.priority or 0,
        jobs=tuple(_with_unique_names(plans, ())),
    )


def expand_job(
    workflow: Workflow, plan: JobPlan, contexts: Contexts, taken: Iterable[str] = (), calls: Calls | None = None
) -> tuple[JobPlan, ...]:
    """Return what a dynamic job becomes once its needs are done: at least one plan, the first of them its own.

    `workflow` is the one that the job is of, `contexts` holds its github, inputs, vars and needs; `taken` are the names
    of the run's other jobs. Raises WorkflowError.
    """
    job = workflow.jobs[plan.own_key]
    level = _Level(
        workflow, contexts, calls or {}, plan.workflow, plan.scope, plan.prefix, plan.priority, plan.remaining_path - 1
    )
    plans = level.with_called([(job, one) for one in level.cells(job, plan.remaining_path, early=False)])
    return tuple(_with_unique_names(plans, taken))


def late_concurrency(workflow: Workflow, plan: JobPlan, contexts: Contexts) -> JobPlan:
    """Return `plan` with the concurrency group that its needs settle; `contexts` holds them. Raises WorkflowError."""
    job = workflow.jobs[plan.own_key]
    inner = Evaluator(workflow.path, _cell_contexts(contexts, plan.matrix, plan))
    return _with_concurrency(replace(plan, concurrency_late=False), job.concurrency, inner)


def _wanted(workflow: Workflow, only: Collection[str]) -> dict[str, Job]:
    for key in sorted(only):
        if key not in workflow.jobs:
            near = get_close_matches(key, workflow.jobs, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"its jobs are {', '.join(workflow.jobs)}"
            raise refusal(workflow.path, Place(1, 1), f"there is no job {key!r}", hint)
    chosen = closure({key: job.needs for key, job in workflow.jobs.items()}, only or workflow.jobs)
    return {key: job for key, job in workflow.jobs.items() if key in chosen}


@dataclass(frozen=True, slots=True)
class _Level:
    """One workflow of a run: its own, or one that a job calls, with what its expressions see of the outside.

    `priority` is for jobs that have none, `behind` the longest chain of jobs that follows on the whole of it.
    """

    workflow: Workflow
    contexts: Contexts
    calls: Calls
    address: str = ""
    scope: str = ""
    prefix: str = ""
    priority: int = 0
    behind: int = 0

    def plan(self, jobs: Mapping[str, Job]) -> list[JobPlan]:
        """Return the plans of these jobs, and behind each that calls a workflow those of its jobs."""
        paths = remaining_path({key: job.needs for key, job in jobs.items()})
        findings: list[Finding] = []
        own: list[tuple[Job, JobPlan]] = []
        for key, job in jobs.items():
            try:
                own += [(job, plan) for plan in self.cells(job, paths[key] + self.behind)]
            except WorkflowError as error:
                findings += error.findings
        if findings:
            raise WorkflowError(self.workflow.path, tuple(findings))
        return self.with_called(own)

    def cells(self, job: Job, path: int, early: bool = True) -> list[JobPlan]:
        """Return the plans of one job. `early`: its needs are not done yet, so that it may have to stay dynamic."""
        inside = f"{self.scope}/" if self.scope else ""
        name = job.name.text if job.name is not None and job.name.is_literal and job.name.text else job.key
        base = JobPlan(
            key=inside + job.key,
            name=self.prefix + name,
            needs=tuple(inside + need for need in job.needs),
            priority=self.priority if job.priority is None else job.priority,
            retry=job.retry,
            hold=bool(job.hold),
            remaining_path=path,
            calls=self._called(job).ref.address if job.uses else "",
            workflow=self.address,
            scope=self.scope,
            prefix=self.prefix,
        )
        if early and not names_of(job.name, job.strategy, dict(job.with_) if job.uses else None) <= KNOWN_EARLY:
            return [replace(base, dynamic=True)]
        found = Evaluator(self.workflow.path, self.contexts).variations(job.strategy)
        base = replace(base, fail_fast=found.fail_fast, max_parallel=found.max_parallel)
        plans = []
        for index, (cell, named) in enumerate(found.cells):
            plan = replace(base, matrix=cell, job_index=index, job_total=len(found.cells))
            inner = Evaluator(self.workflow.path, _cell_contexts(self.contexts, cell, plan))
            plan = replace(plan, name=self.prefix + inner.job_name(job, name, named))
            late = early and job.concurrency is not None and not names_of(job.concurrency) <= KNOWN_EARLY
            plans.append(
                replace(plan, concurrency_late=True) if late else _with_concurrency(plan, job.concurrency, inner)
            )
        return plans

    def with_called(self, own: Iterable[tuple[Job, JobPlan]]) -> list[JobPlan]:
        """Return plans of this level with those that they call, each call before its jobs."""
        jobs, plans = zip(*own, strict=True)
        found: list[JobPlan] = []
        for job, plan in zip(jobs, _with_unique_names(plans, ()), strict=True):
            found += [plan] if plan.dynamic or not job.uses else self._call(job, plan)
            if len(found) > MOST_JOBS:
                raise refusal(self.workflow.path, job.place, f"the run would have more than {MOST_JOBS} jobs")
        return found

    def _call(self, job: Job, plan: JobPlan) -> list[JobPlan]:
        called = self._called(job)
        inner = {name: value for name, value in self.contexts.items() if name in ("github", "vars")}
        contexts = _cell_contexts(self.contexts, plan.matrix, plan)
        plan = replace(plan, inputs=call_inputs(self.workflow.path, job, contexts, called, inner))
        inner["inputs"] = dict(plan.inputs or {})
        if (group := called.workflow.concurrency) is not None:
            own = plan.concurrency_group
            with _blaming(self.workflow.path, job):
                plan = _with_concurrency(plan, group, Evaluator(called.workflow.path, inner))
            if job.concurrency is not None:
                hint = f"{called.ref.address} names the group {plan.concurrency_group!r}: leave it to one of the two"
                said = "the call cannot be in two concurrency groups"
                if own == plan.concurrency_group:
                    said = f"the called workflow would wait for its own call, which holds the group {own!r}"
                raise refusal(self.workflow.path, job.concurrency.place, said, hint)
        level = replace(
            self,
            workflow=called.workflow,
            contexts=inner,
            address=called.ref.address,
            scope=plan.inner_scope,
            prefix=f"{plan.name} / ",
            priority=plan.priority if called.workflow.priority is None else called.workflow.priority,
            behind=plan.remaining_path - 1,
        )
        with _blaming(self.workflow.path, job):
            return [plan, *level.plan(called.workflow.jobs)]

    def _called(self, job: Job) -> Called:
        assert job.uses is not None and job.uses_place is not None
        address = parse_workflow_ref(job.uses).within(self.calls.get(self.address)).address
        if address not in self.calls:
            raise refusal(self.workflow.path, job.uses_place, f"the workflow {address} is not here")
        return self.calls[address]


@contextmanager
def _blaming(path: str, job: Job) -> Iterator[None]:
    """Say of what is wrong within a called workflow who calls it: `path` is the caller's file."""
    try:
        yield
    except WorkflowError as error:
        assert job.uses_place is not None
        first = error.findings[0].line_for(error.path)
        raise refusal(path, job.uses_place, f"the called workflow cannot be used: {first}") from None


def _cell_contexts(contexts: Contexts, cell: Cell | None, plan: JobPlan) -> dict[str, Json]:
    strategy: dict[str, Json] = {
        "fail-fast": plan.fail_fast,
        "job-index": plan.job_index,
        "job-total": plan.job_total,
        "max-parallel": plan.max_parallel or plan.job_total,
    }
    return {**contexts, "strategy": strategy, "matrix": dict(cell or {})}


def _with_concurrency(plan: JobPlan, concurrency: Concurrency | None, evaluator: Evaluator) -> JobPlan:
    if concurrency is None:
        return plan
    group, cancel = evaluator.concurrency(concurrency)
    return replace(
        plan,
        concurrency_group=group,
        cancel_in_progress=cancel,
        queue_all=concurrency.queue_all,
        limit=concurrency.limit,
    )


def _with_unique_names(plans: Iterable[JobPlan], taken: Iterable[str]) -> list[JobPlan]:
    used, unique = set(taken), []
    for plan in plans:
        name, number = plan.name, 1
        while name in used:
            number += 1
            name = f"{plan.name} ({number})"
        used.add(name)
        unique.append(plan if name == plan.name else replace(plan, name=name))
    return unique
