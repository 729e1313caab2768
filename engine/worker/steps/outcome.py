"""How one step ended, before and after continue-on-error."""

from dataclasses import field
from typing import Any

from engine.worker.steps.script_runner import ScriptEnd
from pipelines.records import dataclass


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """`cause` is one of STEP_TRANSITIONS. `error` is shown in the log and kept as the reason; `kind` is what a failure
    is blamed on (failure, timed_out, oom, infrastructure). `why` are the rows of its `if:`, as JSON, masked."""

    cause: str
    exit_code: int | None = None
    error: str = ""
    kind: str = "failure"
    outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""
    why: list[Any] | None = None

    @property
    def outcome(self) -> str:
        """The word of `steps.*.outcome`."""
        words = {"succeeded": "success", "condition_false": "skipped", "cancelled": "cancelled"}
        return words.get(self.cause, "failure")


SKIPPED = StepOutcome("condition_false", kind="")


class StepStopped(Exception):
    """The step was ended from outside, in the middle of what the engine does for it."""

    def __init__(self, end: ScriptEnd) -> None:
        super().__init__(end.ended_by)
        self.end = end


def stopped_outcome(end: ScriptEnd) -> StepOutcome:
    """Return what a script that did not end by itself makes of its step."""
    if end.ended_by == "cancel":
        return StepOutcome("cancelled", end.exit_code, "cancelled", "")
    if end.ended_by == "deadline":
        return StepOutcome("overran", None, "The step was ended: it ran past its job's timeout.", "timed_out")
    if end.ended_by == "timeout":
        limit = f"{end.limit_s / 60:g} minute{'' if end.limit_s == 60 else 's'}"
        return StepOutcome("overran", None, f"The step was ended: it ran past its timeout of {limit}.", "timed_out")
    if end.oom_kills:
        return StepOutcome("failed", None, "The container was killed for memory.", "oom")
    message = f"The container went away while the step ran (exit code {end.exit_code})."
    return StepOutcome("failed", None, message, "infrastructure")
