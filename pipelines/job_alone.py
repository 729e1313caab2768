"""One job of a plan with nothing but what it needs, planned so that it stands in no other run's way."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from pipelines.json_value import Json
from pipelines.plan import JobPlan, RunPlan


def job_alone(plan: RunPlan, key: str, matrix: Mapping[str, Json] | None, priority: int) -> RunPlan | None:
    """Return the plan of one job, told by its key and its matrix values, and of what it needs; None: there is no such.

    Its siblings of the matrix are left out, unless what they are is settled late. It is in no concurrency group, every
    job has this priority, and the job itself is not retried: what needs do again does not change what it comes to.
    """
    wanted = [job for job in plan.jobs if job.key == key and (job.dynamic or job.matrix == matrix)]
    wanted = wanted or [job for job in plan.jobs if job.dynamic and key.startswith((f"{job.key}/", f"{job.key}#"))]
    if not wanted:
        return None
    kept = _with_needs(plan.jobs, wanted)
    jobs = (apart(job, priority) for job in plan.jobs if id(job) in kept)
    alone = tuple(replace(job, retry=None) if job.key == wanted[0].key else job for job in jobs)
    return replace(
        plan, title="", concurrency_group=None, cancel_in_progress=False, queue_all=False, priority=priority, jobs=alone
    )


def apart(job: JobPlan, priority: int) -> JobPlan:
    """Return a job's plan with this priority, in no concurrency group, and without a box held for a person."""
    return replace(
        job,
        priority=priority,
        concurrency_group=None,
        cancel_in_progress=False,
        queue_all=False,
        concurrency_late=False,
        hold=False,
    )


def _with_needs(jobs: Iterable[JobPlan], wanted: Iterable[JobPlan]) -> set[int]:
    """Return by identity these jobs, who calls them, and what all of these need, with all that is called by needs."""
    by_key: dict[str, list[JobPlan]] = {}
    by_scope: dict[str, list[JobPlan]] = {}
    callers: dict[str, JobPlan] = {}
    for job in jobs:
        by_key.setdefault(job.key, []).append(job)
        by_scope.setdefault(job.scope, []).append(job)
        if job.calls:
            callers[job.inner_scope] = job
    kept: set[int] = set()
    waiting = [(job, True) for job in wanted]
    while waiting:
        job, whole = waiting.pop()
        if whole and job.calls:
            waiting += [(one, True) for one in by_scope.get(job.inner_scope, ()) if id(one) not in kept]
        if id(job) in kept:
            continue
        kept.add(id(job))
        waiting += [(need, True) for key in job.needs for need in by_key[key]]
        if job.scope:
            waiting.append((callers[job.scope], False))
    return kept
