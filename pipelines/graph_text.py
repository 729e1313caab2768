"""A workflow's job graph as text: a tree where it fits the width, else a list by layers. Each job stands there once.

In the tree a job hangs under the last of its needs; further needs that this does not already imply stand behind it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.dag import ancestors, layers
from pipelines.errors import ExpressionError
from pipelines.matrix import MatrixError, expand
from pipelines.model import Job, Workflow
from pipelines.plan import names_of
from pipelines.template import resolve

SHOWN_NEEDS = 3


@dataclass(frozen=True, slots=True)
class Strokes:
    """What the lines are drawn with. All branches are equally wide."""

    arrow: str = " ─► "
    branch: str = "├─► "
    last: str = "└─► "
    pipe: str = "│   "
    gap: str = "    "
    from_: str = " ◄─ "
    times: str = "×"


ASCII = Strokes(" -> ", "|-> ", "`-> ", "|   ", "    ", " <- ", "x")


def draw(workflow: Workflow, width: int = 80, ascii: bool = False) -> str:
    """Return the drawing, a heading first. Lines keep within `width` where the names allow it."""
    strokes = ASCII if ascii else Strokes()
    found = layers({key: job.needs for key, job in workflow.jobs.items()})
    count, depth = len(workflow.jobs), len(found)
    heading = f"{workflow.title}: {_plural(count, 'job')} in {_plural(depth, 'layer')}"
    return "\n".join([heading, "", *(_tree(workflow, found, width, strokes) or _list(workflow, found, width, strokes))])


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
    if job.strategy is None or job.strategy.matrix is None:
        return 1
    if names_of(job.strategy.matrix):
        return None
    try:
        return len(expand(resolve(job.strategy.matrix, {})))
    except (ExpressionError, MatrixError):
        return None


def _tree(workflow: Workflow, found: list[list[str]], width: int, strokes: Strokes) -> list[str] | None:
    """Return the lines of the tree, or None when it would lean too far to the right."""
    further = _parents(workflow, found)
    children: dict[str, list[str]] = {key: [] for key in workflow.jobs}
    roots: list[str] = []
    for key, (parent, _) in further.items():
        (children[parent] if parent else roots).append(key)
    lines: list[str] = []
    waiting = [(key, "", "") for key in reversed(roots)]
    while waiting:
        key, lead, rest = waiting.pop()
        line = lead
        while True:
            label = _label(workflow.jobs[key], strokes) + _more(further[key][1], width)
            column = len(line)
            line += label
            below = children[key]
            if len(below) != 1:
                break
            key = below[0]
            following = len(_label(workflow.jobs[key], strokes)) + len(_more(further[key][1], width))
            turns = len(children[key]) > 1 and len(line) + len(strokes.arrow) > width // 2
            if turns or len(line) + len(strokes.arrow) + following > width:
                lines.append(line)
                line = f"{rest} {strokes.arrow}"
            else:
                line += strokes.arrow
        lines.append(line)
        if below and column > width // 2:
            return None
        prefix = rest.ljust(column)
        branches = [(child, prefix + strokes.branch, prefix + strokes.pipe) for child in below]
        if branches:
            branches[-1] = (below[-1], prefix + strokes.last, prefix + strokes.gap)
        waiting += reversed(branches)
    return lines


def _list(workflow: Workflow, found: list[list[str]], width: int, strokes: Strokes) -> list[str]:
    margin = len(str(len(found)))
    lines = []
    for number, layer in enumerate(found, 1):
        for position, key in enumerate(layer):
            job = workflow.jobs[key]
            head = str(number) if position == 0 else ""
            needs = strokes.from_ + _names(job.needs, width) if job.needs else ""
            lines.append(f"{head:>{margin}}  {_label(job, strokes)}{needs}")
    return lines


def _parents(workflow: Workflow, found: list[list[str]]) -> dict[str, tuple[str | None, list[str]]]:
    """Return for each job the need that it hangs under, and the needs which that one does not imply."""
    order = {key: number for number, key in enumerate(key for layer in found for key in layer)}
    above = ancestors({key: job.needs for key, job in workflow.jobs.items()})
    parents: dict[str, tuple[str | None, list[str]]] = {}
    for key, job in workflow.jobs.items():
        needs = sorted(set(job.needs), key=order.__getitem__)
        if len(needs) > 1:
            implied = frozenset().union(*(above[need] for need in needs))
            needs = [need for need in needs if need not in implied]
        parents[key] = (needs[-1], needs[:-1]) if needs else (None, [])
    return parents


def _label(job: Job, strokes: Strokes) -> str:
    count = matrix_count(job)
    return job.key if count == 1 else f"{job.key} {strokes.times}{count or '?'}"


def _more(needs: Sequence[str], width: int) -> str:
    return f" (+ {_names(needs, width)})" if needs else ""


def _names(names: Sequence[str], width: int) -> str:
    """Return the names, or the first few of them and how many there are more."""
    listed = ", ".join(names)
    if len(listed) <= width // 2 or len(names) <= SHOWN_NEEDS:
        return listed
    return f"{', '.join(names[:SHOWN_NEEDS])} and {len(names) - SHOWN_NEEDS} more"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
