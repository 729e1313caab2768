"""From a workflow and the contexts of its event to a plan: which jobs there will be, under which names and limits.

A plan is frozen with its run. Nothing of a step is evaluated here, and no `if:`: those wait for the job's
needs to be done.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from difflib import get_close_matches
from typing import Any, Self

from pipelines.dag import closure, remaining_path
from pipelines.errors import ExpressionError, Finding, Place, Severity, WorkflowError
from pipelines.json_value import Json
from pipelines.matrix import Cell, MatrixError, expand, label
from pipelines.model import Concurrency, Job, RetryPolicy, Strategy, Tree, Workflow
from pipelines.template import Template, resolve
from pipelines.values import to_number

Contexts = Mapping[str, Json]

KNOWN_EARLY = frozenset({"github", "inputs", "vars", "strategy", "matrix"})
"""The contexts that are known before any job has run."""


@dataclass(frozen=True, slots=True)
class JobPlan:
    """One job to be: one cell of a matrix, or a whole job.

    `needs` are job keys. `dynamic`: what it becomes depends on what its needs put out; it stands for all its cells
    until `expand_job`. `concurrency_late`: its group does; `late_concurrency` settles it. `remaining_path` is the
    longest chain of jobs that begins here, itself included. `max_parallel` counts the cells of one key at once.
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


def plan_run(workflow: Workflow, contexts: Contexts, only: Collection[str] = frozenset()) -> RunPlan:
    """Return the plan of one run. `contexts` holds github, inputs and vars.

    `only` are the ids of the jobs asked for: those and all they need are planned; none means all. Names are unique
    within the run: the second job that would bear a name gets ` (2)` behind it. Raises WorkflowError with every
    place that cannot be evaluated.
    """
    jobs = _wanted(workflow, only)
    paths = remaining_path({key: job.needs for key, job in jobs.items()})
    findings: list[Finding] = []
    plans: list[JobPlan] = []
    for key, job in jobs.items():
        try:
            plans += _plan_job(workflow, job, contexts, paths[key])
        except WorkflowError as error:
            findings += error.findings
    evaluator = _Evaluator(workflow.path, contexts)
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
        jobs=_with_unique_names(plans, ()),
    )


def expand_job(workflow: Workflow, key: str, contexts: Contexts, taken: Iterable[str] = ()) -> tuple[JobPlan, ...]:
    """Return what a dynamic job becomes once its needs are done: at least one plan, none of them dynamic.

    `contexts` holds github, inputs, vars and needs; `taken` are the names of the run's other jobs. Raises
    WorkflowError.
    """
    path = remaining_path({other: job.needs for other, job in workflow.jobs.items()})[key]
    plans = _plan_job(workflow, workflow.jobs[key], contexts, path, early=False)
    return _with_unique_names(plans, taken)


def late_concurrency(workflow: Workflow, plan: JobPlan, contexts: Contexts) -> JobPlan:
    """Return `plan` with the concurrency group that its needs settle; `contexts` holds them. Raises WorkflowError."""
    job = workflow.jobs[plan.key]
    inner = _cell_contexts(contexts, plan.matrix, plan)
    return _with_concurrency(replace(plan, concurrency_late=False), job, _Evaluator(workflow.path, inner))


def _wanted(workflow: Workflow, only: Collection[str]) -> dict[str, Job]:
    for key in sorted(only):
        if key not in workflow.jobs:
            near = get_close_matches(key, workflow.jobs, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"its jobs are {', '.join(workflow.jobs)}"
            raise _refusal(workflow.path, Place(1, 1), f"there is no job {key!r}", hint)
    chosen = closure({key: job.needs for key, job in workflow.jobs.items()}, only or workflow.jobs)
    return {key: job for key, job in workflow.jobs.items() if key in chosen}


def _plan_job(workflow: Workflow, job: Job, contexts: Contexts, path: int, early: bool = True) -> list[JobPlan]:
    """Return the plans of one job. `early`: its needs are not done yet, so that it may have to stay dynamic."""
    base = JobPlan(
        key=job.key,
        name=job.name.text if job.name is not None and job.name.is_literal and job.name.text else job.key,
        needs=job.needs,
        priority=next((priority for priority in (job.priority, workflow.priority) if priority is not None), 0),
        retry=job.retry,
        remaining_path=path,
    )
    if early and not names_of(job.name, job.strategy) <= KNOWN_EARLY:
        return [replace(base, dynamic=True)]
    evaluator = _Evaluator(workflow.path, contexts)
    cells: Sequence[Cell | None] = [None]
    if job.strategy is not None:
        cells = evaluator.cells(job.strategy)
        base = replace(
            base,
            fail_fast=evaluator.flag(job.strategy.fail_fast, default=True),
            max_parallel=evaluator.count(job.strategy.max_parallel),
        )
    plans = []
    for index, cell in enumerate(cells):
        plan = replace(base, matrix=cell, job_index=index, job_total=len(cells))
        inner = _Evaluator(workflow.path, _cell_contexts(contexts, cell, plan))
        plan = replace(plan, name=inner.job_name(job, base.name, cell))
        late = early and job.concurrency is not None and not names_of(job.concurrency) <= KNOWN_EARLY
        plans.append(replace(plan, concurrency_late=True) if late else _with_concurrency(plan, job, inner))
    return plans


def _cell_contexts(contexts: Contexts, cell: Cell | None, plan: JobPlan) -> dict[str, Json]:
    strategy: dict[str, Json] = {
        "fail-fast": plan.fail_fast,
        "job-index": plan.job_index,
        "job-total": plan.job_total,
        "max-parallel": plan.max_parallel or plan.job_total,
    }
    return {**contexts, "strategy": strategy, "matrix": dict(cell or {})}


def _with_concurrency(plan: JobPlan, job: Job, evaluator: "_Evaluator") -> JobPlan:
    if job.concurrency is None:
        return plan
    group, cancel = evaluator.concurrency(job.concurrency)
    return replace(
        plan,
        concurrency_group=group,
        cancel_in_progress=cancel,
        queue_all=job.concurrency.queue_all,
        limit=job.concurrency.limit,
    )


def _with_unique_names(plans: Iterable[JobPlan], taken: Iterable[str]) -> tuple[JobPlan, ...]:
    used, unique = set(taken), []
    for plan in plans:
        name, number = plan.name, 1
        while name in used:
            number += 1
            name = f"{plan.name} ({number})"
        used.add(name)
        unique.append(plan if name == plan.name else replace(plan, name=name))
    return tuple(unique)


def names_of(*parts: "Tree | Strategy | Concurrency") -> frozenset[str]:
    """Return the contexts that any template within `parts` names."""
    names: frozenset[str] = frozenset()
    waiting: list[Tree | Strategy | Concurrency] = list(parts)
    while waiting:
        part = waiting.pop()
        if isinstance(part, Template):
            names |= part.names
        elif isinstance(part, Strategy):
            waiting += (part.matrix, part.fail_fast, part.max_parallel)
        elif isinstance(part, Concurrency):
            waiting += (part.group, part.cancel_in_progress)
        elif isinstance(part, dict):
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
    return names


@dataclass(frozen=True, slots=True)
class _Evaluator:
    """Evaluates with one set of contexts; what fails becomes a WorkflowError at the place of what was evaluated."""

    path: str
    contexts: Contexts

    def value(self, template: Template) -> Json:
        try:
            return template.value(self.contexts)
        except ExpressionError as error:
            raise _refusal(self.path, template.place, error.message) from None

    def text(self, template: Template) -> str:
        try:
            return template.string(self.contexts)
        except ExpressionError as error:
            raise _refusal(self.path, template.place, error.message) from None

    def flag(self, template: Template | None, default: bool) -> bool:
        value = default if template is None else self.value(template)
        if value in ("true", "false"):
            return value == "true"
        if isinstance(value, bool):
            return value
        assert template is not None
        raise _refusal(self.path, template.place, f"this must be true or false, not {value!r}")

    def count(self, template: Template | None) -> int | None:
        """Return a whole number above zero, or None where none is set."""
        if template is None:
            return None
        value = self.value(template)
        number = to_number(value)
        if isinstance(value, bool) or not number >= 1 or number != number // 1 or number > 2**31:
            raise _refusal(self.path, template.place, f"this must be a whole number from 1, not {value!r}")
        return int(number)

    def cells(self, strategy: Strategy) -> Sequence[Cell | None]:
        if strategy.matrix is None:
            return [None]
        place = strategy.matrix.place if isinstance(strategy.matrix, Template) else strategy.place
        try:
            return expand(resolve(strategy.matrix, self.contexts))
        except (ExpressionError, MatrixError) as error:
            raise _refusal(self.path, place, str(error)) from None

    def job_name(self, job: Job, name: str, cell: Cell | None) -> str:
        """Return the job's display name: what `name:` evaluates to, else `name` with the values of its cell."""
        if job.name is not None and not job.name.is_literal and (text := self.text(job.name).strip()):
            return text
        return label(name, cell)

    def concurrency(self, concurrency: Concurrency) -> tuple[str, bool]:
        group = self.text(concurrency.group).strip().lower()
        if not group:
            raise _refusal(self.path, concurrency.group.place, "the concurrency group is empty")
        return group, self.flag(concurrency.cancel_in_progress, default=False)


def _refusal(path: str, place: Place, message: str, hint: str | None = None) -> WorkflowError:
    return WorkflowError(path, (Finding(Severity.ERROR, place, message, hint),))
