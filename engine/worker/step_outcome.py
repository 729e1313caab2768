"""How one step ended, before and after continue-on-error."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """`cause` is one of STEP_TRANSITIONS. `error` is shown in the log and kept as the reason; `kind` is what a failure
    is blamed on (failure, timed_out, oom, infrastructure)."""

    cause: str
    exit_code: int | None = None
    error: str = ""
    kind: str = "failure"
    outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""

    @property
    def outcome(self) -> str:
        """The word of `steps.*.outcome`."""
        words = {"succeeded": "success", "condition_false": "skipped", "cancelled": "cancelled"}
        return words.get(self.cause, "failure")


SKIPPED = StepOutcome("condition_false", kind="")
CANCELLED = StepOutcome("cancelled", kind="", error="cancelled")
