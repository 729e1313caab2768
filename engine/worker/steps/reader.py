"""Works out what a step says, with what is known when it is its turn: whether it is due, and all its texts.

Runs nothing but what hashFiles() needs. What cannot be worked out is an ExpressionError that names the key.
"""

from collections.abc import Callable, Mapping
from typing import Any

from engine.worker.steps.job_state import (
    Scope,
    blaming,
    evaluate_env,
    evaluate_table,
    scope_contexts,
    status_functions,
    step_env,
)
from engine.worker.steps.outcome import StepOutcome, StepStopped
from engine.worker.steps.words import action_name, first_line, seconds_of, surroundings, title_of
from engine.worker.steps.workbench import Workbench
from pipelines.errors import ExpressionError
from pipelines.expr_trace import trace
from pipelines.model import Step
from pipelines.records import dataclass
from pipelines.shells import ShellCommand, command_for
from pipelines.template import Template
from pipelines.values import truthy


@dataclass(frozen=True, slots=True)
class Ready:
    """A step with all its expressions worked out. `command` and `directory` are those of a `run:` step, whose text
    is `text` and its script's number `number`; otherwise `given` are an action's inputs."""

    title: str
    lines: tuple[str, ...]
    env: Mapping[str, str]
    timeout_s: float | None
    number: int = -1
    text: str = ""
    command: ShellCommand | None = None
    directory: str = ""
    given: Mapping[str, str] | None = None


class StepReader:
    """Reads the steps of one attempt. StepStopped means that the job was ended while files were hashed."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._functions: dict[str, Callable[..., Any]] = {"hashFiles": bench.tools.hash_files}

    def due(self, step: Step, scope: Scope, status: str) -> tuple[bool, list[Any] | None]:
        """Return whether a step is to run; of one of the job's own with an `if:`, every part of that, masked, too."""
        cancelled = bool(self._bench.scripts.stopping())
        so_far = "cancelled" if cancelled and not scope.after_cancel else status
        functions = status_functions(so_far, cancelled=cancelled)
        if step.condition is None:
            return bool(functions["success"]()), None
        env = self._env(step, scope, status) if "env" in step.condition.names else {}
        with blaming("if"):
            contexts = scope_contexts(scope, self._bench.state, status, env)
            if scope.depth:
                return step.condition.evaluate(contexts, {**functions, **self._functions}), None
            seen = trace(step.condition.node, contexts, {**functions, **self._functions})
            if seen.error:
                raise ExpressionError("evaluation", seen.error)
        notes = dict.fromkeys(("success", "failure", "cancelled"), f"so far: {so_far}")
        return truthy(seen.value), [row.to_json() for row in seen.rows(self._bench.log.mask.text, notes)]

    def ready(self, step: Step, scope: Scope, status: str) -> Ready:
        """Work out everything that the step says. Raises ExpressionError, ShellError and StepStopped."""
        env = self._env(step, scope, status)
        contexts = scope_contexts(scope, self._bench.state, status, env)
        contexts["github"]["action"] = action_name(step)
        number = -1
        if step.run is not None:
            number = self._bench.state.next_script()
            files = self._bench.files.variables(number)
            contexts["github"] |= {name.removeprefix("GITHUB_").lower(): path for name, path in files.items()}

        def text(template: Template | None, key: str, default: str = "") -> str:
            with blaming(key):
                return default if template is None else template.string(contexts, self._functions)

        timeout_s = None
        if step.timeout_minutes is not None:
            with blaming("timeout-minutes"):
                timeout_s = seconds_of(step.timeout_minutes.value(contexts, self._functions))
        if step.run is None:
            given = evaluate_table("with", step.with_, contexts, self._functions)
            lines = ("with:", *(f"  {name}: {value}" for name, value in given.items())) if given else ()
            return Ready(f"Run {step.uses}", lines, env, timeout_s, given=given)
        script = text(step.run, "run")
        shell = text(step.shell, "shell", scope.defaults_shell or "")
        directory = text(step.working_directory, "working-directory", scope.defaults_directory or "")
        lines = (*script.rstrip("\n").split("\n"), *surroundings(shell, {**step_env(scope, self._bench.state), **env}))
        title = f"Run {first_line(script)}"
        return Ready(title, lines, env, timeout_s, number, script, command_for(shell or None), directory)

    def conclusion(self, step: Step, scope: Scope, status: str, outcome: StepOutcome) -> str:
        """Return the conclusion of an outcome: success for a failure that continue-on-error lets pass."""
        if outcome.outcome != "failure" or step.continue_on_error is None:
            return outcome.outcome
        try:
            with blaming("continue-on-error"):
                tolerated = step.continue_on_error.value(
                    scope_contexts(scope, self._bench.state, status), self._functions
                )
        except ExpressionError as error:
            self._bench.log.annotate("error", error.message)
            return "failure"
        except StepStopped:
            return "failure"
        return "success" if tolerated in (True, "true") else "failure"

    def name(self, step: Step, scope: Scope) -> str:
        """Return what people call the step, secrets hidden."""
        contexts = scope_contexts(scope, self._bench.state, self._bench.state.status)

        def text(template: Template) -> str:
            try:
                return template.string(contexts)
            except ExpressionError:
                return template.text

        return self._bench.log.mask.text(title_of(step, text))

    def _env(self, step: Step, scope: Scope, status: str) -> dict[str, str]:
        return evaluate_env(step.env, scope_contexts(scope, self._bench.state, status), self._functions)
