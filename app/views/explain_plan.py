"""How what a run was planned with came about: texts with expressions, a matrix, where a job runs. JSON, secrets hidden.

Worked out anew from the workflow as the run keeps it, with the values of then; nothing is decided here.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from engine.core.errors import ExecutorUnavailable
from engine.core.records import Job, JobFacts
from engine.settings.model import Settings
from engine.worker.job_box import label_image
from engine.worker.kind import HOST
from engine.worker.kinds import named_by
from pipelines.errors import ExpressionError
from pipelines.expr_nodes import functions_used
from pipelines.expr_trace import Row, shown, trace
from pipelines.functions import Function
from pipelines.json_value import Json
from pipelines.matrix import Cell, MatrixError, expansion
from pipelines.model import Concurrency, Tree
from pipelines.model import Job as JobModel
from pipelines.template import Template, resolve

Mask = Callable[[str], str]
Told = dict[str, Any]
Functions = Mapping[str, Function]


def row_shape(row: Row) -> Told:
    return {"depth": row.depth, "text": row.text, "value": row.value, "note": row.note}


def template_told(template: Template, contexts: Mapping[str, Json], mask: Mask) -> Told:
    """Return {`written`, `value`, `error`, `parts`} of a text that may hold expressions; `value` as text, masked."""
    seen = [trace(node, contexts) for node in template.nodes]
    parts = [row_shape(row) for one in seen for row in one.rows(mask)]
    try:
        found = template.value(contexts)
        value, error = mask(found) if isinstance(found, str) else shown(found, mask), ""
    except ExpressionError as failed:
        value, error = "", mask(failed.message)
    return {"written": mask(template.text), "value": value, "error": error, "parts": parts}


def group_told(concurrency: Concurrency, contexts: Mapping[str, Json], mask: Mask) -> Told:
    """Return how a concurrency group is written, and what it and `cancel-in-progress` come to."""
    cancel = concurrency.cancel_in_progress
    return {
        "group": template_told(concurrency.group, contexts, mask),
        "cancel_in_progress": None if cancel is None else template_told(cancel, contexts, mask),
        "queue_all": concurrency.queue_all,
        "limit": concurrency.limit,
    }


def matrix_told(model: JobModel, facts: JobFacts, members: Sequence[Job], contexts: Any, mask: Mask) -> Told | None:
    """Return how a job's matrix came about, None where there is none:

    {`open` (its needs have still to settle it), `written` (texts with expressions in it), `vectors`, `cells`
    [{`values`, `added` (an include made it), `extended_by` [entries], `job`, `name`, `status`}], `removed` [{`values`,
    `by`}], `unused` [entries of exclude that removed nothing], `fail_fast`, `max_parallel`, `problem`}. Values as text.
    """
    strategy = model.strategy
    if strategy is None or (strategy.matrix is None and strategy.whole is None):
        return None
    told: Told = {
        "open": facts.plan.dynamic,
        "written": [],
        "vectors": {},
        "cells": [],
        "removed": [],
        "unused": [],
        "fail_fast": facts.plan.fail_fast,
        "max_parallel": facts.plan.max_parallel,
        "problem": "",
    }
    written = list(_templates(strategy.whole if strategy.whole is not None else strategy.matrix))
    if facts.plan.dynamic:
        told["written"] = [{"written": mask(one.text), "value": None, "error": "", "parts": []} for one in written]
        return told
    told["written"] = [template_told(one, contexts, mask) for one in written]
    try:
        raw = resolve(strategy.matrix, contexts) if strategy.whole is None else strategy.whole.value(contexts)
        if strategy.whole is not None:
            raw = raw.get("matrix") if isinstance(raw, dict) else None
        if raw is None:
            return None
        found = expansion(raw)
    except (ExpressionError, MatrixError) as error:
        return told | {"problem": mask(str(error))}
    jobs = {job.job_index: job for job in members}
    told["vectors"] = {name: [shown(value, mask) for value in values] for name, values in found.vectors.items()}
    for place, cell in enumerate(found.cells):
        job = jobs.get(place)
        told["cells"].append(
            {
                "values": _cell(cell, mask),
                "added": any(one.alone == place for one in found.added),
                "extended_by": [_cell(one.entry, mask) for one in found.added if place in one.extended],
                "job": job.id if job else None,
                "name": job.name if job else "",
                "status": str(job.status) if job else "",
            }
        )
    told["removed"] = [{"values": _cell(cell, mask), "by": _cell(by, mask)} for cell, by in found.removed]
    used = [by for _, by in found.removed]
    told["unused"] = [_cell(one, mask) for one in found.exclude if one not in used]
    return told


def place_told(model: JobModel, facts: JobFacts, contexts: Mapping[str, Json], settings: Settings, mask: Mask) -> Told:
    """Return where a job runs: {`calls`, `labels`, `written`, `executor`, `image`, `by` (label, container or
    executor), `problem`}, by the configuration as it is now; a job that calls a workflow runs nowhere itself."""
    told: Told = {"calls": facts.plan.calls, "labels": [], "written": [], "executor": "", "image": "", "by": "",
                  "problem": ""}  # fmt: skip
    if model.uses:
        return told
    told["written"] = [template_told(one, contexts, mask) for one in _templates(model.runs_on) if not one.is_literal]
    executor = facts.source.get("executor") or settings.executor
    try:
        asked = resolve(model.runs_on, contexts)
        wanted = asked.get("labels", []) if isinstance(asked, dict) else asked
        told["labels"] = [mask(str(name)) for name in (wanted if isinstance(wanted, list) else [wanted])]
        image = model.container.image.string(contexts).strip() if model.container is not None else ""
        if executor == HOST:
            return told | {"executor": HOST, "by": "executor"}
        by = "container" if image else "label"
        image = image or label_image(model, contexts, {**settings.labels, **facts.source.get("labels", {})})
    except (ExpressionError, ExecutorUnavailable) as error:
        return told | {"problem": mask(str(error))}
    if image == HOST:
        return told | {"by": by, "executor": HOST}
    executor, image = named_by(image, executor)
    return told | {"by": by, "executor": executor, "image": mask(image)}


def needs_functions(names: Iterable[Any], said: str) -> dict[str, str]:
    """Return the notes for the status functions that an expression calls: whom they ask."""
    used = frozenset[str]().union(*(functions_used(node) for node in names))
    return {name: said for name in ("success", "failure") if name in used and said}


def _templates(tree: Tree) -> Iterable[Template]:
    """Yield the texts with expressions in a tree, in its order."""
    if isinstance(tree, Template):
        if not tree.is_literal:
            yield tree
    elif isinstance(tree, dict | list):
        for inner in tree.values() if isinstance(tree, dict) else tree:
            yield from _templates(inner)


def _cell(cell: Cell, mask: Mask) -> dict[str, str]:
    return {name: shown(value, mask) for name, value in cell.items()}
