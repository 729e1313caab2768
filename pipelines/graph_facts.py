"""A workflow's job graph as facts: what stands in which layer, what waits for what, how many jobs a matrix makes."""

from collections.abc import Mapping
from typing import Any

from pipelines.called import Called, Calls, parse_workflow_ref
from pipelines.dag import layers
from pipelines.errors import ExpressionError
from pipelines.evaluation import names_of
from pipelines.matrix import MatrixError, expand
from pipelines.model import Job, Workflow
from pipelines.records import dataclass
from pipelines.template import resolve


@dataclass(frozen=True, slots=True)
class GraphJob:
    """One job, a matrix as one. `behind` are those that it starts after: its needs, with all that those call, and the
    job that calls the workflow that it is of, `caller` ("" for none)."""

    job: Job
    behind: tuple[str, ...]
    caller: str = ""


def graph(workflow: Workflow, calls: Calls) -> dict[str, GraphJob]:
    """Return the jobs by key, each before those that it calls; `calls` are the called workflows that are at hand."""
    found: dict[str, GraphJob] = {}
    _add(found, workflow, calls, None, "", ())
    return found


def _add(
    found: dict[str, GraphJob],
    workflow: Workflow,
    calls: Calls,
    called: Called | None,
    caller: str,
    way: tuple[str, ...],
) -> list[str]:
    """Add the jobs of a workflow; return those that end last."""
    inside = f"{caller}/" if caller else ""
    ends: dict[str, list[str]] = {}
    for layer in layers({key: job.needs for key, job in workflow.jobs.items()}):
        for key in layer:
            job = workflow.jobs[key]
            behind = dict.fromkeys(end for need in job.needs if need in ends for end in ends[need])
            found[inside + key] = GraphJob(job, tuple(behind) or ((caller,) if caller else ()), caller)
            ends[key] = [inside + key]
            address = parse_workflow_ref(job.uses).within(called).address if job.uses else ""
            if address in calls and address not in way:
                inner = calls[address]
                ends[key] += _add(found, inner.workflow, calls, inner, inside + key, (*way, address))
    needed = {need for job in workflow.jobs.values() for need in job.needs}
    return [end for key, last in ends.items() if key not in needed for end in last]


def facts(workflow: Workflow, calls: Calls | None = None) -> dict[str, Any]:
    """Return the graph as JSON: `nodes` in layer order, `edges` from a job to the one that starts after it.

    A node's `count` is the number of its matrix cells: 1 without a matrix, null while only a run can tell. `caller` is
    the job that calls the workflow that it is of, and null of the workflow's own.
    """
    jobs = graph(workflow, calls or {})
    nodes = [_node(key, jobs[key], number) for number, layer in enumerate(_layers(jobs)) for key in layer]
    edges = [{"from": behind, "to": key} for key, one in jobs.items() for behind in one.behind]
    return {"name": workflow.title, "path": workflow.path, "nodes": nodes, "edges": edges}


def depth(jobs: Mapping[str, GraphJob]) -> int:
    """Return how many layers a graph has."""
    return len(_layers(jobs))


def _layers(jobs: Mapping[str, GraphJob]) -> list[list[str]]:
    return [list(layer) for layer in layers({key: one.behind for key, one in jobs.items()})]


def _node(key: str, one: GraphJob, layer: int) -> dict[str, Any]:
    inside = f"{one.caller}/" if one.caller else ""
    return {
        "id": key,
        "name": one.job.name.text if one.job.name else None,
        "layer": layer,
        "needs": [inside + need for need in one.job.needs],
        "count": matrix_count(one.job),
        "uses": one.job.uses,
        "caller": one.caller or None,
    }


def matrix_count(job: Job) -> int | None:
    """Return how many jobs a matrix makes, None when that hangs on contexts (or makes none at all)."""
    if job.strategy is not None and job.strategy.whole is not None:
        return None
    if job.strategy is None or job.strategy.matrix is None:
        return 1
    if names_of(job.strategy.matrix):
        return None
    try:
        return len(expand(resolve(job.strategy.matrix, {})))
    except (ExpressionError, MatrixError):
        return None
