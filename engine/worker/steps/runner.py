"""Runs the steps of a job, or of a composite action within it: one at a time, from its turn to how it ended.

Knows scripts and actions, not jobs: who may retry, what a failure means to others and how a box is made is elsewhere.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from engine.core.clock import rfc3339
from engine.worker.steps.calls import Actions, Call, Program
from engine.worker.steps.job_state import Hook, Scope, Way, step_env
from engine.worker.steps.outcome import SKIPPED, StepOutcome, StepStopped, stopped_outcome
from engine.worker.steps.reader import Ready, StepReader
from engine.worker.steps.script import PATH_PREFIX, StepScript, Surroundings
from engine.worker.steps.script_runner import ScriptEnd
from engine.worker.steps.words import action_name, join, title_of
from engine.worker.steps.workbench import Workbench
from pipelines.errors import ExpressionError, Place
from pipelines.model import Step
from pipelines.shells import ShellError
from pipelines.template import Condition

_TOP = Place(1, 1)


def nothing() -> None:
    """Nothing to be done when a step begins: it is part of another one."""


class StepRunner:
    """One attempt's steps. `base_env` lies below every `env:`; nothing overrides `own_env`, the runner's variables.

    `checkpoint` keeps news and state: it is called when a step of the job itself is about to do something.
    """

    def __init__(
        self,
        bench: Workbench,
        actions: Actions,
        checkpoint: Callable[[], None],
        *,
        base_env: Mapping[str, str],
        own_env: Mapping[str, str],
    ) -> None:
        self.scripts, self.log, self.state = bench.scripts, bench.log, bench.state
        self.reader = StepReader(bench)
        self._files, self._clock = bench.files, bench.clock
        self._workspace = bench.tools.box.workspace
        self._actions = actions
        self._checkpoint = checkpoint
        self._base_env = base_env
        self._own_env = own_env
        self._handed: Surroundings | None = None

    def surroundings(self, scope: Scope) -> Surroundings:
        """Return what the last script of the step that ran last was run in, or would have been."""
        if self._handed is not None:
            return self._handed
        env = {**self._base_env, **step_env(scope, self.state), **self._own_env, **self._path_prefix()}
        return Surroundings(env, join(self._workspace, scope.defaults_directory or ""))

    def perform(self, step: Step, scope: Scope, status: str, begin: Callable[[], None] = nothing) -> StepOutcome:
        """Run a step if it is due and say how it ended; never raises for what is the workflow's fault.

        `status` is that of the step's level so far. `begin` is called once it is certain that there is something to
        run, or to complain about.
        """
        if scope.depth == 0:
            self._handed = None
        try:
            due, why = self.reader.due(step, scope, status)
        except StepStopped as stopped:
            begin()
            return self._say(stopped_outcome(stopped.end))
        except ExpressionError as error:
            begin()
            return self._refuse(step, error.message)
        if not due:
            return replace(SKIPPED, why=why)
        begin()
        return replace(self._run(step, scope, status), why=why)

    def _run(self, step: Step, scope: Scope, status: str) -> StepOutcome:
        try:
            ready = self.reader.ready(step, scope, status)
        except StepStopped as stopped:
            return self._say(stopped_outcome(stopped.end))
        except (ExpressionError, ShellError) as error:
            return self._refuse(step, str(error))
        self.log.say_group(ready.title, list(ready.lines))
        with self.scripts.limit(ready.timeout_s):
            return self._run_uses(step, ready, scope) if ready.command is None else self._run_script(step, ready, scope)

    def before(self, step: Step, scope: Scope, way: Way, title: str, begin: Callable[[], None]) -> Hook | StepOutcome:
        """Return what a step's action, or the one that `way` leads to within it, wants run before all steps, or how it
        failed at being worked out."""
        try:
            return self._actions.before(self.call(step, scope, title), way, self)
        except StepStopped as stopped:
            outcome = stopped_outcome(stopped.end)
        except ExpressionError as error:
            outcome = StepOutcome("failed", error=error.message)
        begin()
        self.log.say_group(title, [])
        return self._say(outcome)

    def call(self, step: Step, scope: Scope, title: str) -> Call:
        """Return the call that a step is, worked out. May raise ExpressionError and StepStopped."""
        ready = self.reader.ready(step, scope, self.state.status)
        return Call(step.uses or "", ready.given or {}, scope, ready.env, title, action_name(step))

    def is_due(self, condition: Condition, scope: Scope) -> bool:
        """Whether a condition holds that stands beside a step's own. May raise ExpressionError and StepStopped."""
        return self.reader.due(Step(_TOP, condition=condition), scope, self.state.status)[0]

    def perform_hook(self, hook: Hook, scope: Scope, status: str, begin: Callable[[], None]) -> StepOutcome:
        """Run a hook if it is due, and say how it ended."""
        step = Step(_TOP, condition=Condition.parse(hook.condition or "always()"))
        try:
            due, why = self.reader.due(step, scope, status)
        except StepStopped as stopped:
            begin()
            return self._say(stopped_outcome(stopped.end))
        except ExpressionError as error:
            begin()
            self.log.say_group(hook.title, [])
            return self._say(StepOutcome("failed", error=error.message))
        if not due:
            return replace(SKIPPED, why=why)
        begin()
        self.log.say_group(hook.title, [])
        self.state.timeout_s = None
        self._checkpoint()
        try:
            return self._actions.run_hook(hook, scope, self)
        except StepStopped as stopped:
            return self._say(stopped_outcome(stopped.end))
        except ExpressionError as error:
            return self._say(StepOutcome("failed", error=error.message))

    def run_program(self, program: Program) -> StepOutcome:
        """Run a program of an action's to its end, and take in what it leaves behind."""
        number = self.begin_script(program.hook)
        env = self.environment(program.scope, program.env, number, program.action)
        resumable = program.scope.depth == 0
        if resumable:
            self._announce(number, self.state.timeout_s)
        script = self._to_hand(StepScript(number, program.argv, "", env, self._workspace))
        return self.ended(number, self.scripts.run(script, resumable=resumable))

    def begin_script(self, hook: Hook | None = None) -> int:
        """Return the number of a new script, its files made."""
        number = self.state.next_script()
        self._files.prepare(number)
        if hook is not None:
            hook.script = number
        return number

    def environment(self, scope: Scope, more: Mapping[str, str], number: int, action: str) -> dict[str, str]:
        """Return all variables that a script of a step gets; `more` are those of the step itself."""
        return {
            **self._base_env,
            **step_env(scope, self.state),
            **more,
            **self._own_env,
            **self._files.variables(number),
            "GITHUB_ACTION": action,
            **{f"GITHUB_{name.upper()}": value for name, value in scope.action_origin.items()},
            **({"GITHUB_ACTION_PATH": scope.action_path} if scope.action_path else {}),
        }

    def resume(self) -> StepOutcome:
        """See to its end a script of the job that an earlier engine began."""
        assert self.state.running is not None
        self._handed = self.scripts.surroundings()
        began_at = datetime.fromisoformat(self.state.began_at) if self.state.began_at else None
        with self.scripts.limit(self.state.timeout_s, began_at):
            return self.ended(self.state.running, self.scripts.follow(self.state.running, resumable=True))

    def _run_script(self, step: Step, ready: Ready, scope: Scope) -> StepOutcome:
        assert ready.command is not None
        number = ready.number
        self._files.prepare(number)
        env = self.environment(scope, ready.env, number, action_name(step))
        text = f"{ready.command.prologue}{ready.text}{ready.command.epilogue}"
        cwd = join(self._workspace, ready.directory)
        if scope.depth == 0:
            self._announce(number, ready.timeout_s)
        script = self._to_hand(StepScript(number, ready.command.argv, text, env, cwd, ready.command.extension))
        return self.ended(number, self.scripts.run(script, resumable=scope.depth == 0))

    def _announce(self, number: int, timeout_s: float | None) -> None:
        """Keep, before it begins, what another engine needs to see a script of the job to its end."""
        self.state.running, self.state.timeout_s = number, timeout_s
        self.state.began_at = rfc3339(self._clock.now())
        self._checkpoint()

    def _run_uses(self, step: Step, ready: Ready, scope: Scope) -> StepOutcome:
        if scope.depth == 0:
            self.state.timeout_s = ready.timeout_s
            self._checkpoint()
        call = Call(
            step.uses or "", ready.given or {}, scope, ready.env, self.reader.name(step, scope), action_name(step)
        )
        try:
            return self._actions.run(call, self)
        except StepStopped as stopped:
            return self._say(stopped_outcome(stopped.end))
        except ExpressionError as error:
            return self._say(StepOutcome("failed", error=error.message))

    def ended(self, number: int, end: ScriptEnd) -> StepOutcome:
        """Take in what a script left behind, and say how its step ended."""
        self.state.running = None
        taken = self._files.take(number)
        self.state.keep_saved(number, taken.state)
        outcome = self._outcome(end, taken.error)
        return replace(outcome, outputs=taken.outputs, summary=taken.summary)

    def _outcome(self, end: ScriptEnd, wrong: str) -> StepOutcome:
        if end.ended_by:
            return self._say(stopped_outcome(end))
        if end.exit_code and end.oom_kills:
            error = f"Killed for memory (exit code {end.exit_code})."
            return self._say(StepOutcome("failed", end.exit_code, error, "oom"))
        if end.exit_code:
            return self._say(StepOutcome("failed", end.exit_code, f"Process completed with exit code {end.exit_code}."))
        if end.oom_kills:
            self.log.annotate("warning", f"{end.oom_kills} process(es) of this step were killed for memory.")
        return StepOutcome("failed", error=wrong) if wrong else StepOutcome("succeeded", 0, "", "")

    def _to_hand(self, script: StepScript) -> StepScript:
        """Return a script as it is handed over: with what GITHUB_PATH added in front of the PATH that only the box
        knows. What it runs in is remembered."""
        env = {**script.env, **self._path_prefix()}
        self._handed = Surroundings(env, script.cwd)
        return replace(script, env=env)

    def _path_prefix(self) -> dict[str, str]:
        return {PATH_PREFIX: ":".join(self.state.paths)} if self.state.paths else {}

    def _refuse(self, step: Step, message: str) -> StepOutcome:
        """Fail a step that could not even be worked out, under a heading of its own."""
        self.log.say_group(title_of(step), [])
        return self._say(StepOutcome("failed", error=message))

    def _say(self, outcome: StepOutcome) -> StepOutcome:
        """Have the log say why a step failed."""
        if outcome.outcome == "failure":
            self.log.annotate("error", outcome.error)
        return outcome
