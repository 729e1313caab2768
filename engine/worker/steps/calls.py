"""What passes between the steps of a job and the actions that they use."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from engine.worker.steps.job_state import Hook, Scope, Way
from engine.worker.steps.outcome import StepOutcome
from pipelines.records import dataclass

if TYPE_CHECKING:
    from engine.worker.steps.runner import StepRunner


@dataclass(frozen=True, slots=True)
class Call:
    """A `uses:` that is due: what is called, with what, at which level, and the environment that its step adds.

    `title` is what people call the step, `action` what GITHUB_ACTION says of it.
    """

    uses: str
    given: Mapping[str, str]
    scope: Scope
    env: Mapping[str, str]
    title: str = ""
    action: str = ""


@dataclass(frozen=True, slots=True)
class Program:
    """A program of an action's, to be run in the box as (part of) a step. `hook` gets what it saves."""

    argv: tuple[str, ...]
    scope: Scope
    env: Mapping[str, str]
    action: str
    hook: Hook | None = None


class Actions(Protocol):
    """Who knows actions: see engine/worker/actions/runner.py. Both may raise ExpressionError and StepStopped."""

    def run(self, call: Call, steps: "StepRunner") -> StepOutcome:
        """Run an action to its end; `steps` runs those of a composite one."""

    def before(self, call: Call, way: Way, steps: "StepRunner") -> Hook | StepOutcome:
        """Return what an action wants run before the job's own steps, or how it fails, said already.

        `way` leads from a composite action to the one within it that is meant.
        """

    def run_hook(self, hook: Hook, scope: Scope, steps: "StepRunner") -> StepOutcome:
        """Run what an action wants run before or after the job's own steps."""
