"""The longest chains of jobs, in seconds: what begins with a planned job, and what the end of a run waits for."""

from collections.abc import Iterable, Mapping, Sequence
from math import ceil
from statistics import median

from engine.core.play import Work
from engine.core.states import JobStatus
from pipelines.dag import topological_order
from pipelines.plan import JobPlan


def critical_path(jobs: Sequence[Work], finishes: Mapping[int, float]) -> tuple[int, ...]:
    """Return the chain of jobs of one run that its end waited for, or waits for, the first of them first.

    It ends with the job that ends last and goes from each to the last that it waited for; of a called workflow, to the
    last of its jobs. `finishes` are the ends, known or expected; what has none, or was skipped, is passed over.
    """
    known = {job.id: job for job in jobs if job.id in finishes and job.status != JobStatus.SKIPPED}
    inner: dict[int, list[int]] = {}
    for job in known.values():
        if job.caller is not None:
            inner.setdefault(job.caller, []).append(job.id)

    def latest(ids: Iterable[int]) -> int | None:
        found = [one for one in ids if one in known]
        return max(found, key=lambda one: (finishes[one], one), default=None)

    path: dict[int, None] = {}
    at = latest(job.id for job in known.values() if job.caller is None)
    while at is not None:
        while (last := latest(inner.get(at, ()))) is not None:
            at = last
        one: int | None = at
        at = None
        while one is not None and at is None:  # the first of a called workflow waited for what its caller needs
            path[one] = None
            at, one = latest(known[one].needs), known[one].caller
            one = one if one in known else None
    return tuple(reversed(path))


def remaining_paths(
    plans: Sequence[JobPlan],
    expected_s: Sequence[float | None],
    *,
    unknown_s: float | None = None,
    behind_s: float = 0.0,
) -> list[int]:
    """Return, for each job of a plan, the seconds of the longest chain of jobs that begins with it.

    A job that nobody has timed takes `unknown_s`, else the median of those that somebody has; where there are none, the
    chains are counted in jobs, as the plan has them. `behind_s` follows on the whole of the plan.
    """
    timed = [seconds for seconds in expected_s if seconds is not None]
    if unknown_s is None and not timed:
        return [plan.remaining_path for plan in plans]
    else_s = median(timed) if unknown_s is None else unknown_s
    members: dict[str, list[int]] = {}
    inside: dict[str, list[str]] = {}  # what is called, by its scope
    for index, plan in enumerate(plans):
        if plan.key not in members:
            inside.setdefault(plan.scope, []).append(plan.key)
        members.setdefault(plan.key, []).append(index)
    needs = {key: plans[of_key[0]].needs for key, of_key in members.items()}
    paths = [0.0] * len(plans)

    def walk(scope: str, behind: float) -> float:
        """Settle a level, the last jobs first; return its longest chain. As deep as workflows call each other."""
        longest: dict[str, float] = {}
        needed_by: dict[str, list[str]] = {}
        for key in inside.get(scope, ()):
            for need in needs[key]:
                needed_by.setdefault(need, []).append(key)
        for key in reversed(topological_order({key: needs[key] for key in inside.get(scope, ())})):
            after = max((longest[one] for one in needed_by.get(key, ())), default=behind)
            for index in members[key]:
                own = expected_s[index]
                if plans[index].calls and plans[index].inner_scope in inside:
                    paths[index] = walk(plans[index].inner_scope, after)
                else:
                    paths[index] = (else_s if own is None else own) + after
            longest[key] = max(paths[index] for index in members[key])
        return max(longest.values(), default=behind)

    walk(plans[0].scope, behind_s)
    return [max(1, ceil(path)) for path in paths]
