"""What one run's attempts came to, read at once: four queries, however many jobs it has. Changes nothing."""

from typing import Any

from engine.core.records import Attempt, Step
from engine.core.states import StepStatus
from engine.store.tables.runs import AnnotationRow, AttemptRow, JobRow, StepRow

STEP = (
    StepRow.attempt_id, StepRow.position, StepRow.name, StepRow.status, StepRow.outcome, StepRow.conclusion,
    StepRow.exit_code, StepRow.started_at, StepRow.finished_at, StepRow.log_start, StepRow.log_end,
)  # fmt: skip


class WholeRun:
    """Answers as `Queries` does, of the jobs and attempts of one run as they were when it was made."""

    def __init__(self, run_id: int, attempts: list[Attempt]) -> None:
        self._attempts: dict[int, list[Attempt]] = {}
        for attempt in attempts:
            self._attempts.setdefault(attempt.job_id, []).append(attempt)
        self._steps: dict[int, list[Step]] = {}
        self._summaries: dict[int, list[str]] = {}
        self._annotations: dict[int, list[dict[str, Any]]] = {}
        for row in _of_run(run_id, StepRow, *STEP).order_by(StepRow.attempt_id, StepRow.position).tuples():
            step = step_record(row)
            self._steps.setdefault(step.attempt_id, []).append(step)
        told = _of_run(run_id, StepRow, StepRow.attempt_id, StepRow.summary).where(StepRow.summary != "")
        for attempt_id, summary in told.order_by(StepRow.attempt_id, StepRow.position).tuples():
            self._summaries.setdefault(attempt_id, []).append(summary)
        for row in _of_run(run_id, AnnotationRow, AnnotationRow).order_by(AnnotationRow.id):
            self._annotations.setdefault(row.attempt_id, []).append(annotation_record(row))

    def attempts(self, job_id: int) -> list[Attempt]:
        return self._attempts.get(job_id, [])

    def steps(self, attempt_id: int) -> list[Step]:
        return self._steps.get(attempt_id, [])

    def annotations(self, attempt_id: int) -> list[dict[str, Any]]:
        return self._annotations.get(attempt_id, [])

    def summaries(self, attempt_id: int) -> list[str]:
        return self._summaries.get(attempt_id, [])


def step_record(row: Any) -> Step:
    """Return a step from the columns of STEP."""
    attempt_id, position, name, status, *rest = row
    return Step(attempt_id, position, name, StepStatus(status), *rest)


def annotation_record(row: AnnotationRow) -> dict[str, Any]:
    return {"step": row.step, "level": row.level, "message": row.message, **row.properties}


def _of_run(run_id: int, table: Any, *columns: Any) -> Any:
    query = table.select(*columns).join(AttemptRow, on=(AttemptRow.id == table.attempt_id))
    return query.join(JobRow, on=(JobRow.id == AttemptRow.job_id)).where(JobRow.run_id == run_id)
