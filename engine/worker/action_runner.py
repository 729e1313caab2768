"""Runs what a step `uses:`: the built-in actions through the box, and local composite actions step by step."""

import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from engine.core.records import JobFacts
from engine.store.queue import Lease
from engine.worker.actions.port import CAPTURE_LIMIT_BYTES, Stores
from engine.worker.actions.registry import BuiltIn
from engine.worker.executor import Box
from engine.worker.hash_files import hash_files
from engine.worker.job_state import Scope, scope_contexts, step_env
from engine.worker.script_runner import ScriptEnd
from engine.worker.session import Session
from engine.worker.step_outcome import StepOutcome
from engine.worker.step_runner import ActionRunner, StepRunner
from pipelines.errors import ExpressionError, WorkflowError
from pipelines.model import Action
from pipelines.parse_actions import parse_action
from pipelines.template import resolve
from pipelines.values import to_string

DEPTH = 9  # actions within actions, as GitHub allows
FILE_LIMIT_BYTES = 1 << 20
NOTHING: Mapping[str, str] = {}
READ_ACTION = """\
for name in action.yml action.yaml; do
  if [ -f "$FOLDER/$name" ]; then
    cat "$FOLDER/$name" && exit 0
  fi
done
exit 66
"""


class BoxActions(ActionRunner):
    """The actions of one attempt."""

    def __init__(
        self,
        stores: Stores,
        facts: JobFacts,
        lease: Lease,
        box: Box,
        session: Session,
        folder: Path,
        checkout: Callable[[str | None], Path],
        overlay: bool,
    ) -> None:
        self._stores = stores
        self._facts = facts
        self._lease = lease
        self._box = box
        self._session = session
        self._exchange = folder / "channel" / "exchange"
        self._checkout = checkout
        self._overlay = overlay
        self._captures = 0
        self._home = ""
        self._runner: StepRunner
        self._flush: Callable[[], None]

    def bind(self, runner: StepRunner, flush: Callable[[], None]) -> None:
        """Tie the knot: the runner that composite actions need, and how to keep the state."""
        self._runner = runner
        self._flush = flush

    def checkpoint(self) -> None:
        self._flush()

    # -- built-in actions -------------------------------------------------------------------------------------------

    def built_in(
        self, action: BuiltIn, given: Mapping[str, str], scope: Scope, env: Mapping[str, str], timeout_s: float | None
    ) -> StepOutcome:
        host = _Host(self, self._runner, given, scope, env)
        good = action.run(host, self._stores)
        if host.stopped:
            return StepOutcome(
                "cancelled" if host.stopped == "cancel" else "overran", error=host.stopped, outputs=host.outputs
            )
        if good:
            return StepOutcome("succeeded", 0, "", "", host.outputs)
        return StepOutcome("failed", 1, host.failure or f"{action.name} failed", "failure", host.outputs)

    def hash_files(self, *patterns: Any) -> str:
        return hash_files(
            [to_string(pattern) for pattern in patterns], self._box.workspace, self.home_dir, self.capture, self._hand
        )

    # -- composite actions ------------------------------------------------------------------------------------------

    def composite(
        self, uses: str, given: Mapping[str, str], scope: Scope, env: Mapping[str, str], timeout_s: float | None
    ) -> StepOutcome:
        folder = f"{self._box.workspace}/{uses.removeprefix('./')}".rstrip("/")
        action, problem = self._read_action(uses, folder)
        if action is None:
            self._runner.log.annotate("error", problem)
            return StepOutcome("failed", None, problem)
        if scope.depth >= DEPTH:
            problem = f"{uses}: actions are nested more than {DEPTH} deep."
            self._runner.log.annotate("error", problem)
            return StepOutcome("failed", None, problem)
        contexts = scope_contexts(scope, {**step_env(scope, self._runner.state), **env}, "success")
        inner = Scope(
            {**scope.base, "inputs": self._inputs(action, given, contexts)},
            scope.env,
            {**scope.outer_env, **env},
            {},
            action_path=folder,
            depth=scope.depth + 1,
        )
        failure = self._run_steps(action, inner)
        outputs = {}
        contexts = scope_contexts(inner, step_env(inner, self._runner.state), "success")
        for name, template in action.outputs.items():
            outputs[name] = template.string(contexts)
        if failure is None:
            return StepOutcome("succeeded", 0, "", "", outputs)
        return StepOutcome(failure.cause, failure.exit_code, failure.error, failure.kind, outputs, failure.summary)

    def _run_steps(self, action: Action, inner: Scope) -> StepOutcome | None:
        """Run an action's steps; return the first that failed or was cancelled."""
        runner, status = self._runner, "success"
        failure: StepOutcome | None = None
        for step in action.steps:
            outcome = runner.due(step, inner, status)
            if outcome is None:
                outcome = runner.run(step, inner, status)
            conclusion = runner.conclude(step, inner, outcome)
            if step.key:
                inner.steps[step.key] = {
                    "outputs": outcome.outputs, "outcome": outcome.outcome, "conclusion": conclusion,
                }  # fmt: skip
            if conclusion == "failure" or outcome.cause == "cancelled":
                failure = failure or outcome
                status = conclusion
            if runner.scripts.over:
                break
        return failure

    def _read_action(self, uses: str, folder: str) -> tuple[Action | None, str]:
        code, data = self.capture(READ_ACTION, {"FOLDER": folder}, FILE_LIMIT_BYTES)
        if code == 66:
            return None, f"{uses} has no action.yml. Is the repository checked out before this step?"
        if code != 0:
            return None, f"{uses} cannot be read (exit code {code})."
        try:
            action = parse_action(data, f"{uses}/action.yml")
        except WorkflowError as error:
            return None, str(error)
        if action.using != "composite":
            return None, f"{uses} is a {action.using} action; this version runs composite ones."
        return action, ""

    def _inputs(self, action: Action, given: Mapping[str, str], contexts: Mapping[str, Any]) -> dict[str, str]:
        values = {}
        known = {name.lower(): name for name in action.inputs}
        for name in given:
            if name.lower() not in known:
                self._runner.log.annotate(
                    "warning", f"{action.name} has no input {name!r}; it has {', '.join(action.inputs)}."
                )
        lowered = {name.lower(): value for name, value in given.items()}
        for name, declared in action.inputs.items():
            if name.lower() in lowered:
                values[name] = lowered[name.lower()]
            elif declared.default is not None:
                values[name] = to_string(resolve(declared.default, contexts))
            else:
                values[name] = ""
                if declared.required:
                    self._runner.log.annotate("warning", f"{action.name} needs the input {name!r}, which is not given.")
        return values

    # -- helpers in the box -----------------------------------------------------------------------------------------

    def capture(self, script: str, env: Mapping[str, str], limit_bytes: int) -> tuple[int, bytes]:
        """Run a script of Treadle's own in the box; return its exit code and what it printed on stdout."""
        self._captures += 1
        name = f"{self._runner.state.script}.captured-{self._captures}"
        self._session.write_file(name)
        to = shlex.quote(self._session.inside("file", name))
        end = self._runner.helper_script(f"exec 3>&1 >{to}\n{script}", env)
        return end.exit_code, self._session.read_file(name, limit_bytes) or b""

    def _hand(self, data: bytes) -> str:
        """Put bytes into a file of the channel; return where the box sees it."""
        self._captures += 1
        name = f"handed-{self._captures}"
        self._session.write_file(name, data)
        return self._session.inside("file", name)

    @property
    def exchange(self) -> Path:
        return self._exchange

    @property
    def exchange_inside(self) -> str:
        return self._session.inside("exchange")

    def home_dir(self) -> str:
        """Return HOME as the box has it."""
        if not self._home:
            _, data = self.capture('printf %s "$HOME"', {}, 4096)
            self._home = data.decode("utf-8", "replace") or "/root"
        return self._home


class _Host:
    """What one built-in action may use: engine/worker/actions/port.ActionHost."""

    def __init__(
        self, actions: BoxActions, runner: StepRunner, given: Mapping[str, str], scope: Scope, env: Mapping[str, str]
    ) -> None:
        self._actions = actions
        self._runner = runner
        self._env = {**step_env(scope, runner.state), **env}
        self.inputs: Mapping[str, str] = {name.lower(): value for name, value in given.items()}
        self.outputs: dict[str, str] = {}
        self.failure = ""
        self.stopped = ""
        facts, lease, box = actions._facts, actions._lease, actions._box
        self.run_id, self.job_id, self.attempt = lease.run_id, lease.job_id, lease.number
        self.repo_name = facts.run.repo
        self.workspace, self.temp = box.workspace, box.temp
        self.exchange, self.exchange_inside = actions.exchange, actions.exchange_inside
        self.source = box.source
        self.source_sha = facts.source["sha"] if box.source else None
        self.workspace_is_source = actions._overlay

    @property
    def home_dir(self) -> str:
        return self._actions.home_dir()

    def shell(self, script: str, env: Mapping[str, str] = NOTHING) -> int:
        return self._note(self._runner.helper_script(script, {**self._env, **env})).exit_code

    def capture(
        self, script: str, env: Mapping[str, str] = NOTHING, limit_bytes: int = CAPTURE_LIMIT_BYTES
    ) -> tuple[int, bytes]:
        return self._actions.capture(script, {**self._env, **env}, limit_bytes)

    def say(self, line: str) -> None:
        self._runner.log.say(line)

    def annotate(self, level: str, message: str) -> None:
        self._runner.log.annotate(level, message)
        if level == "error" and not self.failure:
            self.failure = message

    def output(self, name: str, value: str) -> None:
        self.outputs[name] = value

    def checkout_folder(self, ref: str | None, repository: str | None) -> Path:
        if repository and repository.lower() != self.repo_name.lower():
            raise ExpressionError("evaluation", f"the repository {repository} is not here; only {self.repo_name} is")
        return self._actions._checkout(ref)

    def _note(self, end: ScriptEnd) -> ScriptEnd:
        self.stopped = self.stopped or end.ended_by
        return end
