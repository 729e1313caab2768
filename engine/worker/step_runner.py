"""Runs the steps of a job, or of a composite action within it: conditions, environment, outputs, one after another.

Knows scripts and actions, not jobs: who may retry, what a failure means to others and how a box is made is elsewhere.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from engine.core.errors import EngineError
from engine.worker.actions.registry import lookup
from engine.worker.commands import CommandStream
from engine.worker.file_commands import FileCommandError, parse_env, parse_path, parse_values, read_summary
from engine.worker.job_log import JobLog
from engine.worker.job_state import JobState, Scope, evaluate_env, functions_for, scope_contexts, step_env
from engine.worker.script_runner import ScriptEnd, ScriptRunner
from engine.worker.session import Session, StepScript
from engine.worker.step_outcome import CANCELLED, SKIPPED, StepOutcome
from pipelines.errors import ExpressionError
from pipelines.model import Step
from pipelines.shells import ShellError, command_for
from pipelines.template import Template, resolve
from pipelines.values import to_number, to_string

FILE_LIMIT_BYTES = 16 << 20
FILES = {"GITHUB_OUTPUT": "output", "GITHUB_ENV": "env", "GITHUB_PATH": "path", "GITHUB_STATE": "state"}
SUMMARY = ("GITHUB_STEP_SUMMARY", "summary")
WITH_PATH = 'PATH="$TREADLE_PATH_PREFIX:$PATH"; export PATH; unset TREADLE_PATH_PREFIX; exec "$@"'


@dataclass(frozen=True)
class Paths:
    """Inside paths that steps are told about."""

    workspace: str
    temp: str
    event: str


class StepRunner:
    """One attempt's steps. `base_env` lies below every `env:`; nothing overrides `own_env`, the runner's variables."""

    def __init__(
        self,
        session: Session,
        scripts: ScriptRunner,
        log: JobLog,
        state: JobState,
        paths: Paths,
        base_env: Mapping[str, str],
        own_env: Mapping[str, str],
        run_action: "ActionRunner",
    ) -> None:
        self.session = session
        self.scripts = scripts
        self.log = log
        self.state = state
        self.paths = paths
        self._base_env = base_env
        self._own_env = own_env
        self._run_action = run_action

    # -- deciding ---------------------------------------------------------------------------------------------------

    def due(self, step: Step, scope: Scope, status: str) -> StepOutcome | None:
        """Return None if the step shall run now, else how it ended without running. `status` is its level's so far."""
        cancelled = bool(self.scripts.stopping())
        functions = functions_for("cancelled" if cancelled else status, cancelled=cancelled)
        try:
            if step.condition is None:
                runs = bool(functions["success"]())
            else:
                contexts = scope_contexts(scope, step_env(scope, self.state), status)
                env = evaluate_env(step.env, contexts)
                runs = step.condition.evaluate(
                    {**contexts, "env": {**contexts["env"], **env}}, self.functions(functions)
                )
        except ExpressionError as error:
            return StepOutcome("failed", error=f"if: {error.message}")
        if runs:
            return None
        return CANCELLED if cancelled and status != "failure" else SKIPPED

    def name(self, step: Step, scope: Scope) -> str:
        """Return what people call the step."""
        if step.name is not None:
            try:
                contexts = scope_contexts(scope, step_env(scope, self.state), self.state.status)
                return " ".join(step.name.string(contexts, self.functions()).split()) or "step"
            except ExpressionError:
                return step.name.text
        if step.uses:
            return f"Run {step.uses}"
        text = step.run.text.strip() if step.run else ""
        return f"Run {text.splitlines()[0] if text else ''}".rstrip()

    def functions(self, more: Mapping[str, Callable[..., Any]] | None = None) -> dict[str, Callable[..., Any]]:
        """Return what expressions of a step may call besides the pure functions."""
        return {**(more or {}), "hashFiles": self._run_action.hash_files}

    # -- running ----------------------------------------------------------------------------------------------------

    def run(self, step: Step, scope: Scope, status: str) -> StepOutcome:
        """Run a step that is due, whatever it is; never raises for what is the workflow's fault."""
        try:
            contexts = scope_contexts(scope, step_env(scope, self.state), status)
            env = evaluate_env(step.env, contexts, self.functions())
            contexts = {**contexts, "env": {**contexts["env"], **env}}
            timeout_s = self._timeout_s(step.timeout_minutes, contexts)
            if step.run is not None:
                return self._run_script(step, scope, contexts, env, timeout_s)
            return self._run_uses(step, scope, contexts, env, timeout_s)
        except ExpressionError as error:
            return self._broken(error.message)
        except (ShellError, FileCommandError) as error:
            return self._broken(str(error))

    def conclude(self, step: Step, scope: Scope, outcome: StepOutcome) -> str:
        """Return the conclusion of an outcome: success for a failure that continue-on-error lets pass."""
        if outcome.outcome != "failure" or step.continue_on_error is None:
            return outcome.outcome
        try:
            contexts = scope_contexts(scope, step_env(scope, self.state), self.state.status)
            tolerated = step.continue_on_error.value(contexts, self.functions())
        except ExpressionError as error:
            self.log.annotate("error", f"continue-on-error: {error.message}")
            return "failure"
        return "success" if tolerated in (True, "true") else "failure"

    def _run_script(
        self, step: Step, scope: Scope, contexts: Mapping[str, Any], env: Mapping[str, str], timeout_s: float | None
    ) -> StepOutcome:
        assert step.run is not None
        text = step.run.string(contexts, self.functions())
        shell = step.shell.string(contexts, self.functions()) if step.shell else scope.defaults_shell
        command = command_for(shell)
        directory = step.working_directory.string(contexts) if step.working_directory else scope.defaults_directory
        shown = {**scope.env, **self.state.env, **scope.outer_env, **env}
        self.log.say_group(f"Run {_first_line(text)}", [*text.rstrip("\n").split("\n"), *_shell_lines(shell, shown)])
        number = self._next_script()
        self._prepare_files(number)
        script = StepScript(
            number,
            command.argv,
            f"{command.prologue}{text}{command.epilogue}",
            self.environment(scope, env, number),
            _join(self.paths.workspace, directory),
        )
        if scope.depth == 0:
            self.state.running = number
            self._run_action.checkpoint()
        end = self.scripts.run(self._with_path(script, env), timeout_s)
        return self.after_script(number, end, timeout_s)

    def after_script(self, number: int, end: ScriptEnd, timeout_s: float | None) -> StepOutcome:
        """Take in what a script left behind in its files, and say how it ended."""
        self.state.running = None
        stream = self.log.stream(number)
        outputs, summary, error = self._take_files(number, stream)
        if end.ended_by == "cancel":
            return StepOutcome("cancelled", end.exit_code, "cancelled", "", outputs, summary)
        if end.ended_by in ("timeout", "deadline"):
            limit = "its job's timeout" if end.ended_by == "deadline" else f"its timeout of {_minutes(timeout_s)}"
            return self._broken(f"The step was ended: it ran past {limit}.", "overran", "timed_out", outputs, summary)
        if end.ended_by == "gone":
            if end.oom_kills:
                return self._broken("The container was killed for memory.", "failed", "oom", outputs, summary)
            message = f"The container went away while the step ran (exit code {end.exit_code})."
            return self._broken(message, "failed", "infrastructure", outputs, summary)
        if end.exit_code != 0:
            message = f"Process completed with exit code {end.exit_code}."
            kind = "failure"
            if end.oom_kills:
                message, kind = f"Killed for memory (exit code {end.exit_code}).", "oom"
            self.log.annotate("error", message)
            return StepOutcome("failed", end.exit_code, message, kind, outputs, summary)
        if end.oom_kills:
            self.log.annotate("warning", f"{end.oom_kills} process(es) of this step were killed for memory.")
        if error or stream.failure:
            return self._broken(error, "failed", "failure", outputs, summary, stream.failure)
        return StepOutcome("succeeded", 0, "", "", outputs, summary)

    def _run_uses(
        self, step: Step, scope: Scope, contexts: Mapping[str, Any], env: Mapping[str, str], timeout_s: float | None
    ) -> StepOutcome:
        assert step.uses is not None
        if scope.depth == 0:
            self._run_action.checkpoint()
        given = {name: to_string(resolve(value, contexts, self.functions())) for name, value in step.with_.items()}
        lines = [f"{name}: {value}" for name, value in given.items()]
        self.log.say_group(f"Run {step.uses}", ["with:", *(f"  {line}" for line in lines)] if lines else [])
        built_in = lookup(step.uses)
        if built_in is not None:
            return self._run_action.built_in(built_in, given, scope, env, timeout_s)
        if step.uses.startswith("./"):
            return self._run_action.composite(step.uses, given, scope, env, timeout_s)
        return self._broken(f"{step.uses} cannot be run: this version runs built-in and local composite actions.")

    # -- environment and files ----------------------------------------------------------------------------------------

    def environment(self, scope: Scope, env: Mapping[str, str], number: int) -> dict[str, str]:
        """Return all that a script is started with, the runner's own variables last: nothing overrides those."""
        inside = {name: self.session.inside("file", f"{number}.{kind}") for name, kind in (*FILES.items(), SUMMARY)}
        more = {"GITHUB_ACTION_PATH": scope.action_path} if scope.action_path else {}
        return {**self._base_env, **step_env(scope, self.state), **env, **self._own_env, **inside, **more}

    def helper_script(self, script: str, env: Mapping[str, str]) -> ScriptEnd:
        """Run a script of Treadle's own in the box as part of the current step."""
        number = self._next_script()
        step = StepScript(number, ("sh", "-e", "{0}"), script, env, self.paths.workspace)
        return self.scripts.run(step, None)

    def _next_script(self) -> int:
        number = self.state.script
        self.state.script += 1
        return number

    def _with_path(self, script: StepScript, env: Mapping[str, str]) -> StepScript:
        """Put what GITHUB_PATH added in front of the PATH that only the box knows."""
        if not self.state.paths or "PATH" in env:
            return script
        prefix = ":".join(self.state.paths)
        return replace(
            script,
            argv=("sh", "-c", WITH_PATH, "sh", *script.argv),
            env={**script.env, "TREADLE_PATH_PREFIX": prefix},
        )

    def _prepare_files(self, number: int) -> None:
        for kind in (*FILES.values(), SUMMARY[1]):
            self.session.write_file(f"{number}.{kind}")

    def _take_files(self, number: int, stream: CommandStream) -> tuple[dict[str, str], str, str]:
        """Apply a script's file commands; return its outputs, its summary and what was wrong with them."""
        outputs, error = dict(stream.outputs), ""
        self.state.env.update(stream.env)
        self.state.paths[:0] = reversed(stream.paths)
        summary = ""
        with _noting() as wrong:
            outputs.update(parse_values(self._read(number, "output")))
        error = error or wrong.message
        with _noting() as wrong:
            change = parse_env(self._read(number, "env"), {*self._own_env, *FILES, SUMMARY[0]})
            self.state.env.update(change.values)
            for message in change.errors:
                self.log.annotate("error", message)
        error = error or wrong.message
        with _noting() as wrong:
            added = parse_path(self._read(number, "path"))
            self.state.paths[:] = [*added, *(path for path in self.state.paths if path not in added)]
        error = error or wrong.message
        with _noting() as wrong:
            summary = self.log.mask.text(read_summary(self._read(number, SUMMARY[1])) or "")
        if wrong.message:
            self.log.annotate("error", wrong.message)
        self.log.keep(stream)
        return outputs, summary, error

    def _read(self, number: int, kind: str) -> bytes:
        data = self.session.read_file(f"{number}.{kind}", FILE_LIMIT_BYTES) or b""
        if len(data) > FILE_LIMIT_BYTES:
            raise FileCommandError(f"The step wrote more than {FILE_LIMIT_BYTES >> 20} MiB into its {kind} file.")
        return data

    def _timeout_s(self, template: Template | None, contexts: Mapping[str, Any]) -> float | None:
        if template is None:
            return None
        return seconds_of(template.value(contexts, self.functions()))

    def _broken(
        self,
        message: str,
        cause: str = "failed",
        kind: str = "failure",
        outputs: dict[str, str] | None = None,
        summary: str = "",
        said: str = "",
    ) -> StepOutcome:
        """Fail a step with a sentence that the log shows, unless a command of the step said it already."""
        if message:
            self.log.annotate("error", message)
        return StepOutcome(cause, None, message or said, kind, outputs or {}, summary)


class ActionRunner:
    """What a StepRunner asks of whoever knows actions; engine/worker/action_runner.py does it."""

    def built_in(
        self, action: Any, given: Mapping[str, str], scope: Scope, env: Mapping[str, str], timeout_s: float | None
    ) -> StepOutcome:
        raise EngineError("no actions here")

    def composite(
        self, uses: str, given: Mapping[str, str], scope: Scope, env: Mapping[str, str], timeout_s: float | None
    ) -> StepOutcome:
        raise EngineError("no actions here")

    def hash_files(self, *patterns: Any) -> str:
        raise EngineError("no files here")

    def checkpoint(self) -> None:
        """Keep news and state, for a step of the job itself is about to do something."""


@dataclass
class _Wrong:
    message: str = ""


@contextmanager
def _noting() -> Iterator[_Wrong]:
    """Turn a FileCommandError into a message: one bad file does not keep the others from being read."""
    wrong = _Wrong()
    try:
        yield wrong
    except FileCommandError as error:
        wrong.message = error.message


def seconds_of(minutes: Any) -> float:
    """Return the value of a `timeout-minutes:` in seconds. Raises ExpressionError for what is no number above zero."""
    number = to_number(minutes)
    if not number > 0:
        raise ExpressionError("evaluation", f"timeout-minutes is {minutes!r}, not a number of minutes above 0")
    return number * 60


def _first_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[0] if lines else ""


def _shell_lines(shell: str | None, env: Mapping[str, str]) -> list[str]:
    lines = [f"shell: {shell}"] if shell else []
    return [*lines, "env:", *(f"  {name}: {value}" for name, value in env.items())] if env else lines


def _join(workspace: str, directory: str | None) -> str:
    if not directory:
        return workspace
    return directory if directory.startswith("/") else f"{workspace}/{directory}"


def _minutes(timeout_s: float | None) -> str:
    return f"{(timeout_s or 0) / 60:g} minutes"
