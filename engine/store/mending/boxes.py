"""Which boxes are wanted: those of attempts that run, and those that are held."""

from typing import Any

from peewee import fn

from engine.core.states import AttemptStatus
from engine.store.tables.mending import HoldRow
from engine.store.tables.runs import AttemptRow
from pipelines.records import dataclass


@dataclass(frozen=True, slots=True)
class BoxKey:
    """What names a box: the attempt that made it, and its id at its executor, '' before it is there."""

    job_id: int
    number: int
    attempt_id: int
    box_id: str


def wanted_boxes() -> list[BoxKey]:
    """Return them as of one instant: a box that is handed from an attempt to a hold, or back, is never missed."""
    running: Any = AttemptRow.select(
        AttemptRow.job_id,
        fn.COALESCE(AttemptRow.box_number, AttemptRow.number),
        fn.COALESCE(AttemptRow.box_attempt_id, AttemptRow.id),
        AttemptRow.box_id,
    ).where(AttemptRow.status == AttemptStatus.RUNNING)
    held = HoldRow.select(HoldRow.job_id, HoldRow.box_number, HoldRow.box_attempt_id, HoldRow.box_id)
    return [BoxKey(*row) for row in (running | held).tuples()]
