"""What the steps of a run have to say to people: annotations and summaries, of each job's latest attempt."""

from typing import Any

from peewee import JOIN

from engine.store.tables.runs import AnnotationRow, AttemptRow, JobRow, StepRow

MOST = 1000  # annotations that anybody reads
MOST_SUMMARIES = 200


def run_annotations(run_id: int, limit: int = MOST) -> list[dict[str, Any]]:
    """Return a run's annotations by job, in the order they were made, each with its job, attempt and step.

    Beside level, message and step there are title, file, line, end_line, column, end_column, code and `log_start`
    (where in the attempt's log its line begins, in bytes), where they are known.
    """
    rows: Any = (
        AnnotationRow.select(
            JobRow.id.alias("job"), JobRow.name, AttemptRow.number.alias("attempt"), AnnotationRow.step,
            StepRow.name.alias("step_name"), AnnotationRow.level, AnnotationRow.message, AnnotationRow.properties,
        )
        .join(AttemptRow, on=(AttemptRow.id == AnnotationRow.attempt_id))
        .join(JobRow, on=(JobRow.id == AttemptRow.job_id))
        .join(
            StepRow,
            JOIN.LEFT_OUTER,
            on=(StepRow.attempt_id == AnnotationRow.attempt_id) & (StepRow.position == AnnotationRow.step),
        )
        .where((JobRow.run_id == run_id) & (AttemptRow.number == JobRow.attempts))
        .order_by(JobRow.id, AnnotationRow.id)
        .limit(limit)
        .dicts()
    )  # fmt: skip
    return [{"step_name": row.pop("step_name") or "", **row.pop("properties"), **row} for row in map(dict, rows)]


def run_summaries(run_id: int, limit: int = MOST_SUMMARIES) -> list[dict[str, Any]]:
    """Return the summaries (Markdown, `text`) of a run's steps, by job and step, each with its job and attempt."""
    rows: Any = (
        StepRow.select(
            JobRow.id.alias("job"), JobRow.name, AttemptRow.number.alias("attempt"), StepRow.position.alias("step"),
            StepRow.name.alias("step_name"), StepRow.summary.alias("text"),
        )
        .join(AttemptRow, on=(AttemptRow.id == StepRow.attempt_id))
        .join(JobRow, on=(JobRow.id == AttemptRow.job_id))
        .where((JobRow.run_id == run_id) & (AttemptRow.number == JobRow.attempts) & (StepRow.summary != ""))
        .order_by(JobRow.id, StepRow.position)
        .limit(limit)
        .dicts()
    )  # fmt: skip
    return [dict(row) for row in rows]
