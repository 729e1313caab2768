"""The steps that an attempt takes over from an earlier one, instead of running them: their rows, as they ended."""

from datetime import datetime

from engine.core.states import StepStatus
from engine.store import transitions
from engine.store.tables.runs import AttemptRow, StepRow
from engine.store.transitions import AttemptKey, Change
from pipelines.records import dataclass

# By how a step ended: what leads a row that was not run to the same. A failure was passed over.
_CAUSES: dict[str, str] = {StepStatus.SUCCESS: "kept", StepStatus.SKIPPED: "condition_false"}


@dataclass(frozen=True, slots=True)
class Kept:
    """The steps of the attempt `number` from the place `first` to that before `until`; each is `shift` further on."""

    number: int
    first: int
    until: int
    shift: int = 0


def keep(attempt: AttemptKey, kept: Kept, actor: str, now: datetime) -> None:
    """Inside a write: show these steps of an earlier attempt in one that does not run them."""
    number = (AttemptRow.job_id == attempt.job_id) & (AttemptRow.number == kept.number)
    earlier = AttemptRow.select(AttemptRow.id).where(number)
    place = (StepRow.position >= kept.first) & (StepRow.position < kept.until)
    rows = StepRow.select().where(StepRow.attempt_id.in_(earlier) & place).order_by(StepRow.position)
    for row in list(rows):
        change = Change(_CAUSES.get(row.status, "failed"), now, actor, f"from attempt {kept.number}", row.exit_code)
        conclusion = "skipped" if row.status == StepStatus.SKIPPED else "success"
        fields = {"name": row.name, "outcome": row.outcome, "conclusion": conclusion}
        transitions.change_step(attempt, row.position + kept.shift, change, **fields)
