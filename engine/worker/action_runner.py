"""Runs what a step `uses:`: the built-in actions through the box, and local composite actions step by step."""

import posixpath
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from engine.worker.action_host import Site, StepHost
from engine.worker.actions.port import Stores
from engine.worker.actions.registry import BuiltIn, lookup
from engine.worker.box_tools import BoxTools
from engine.worker.job_log import JobLog
from engine.worker.job_state import Scope, blaming, scope_contexts
from engine.worker.script_runner import ScriptEnd
from engine.worker.step_outcome import StepOutcome, StepStopped
from engine.worker.step_runner import Call, StepRunner
from pipelines.action_refs import ActionKind, parse_action_ref
from pipelines.errors import WorkflowError
from pipelines.model import Action
from pipelines.parse_actions import parse_action
from pipelines.template import resolve
from pipelines.values import to_string

DEPTH = 9  # actions within actions, as GitHub allows
ACTION_BYTES = 1 << 20
NO_ACTION = 66
READ_ACTION = """\
for name in action.yml action.yaml; do
  if [ -f "$FOLDER/$name" ]; then
    cat "$FOLDER/$name"
    exit
  fi
done
exit 66
"""


class _Refused(Exception):
    """An action that cannot be run; the message says why."""


class ActionRunner:
    """The actions of one attempt."""

    def __init__(self, stores: Stores, site: Site, tools: BoxTools, log: JobLog) -> None:
        self._stores = stores
        self._site = site
        self._tools = tools
        self._log = log

    def run(self, call: Call, steps: StepRunner) -> StepOutcome:
        built_in = lookup(call.uses)
        if built_in is not None:
            return self._built_in(built_in, call)
        try:
            return self._composite(call, steps)
        except _Refused as refusal:
            self._log.annotate("error", str(refusal))
            return StepOutcome("failed", error=str(refusal))

    def _built_in(self, action: BuiltIn, call: Call) -> StepOutcome:
        host = StepHost(self._site, self._tools, self._log, call.given)
        if action.run(host, self._stores):
            return StepOutcome("succeeded", 0, "", "", host.outputs)
        return StepOutcome("failed", 1, host.failure or f"{action.name} failed", "failure", host.outputs)

    def _composite(self, call: Call, steps: StepRunner) -> StepOutcome:
        """Run a local action's steps, at a level of their own, and work out its outputs."""
        if call.scope.depth >= DEPTH:
            raise _Refused(f"{call.uses}: actions are nested more than {DEPTH} deep.")
        folder = self._folder(call.uses)
        action = self._read(call.uses, folder)
        inner = Scope(
            {**call.scope.base, "inputs": self._inputs(action, call, steps)},
            call.scope.env,
            {},
            {**call.scope.outer_env, **call.env},
            action_path=folder,
            depth=call.scope.depth + 1,
            after_cancel=bool(steps.scripts.stopping()),
        )
        outcome = self._run_steps(action, inner, steps)
        contexts = scope_contexts(inner, steps.state, "success")
        outputs = {}
        for name, template in action.outputs.items():
            with blaming(f"outputs.{name}"):
                outputs[name] = template.string(contexts)
        return replace(outcome, outputs=outputs)

    def _run_steps(self, action: Action, inner: Scope, steps: StepRunner) -> StepOutcome:
        """Run an action's steps; return how the first that failed or was cancelled ended, else success."""
        status, summaries = "success", []
        ended: StepOutcome | None = None
        for step in action.steps:
            if (end := steps.scripts.spent()) is not None:
                if ended is None:
                    raise StepStopped(end)
                break
            outcome = steps.perform(step, inner, status)
            conclusion = steps.conclude(step, inner, status, outcome)
            summaries.append(outcome.summary)
            if step.key:
                inner.steps[step.key] = {
                    "outputs": outcome.outputs, "outcome": outcome.outcome, "conclusion": conclusion,
                }  # fmt: skip
            if conclusion in ("failure", "cancelled"):
                ended = ended or outcome
                status = conclusion if status == "success" else status
        if ended is None and steps.scripts.stopped_by and not inner.after_cancel:
            raise StepStopped(ScriptEnd(0, 0, steps.scripts.stopped_by))  # between two steps
        ended = ended or StepOutcome("succeeded", 0, "", "")
        return replace(ended, summary="\n".join(filter(None, summaries)))

    def _folder(self, uses: str) -> str:
        action = parse_action_ref(uses)
        if action.kind is not ActionKind.LOCAL:
            raise _Refused(f"{uses} cannot be run: this version runs built-in and local composite actions.")
        return posixpath.normpath(posixpath.join(self._tools.box.workspace, action.path))

    def _read(self, uses: str, folder: str) -> Action:
        code, data = self._tools.capture(READ_ACTION, {"FOLDER": folder}, ACTION_BYTES)
        if code == NO_ACTION:
            raise _Refused(f"{uses} has no action.yml. Is the repository checked out before this step?")
        if code or len(data) > ACTION_BYTES:
            raise _Refused(f"{uses} cannot be read (exit code {code}, {len(data)} bytes).")
        try:
            action = parse_action(data, f"{uses}/action.yml")
        except WorkflowError as error:
            raise _Refused(str(error)) from error
        if action.using != "composite":
            raise _Refused(f"{uses} is a {action.using} action; this version runs composite ones.")
        if refused := next((finding for finding in action.findings if finding.unsupported), None):
            raise _Refused(refused.line_for(action.path))
        return action

    def _inputs(self, action: Action, call: Call, steps: StepRunner) -> dict[str, str]:
        """Return an action's inputs: what was given, else the defaults, else nothing."""
        given = {name.lower(): value for name, value in call.given.items()}
        known = {name.lower() for name in action.inputs}
        for name in call.given:
            if name.lower() not in known:
                has = f"it has {', '.join(action.inputs)}" if action.inputs else "it has none"
                self._log.annotate("warning", f"{action.name} has no input {name!r}; {has}.")
        values = {}
        contexts = scope_contexts(call.scope, steps.state, "success", call.env)
        for name, declared in action.inputs.items():
            if name.lower() in given:
                values[name] = given[name.lower()]
            elif declared.default is not None:
                values[name] = self._default(name, declared.default, contexts)
            else:
                values[name] = ""
                if declared.required:
                    self._log.annotate("warning", f"{action.name} needs the input {name!r}, which is not given.")
        return values

    def _default(self, name: str, default: Any, contexts: Mapping[str, Any]) -> str:
        with blaming(f"inputs.{name}.default"):
            return to_string(resolve(default, contexts, {"hashFiles": self._tools.hash_files}))
