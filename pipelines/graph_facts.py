"""A workflow's job graph as facts: what stands in which layer, what waits for what, how many jobs a matrix makes."""

from typing import Any

from pipelines.dag import layers
from pipelines.errors import ExpressionError
from pipelines.evaluation import names_of
from pipelines.matrix import MatrixError, expand
from pipelines.model import Job, Workflow
from pipelines.template import resolve


def facts(workflow: Workflow) -> dict[str, Any]:
    """Return the graph as JSON: `nodes` in layer order, `edges` from a job to the one that needs it.

    A node's `count` is the number of its matrix cells: 1 without a matrix, null while only a run can tell.
    """
    nodes = []
    found = layers({key: job.needs for key, job in workflow.jobs.items()})
    for number, layer in enumerate(found):
        for key in layer:
            job = workflow.jobs[key]
            node = {
                "id": key,
                "name": job.name.text if job.name else None,
                "layer": number,
                "needs": list(job.needs),
                "count": matrix_count(job),
                "uses": job.uses,
            }
            nodes.append(node)
    edges = [{"from": need, "to": key} for key, job in workflow.jobs.items() for need in job.needs]
    return {"name": workflow.title, "path": workflow.path, "nodes": nodes, "edges": edges}


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
