"""What one run's attempts came to, read at once: four queries, however many jobs it has. Changes nothing."""

from typing import Any

from engine.core.records import Attempt, Step
from engine.core.states import StepStatus
from engine.store.tables.runs import AnnotationRow, StepRow

STEP = (
    "attempt_id", "position", "name", "status", "outcome", "conclusion", "exit_code", "started_at", "finished_at",
    "log_start", "log_end",
)  # fmt: skip
_OF_RUN = "attempt_id IN (SELECT attempt.id FROM attempt JOIN job ON job.id = job_id WHERE run_id = ?)"


class WholeRun:
    """Answers as `Queries` does, of the jobs and attempts of one run as they were when it was made."""

    def __init__(self, run_id: int, attempts: list[Attempt]) -> None:
        self._attempts: dict[int, list[Attempt]] = {}
        for attempt in attempts:
            self._attempts.setdefault(attempt.job_id, []).append(attempt)
        self._steps: dict[int, list[Step]] = {}
        self._summaries: dict[int, list[str]] = {}
        self._annotations: dict[int, list[dict[str, Any]]] = {}
        for row in StepRow.read(f"{_OF_RUN} ORDER BY attempt_id, position", (run_id,), STEP):
            self._steps.setdefault(row.attempt_id, []).append(step_record(row))
        told = f"{_OF_RUN} AND summary != '' ORDER BY attempt_id, position"
        for row in StepRow.read(told, (run_id,), ("attempt_id", "summary")):
            self._summaries.setdefault(row.attempt_id, []).append(row.summary)
        for note in AnnotationRow.read(f"{_OF_RUN} ORDER BY id", (run_id,)):
            self._annotations.setdefault(note.attempt_id, []).append(annotation_record(note))

    def attempts(self, job_id: int) -> list[Attempt]:
        return self._attempts.get(job_id, [])

    def steps(self, attempt_id: int) -> list[Step]:
        return self._steps.get(attempt_id, [])

    def annotations(self, attempt_id: int) -> list[dict[str, Any]]:
        return self._annotations.get(attempt_id, [])

    def summaries(self, attempt_id: int) -> list[str]:
        return self._summaries.get(attempt_id, [])


def step_record(row: StepRow) -> Step:
    """Return a step from a row with the fields of STEP."""
    return Step(
        row.attempt_id, row.position, row.name, StepStatus(row.status), row.outcome, row.conclusion, row.exit_code,
        row.started_at, row.finished_at, row.log_start, row.log_end,
    )  # fmt: skip


def annotation_record(row: AnnotationRow) -> dict[str, Any]:
    return {"step": row.step, "level": row.level, "message": row.message, **row.properties}
