"""Why a job is as it is: its condition with every part's value, its needs, its attempts and its steps. JSON, masked."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.shapes import instant
from app.views.explain_plan import Mask, Told, needs_functions, row_shape
from engine.control.scheduler import of_named
from engine.core.beginning import HELD, Beginning
from engine.core.clock import rfc3339
from engine.core.records import Attempt, Job, Step, Transition
from engine.core.scheduling import status_functions
from engine.core.states import STEP_BROKEN, JobStatus, StepStatus, result_word
from engine.core.waiting import listed
from engine.store import explain
from engine.store.explain import Standing
from engine.store.queries import Queries
from pipelines.expr_nodes import Call
from pipelines.expr_trace import Row, shown, trace
from pipelines.model import Job as JobModel
from pipelines.values import truthy
from widgets.glyphs import look

NOT_KEPT = "how its `if:` came to this was not kept: the step was taken over from an engine that stopped"
IMPLIED = Call("success", ())


def condition_told(
    model: JobModel, contexts: Mapping[str, Any], standing: Standing, needs: Sequence[Job], *, cancelled: bool,
    mask: Mask,
) -> Told:  # fmt: skip
    """Return {`written` (null: it has none), `adds_success`, `holds`, `error`, `parts`}: a job's `if:`, worked out
    with what its needs say; without one, success() alone decides."""
    condition = model.condition
    node = condition.node if condition else IMPLIED
    functions = status_functions(ok=standing.ancestry_ok, failed=standing.ancestry_failed, cancelled=cancelled)
    seen = trace(node, contexts, {**functions, **of_named(contexts["needs"], functions)})
    notes = needs_functions([node], _ancestry(standing, needs, cancelled=cancelled))
    return {
        "written": mask(condition.text) if condition else None,
        "adds_success": condition is not None and condition.adds_success,
        "holds": None if seen.error else truthy(seen.value),
        "error": mask(seen.error),
        "parts": [row_shape(row) for row in seen.rows(mask, notes)],
    }


def _ancestry(standing: Standing, needs: Sequence[Job], *, cancelled: bool) -> str:
    """Say whom success() and failure() ask, and what they say."""
    said = [listed([f"{need.name} {_result(need)}" for need in needs])] if needs else []
    if not standing.ancestry_ok and all(_result(need) == "success" for need in needs):
        said.append("a job before those did not succeed")
    return ", ".join([*said, *(["the run was cancelled"] if cancelled else [])])


def _result(need: Job) -> str:
    return "success" if need.tolerated else result_word(need.status)


def needs_told(needs: Sequence[Job], mask: Mask) -> list[Told]:
    """Return the jobs that a job needs: [{`job`, `name`, `key`, `status`, `result` (as `needs` says it), `tolerated`,
    `finished_at`, `outputs`}]."""
    return [
        {
            "job": need.id,
            "name": need.name,
            "key": need.own_key,
            "status": str(need.status),
            "result": _result(need) if need.finished_at else None,
            "tolerated": need.tolerated,
            "finished_at": instant(need.finished_at),
            "outputs": {name: shown(value, mask) for name, value in need.outputs.items()},
        }
        for need in needs
    ]


def attempts_told(
    attempts: Sequence[Attempt], changes: Sequence[Transition], retry: Mapping[str, Any] | None
) -> list[Told]:
    """Return [{`number`, `status`, `kind`, `reason`, `exit_code`, `started_at`, `finished_at`, `began`, `patched`,
    `then`}]: where each began, if not at its first step, and what became of the job after it, as sentences."""
    told = []
    for attempt in attempts:
        after = [change for change in changes if change.attempt == attempt.number and change.cause != "claimed"]
        told.append(
            {
                "number": attempt.number,
                "status": str(attempt.status),
                "kind": attempt.kind,
                "reason": attempt.reason,
                "exit_code": attempt.exit_code,
                "started_at": rfc3339(attempt.started_at),
                "finished_at": instant(attempt.finished_at),
                "began": _began(attempt),
                "patched": attempt.patched,
                "then": "; ".join(filter(None, (_then(change, attempt, retry or {}) for change in after))),
            }
        )
    return told


def _began(attempt: Attempt) -> str:
    if attempt.began_at is None:
        return ""
    told = Beginning.from_json(attempt.began_at)
    base = "in the box that was held" if told.base == HELD else "on a checkpoint"
    step = f"after step {told.step}, which counts as passed" if told.skip else f"at step {told.step}"
    return f"began {step}, {base}, with the steps before it kept of attempt {told.attempt}"


def _then(change: Transition, attempt: Attempt, retry: Mapping[str, Any]) -> str:
    match change.cause:
        case "will_retry":
            return f"tried again: its retry takes {attempt.kind or 'failures'}, up to {retry.get('max', 0)} times"
        case "lost":
            return "tried again, which costs no retry: the attempt was lost, not failed"
        case "gave_up" | "overran" if not retry:
            return "not tried again: the job has no retry"
        case "gave_up" | "overran" if attempt.kind not in retry.get("on", ()):
            return f"not tried again: its retry takes {', '.join(retry.get('on', ()))}, not {attempt.kind}"
        case "gave_up" | "overran":
            return "not tried again: no retry is left"
        case "retry_asked":
            return f"run again, asked for by {change.actor}"
        case "need_retried":
            return "waits again: what it needs was run again"
    return ""


def steps_told(queries: Queries, attempt: Attempt | None) -> list[Told]:
    """Return the steps of an attempt: [{`index`, `name`, `status`, `because`, `parts`}]; `parts` of an `if:` of its own
    as it was worked out then."""
    if attempt is None:
        return []
    kept = explain.step_reasons(attempt.id)
    told: list[Told] = []
    broke = ""
    errors: dict[int, str] = {}
    for found in queries.annotations(attempt.id):
        if found["level"] == "error":
            errors.setdefault(found["step"], found["message"])
    for step in queries.steps(attempt.id):
        rows = [Row.from_json(row) for row in kept.get(step.index, ())]
        told.append(
            {
                "index": step.index,
                "name": step.name,
                "status": str(step.status),
                "because": _because(step, rows, broke, errors.get(step.index, "")),
                "parts": [row_shape(row) for row in rows],
            }
        )
        if step.conclusion == "failure" and not broke:
            broke = f"the step {step.name!r} had failed"
        elif step.status == StepStatus.CANCELLED and not broke:
            broke = "the job was being cancelled"
    return told


def _because(step: Step, rows: Sequence[Row], broke: str, error: str) -> str:
    """Say why a step did not just succeed."""
    if step.status == StepStatus.SKIPPED:
        if rows:
            return "its `if:` is false"
        return broke or NOT_KEPT
    if step.status == StepStatus.CANCELLED and step.started_at is None:
        return "the attempt ended before its turn"
    if step.status in STEP_BROKEN:
        passed = ", which it may: continue-on-error" if step.conclusion == "success" else ""
        return (error or (f"exit code {step.exit_code}" if step.exit_code else "")) + passed
    return ""


def because(job: Job, changes: Sequence[Transition], needs: Sequence[Job], steps: Sequence[Told]) -> str:
    """Say in a sentence why a job has ended as it has, or "" for one that has not."""
    last = changes[-1] if changes else None
    cause = last.cause if last is not None else ""
    match cause:
        case "succeeded":
            return "all that it had to do succeeded"
        case "needs_failed":
            return f"what it needs did not succeed: {_blamed(needs)}"
        case "gave_up" | "overran":
            failed = next((step for step in steps if step["status"] in ("failed", "timed_out")), None)
            where = f", in the step {failed['name']!r}" if failed else ""
            allowed = "; it is allowed to fail" if job.tolerated else ""
            return f"{job.reason.rstrip('.') or 'it failed'}{where}{allowed}"
        case "cancelled" if last is not None:
            by = "" if last.actor in job.reason or last.actor == "scheduler" else f", by {last.actor}"
            return f"{job.reason or 'it was cancelled'}{by}"
    return job.reason if job.finished_at is not None else ""


def _blamed(needs: Sequence[Job]) -> str:
    blamed = [need for need in needs if _result(need) != "success"]
    if not blamed:
        return "a job before its needs did not"
    blamed.sort(key=lambda need: _result(need) != "failure")
    return listed([f"{need.name} {look(need.status).word}" for need in blamed])


def was_cancelled(changes: Sequence[Transition], asked_at: Any) -> bool:
    """Return whether the run was being cancelled when it was decided whether the job starts."""
    decided = next((change.at for change in reversed(changes) if change.from_status == JobStatus.PENDING), None)
    return asked_at is not None and (decided is None or asked_at <= decided)
