"""Runs what a step `uses:`: built-in actions through the box, composite ones step by step, programs and containers."""

import posixpath
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from engine.worker.actions.built_in.registry import BuiltIn, lookup
from engine.worker.actions.container import ContainerActions, ContainerRun, split_arguments
from engine.worker.actions.fetch import ActionMissing
from engine.worker.actions.host import Site, StepHost
from engine.worker.actions.load import ActionLoader, ActionRefused, LoadedAction
from engine.worker.actions.node import Node, input_variables, state_variables
from engine.worker.actions.port import NotInImage, Stores
from engine.worker.log.job_log import JobLog
from engine.worker.steps.box_tools import BoxTools
from engine.worker.steps.calls import Call, Program
from engine.worker.steps.job_state import Hook, Scope, Way, blaming, scope_contexts
from engine.worker.steps.outcome import StepOutcome, StepStopped
from engine.worker.steps.runner import StepRunner
from engine.worker.steps.script_runner import ScriptEnd
from pipelines.action_refs import ActionKind, ActionRef, parse_action_ref
from pipelines.model import Action
from pipelines.parse_actions import COMPOSITE, DOCKER
from pipelines.template import resolve
from pipelines.values import to_string

DEPTH = 9  # actions within actions, as GitHub allows
BUILT_IN, NODE = "built-in", "node"
REFUSALS = (ActionRefused, ActionMissing, NotInImage)


class ActionRunner:
    """The actions of one attempt."""

    def __init__(
        self,
        stores: Stores,
        site: Site,
        tools: BoxTools,
        log: JobLog,
        loader: ActionLoader,
        node: Node,
        containers: ContainerActions,
    ) -> None:
        self._stores = stores
        self._site = site
        self._tools = tools
        self._log = log
        self._loader = loader
        self._node = node
        self._containers = containers

    def run(self, call: Call, steps: StepRunner) -> StepOutcome:
        try:
            ref = parse_action_ref(call.uses)
            if ref.kind is ActionKind.DOCKER:
                return self._image(ref.name, call, steps)
            built_in = lookup(call.uses)
            if built_in is not None:
                try:
                    return self._built_in(built_in, call, steps)
                except NotInImage as missing:
                    if not self._loader.is_mirrored(ref):
                        raise
                    self._log.say(f"{missing.args[0]} {call.uses} itself is run, as `actions:` has it.")
            return self._loaded(ref, call, steps)
        except REFUSALS as refusal:
            return self._refused(refusal)

    def run_hook(self, hook: Hook, scope: Scope, steps: StepRunner) -> StepOutcome:
        try:
            if hook.kind == BUILT_IN:
                return self._built_in_hook(hook, steps)
            env = {**hook.env, **input_variables(hook.given), **state_variables(hook.state)}
            if hook.kind == NODE:
                node = self._node.program(hook.uses, hook.program["using"])
                return steps.run_program(Program((node, hook.program["script"]), scope, env, hook.action, hook))
            program = hook.program
            arguments = None if program["arguments"] is None else tuple(program["arguments"])
            run = ContainerRun(program["image"], program["entrypoint"], arguments, {**env, **program["env"]})
            return self._containers.run(hook.uses, run, scope, hook.action, hook, steps)
        except REFUSALS as refusal:
            return self._refused(refusal)

    def before(self, call: Call, way: Way, steps: StepRunner) -> Hook | StepOutcome:
        try:
            loaded = self._loader.load(call.uses, parse_action_ref(call.uses))
        except REFUSALS as refusal:
            return self._refused(refusal)
        action, inputs = loaded.action, self._inputs(loaded.action, call, steps)
        if way:
            inner = inner_scope(loaded, inputs, call, steps)
            return self.before(steps.call(action.steps[way[0]], inner, call.title), way[1:], steps)
        call = replace(call, scope=replace(call.scope, action_origin=loaded.origin, action_path=""))
        hook = self._hook(call, NODE, action.pre_if.text if action.pre_if else "", inputs)
        hook.title = call.title
        hook.program = {"using": action.using, "script": posixpath.join(loaded.folder, action.pre)}
        return hook

    def _refused(self, refusal: Exception) -> StepOutcome:
        self._log.annotate("error", str(refusal))
        return StepOutcome("failed", error=str(refusal))

    # -- built in ---------------------------------------------------------------------------------------------------

    def _built_in(self, action: BuiltIn, call: Call, steps: StepRunner) -> StepOutcome:
        host = StepHost(self._site, self._tools, self._log, call.given, steps.state)
        if action.post is not None:
            hook = self._hook(call, BUILT_IN, action.post_if, {})
            hook.state = host.saved
            steps.state.posts.append(hook)
        if action.run(host, self._stores):
            return StepOutcome("succeeded", 0, "", "", host.outputs)
        return StepOutcome("failed", 1, host.failure or f"{action.name} failed", "failure", host.outputs)

    def _built_in_hook(self, hook: Hook, steps: StepRunner) -> StepOutcome:
        action = lookup(hook.uses)
        assert action is not None and action.post is not None
        host = StepHost(self._site, self._tools, self._log, hook.given, steps.state)
        host.saved.update(hook.state)
        if action.post(host, self._stores):
            return StepOutcome("succeeded", 0, "", "", host.outputs)
        return StepOutcome("failed", 1, host.failure or f"{action.name} failed", "failure", host.outputs)

    # -- read from an action.yml --------------------------------------------------------------------------------------

    def _loaded(self, ref: ActionRef, call: Call, steps: StepRunner) -> StepOutcome:
        if call.scope.depth >= DEPTH:
            raise ActionRefused(f"{call.uses}: actions are nested more than {DEPTH} deep.")
        loaded = self._loader.load(call.uses, ref)
        inputs = self._inputs(loaded.action, call, steps)
        if loaded.action.using == COMPOSITE:
            return self._composite(loaded, inputs, call, steps)
        scope = replace(call.scope, action_origin=loaded.origin, action_path="")
        call = replace(call, scope=scope)
        if loaded.action.using == DOCKER:
            return self._container(loaded, inputs, call, steps)
        return self._program(loaded, inputs, call, steps)

    def _program(self, loaded: LoadedAction, inputs: dict[str, str], call: Call, steps: StepRunner) -> StepOutcome:
        """Run the main script of a node action, and see to it that its last one will be run."""
        action = loaded.action
        early = steps.state.saved_before(call.scope.way)
        if action.pre and early is None:
            late = "the action that uses it" if loaded.origin else "it"
            message = f"The `pre` of {call.uses} is not run: {late} is known since the checkout only."
            self._log.annotate("warning", message)
        node = self._node.program(call.uses, action.using)
        saved = early or {}
        hook = self._hook(call, NODE, action.post_if.text if action.post_if else "", inputs)
        hook.state.update(saved)
        if action.post:
            hook.program = {"using": action.using, "script": posixpath.join(loaded.folder, action.post)}
            steps.state.posts.append(hook)
        env = {**call.env, **input_variables({**call.given, **inputs}), **state_variables(saved)}
        main = posixpath.join(loaded.folder, action.main)
        return steps.run_program(Program((node, main), call.scope, env, call.action, hook))

    def _container(self, loaded: LoadedAction, inputs: dict[str, str], call: Call, steps: StepRunner) -> StepOutcome:
        action = loaded.action
        if action.image.startswith("docker://"):
            image = action.image.removeprefix("docker://")
            self._containers.pull(image, call.uses, lambda: give_way(steps))
        else:
            image = self._containers.build(call.uses, loaded, lambda: give_way(steps))
        contexts: dict[str, Any] = {"inputs": inputs}
        with blaming("runs.env"):
            env = {name: value.string(contexts) for name, value in action.env.items()}
        arguments: tuple[str, ...] | None = None
        if action.args is not None:
            with blaming("runs.args"):
                arguments = tuple(value.string(contexts) for value in action.args)
        elif words := {name.lower(): value for name, value in call.given.items()}.get("args"):
            arguments = split_arguments(words, call.uses)
        given_env = input_variables({**call.given, **inputs})
        phases = [("", action.entrypoint)]
        if action.pre_entrypoint:
            phases.insert(0, ("pre", action.pre_entrypoint))
        hook = self._hook(call, DOCKER, action.post_if.text if action.post_if else "", {**call.given, **inputs})
        if action.post_entrypoint:
            hook.program = {
                "image": image, "entrypoint": action.post_entrypoint, "env": env,
                "arguments": None if arguments is None else list(arguments),
            }  # fmt: skip
            steps.state.posts.append(hook)
        outcome, outer = StepOutcome("succeeded", 0, "", ""), steps.state.hook
        try:
            steps.state.hook = hook  # gets what is saved, also when nothing runs after the job's steps
            for phase, entrypoint in phases:
                if phase == "pre" and action.pre_if is not None and not steps.is_due(action.pre_if, call.scope):
                    continue
                given = {**call.env, **given_env, **env, **state_variables(hook.state)}
                run = ContainerRun(image, entrypoint, arguments, given)
                outcome = self._containers.run(call.uses, run, call.scope, call.action, hook, steps)
                if outcome.outcome != "success":
                    break
        finally:
            steps.state.hook = outer
        return outcome

    def _image(self, image: str, call: Call, steps: StepRunner) -> StepOutcome:
        """Run an image that a step names itself; `args` and `entrypoint` are inputs like any other."""
        self._containers.pull(image, call.uses, lambda: give_way(steps))
        given = {name.lower(): value for name, value in call.given.items()}
        arguments = split_arguments(given["args"], call.uses) if given.get("args") else None
        env = {**call.env, **input_variables(call.given)}
        run = ContainerRun(image, given.get("entrypoint", ""), arguments, env)
        return self._containers.run(call.uses, run, call.scope, call.action, None, steps)

    def _hook(self, call: Call, kind: str, condition: str, inputs: Mapping[str, str]) -> Hook:
        origin = {f"GITHUB_{name.upper()}": value for name, value in call.scope.action_origin.items()}
        env = {**call.scope.outer_env, **call.env, **origin}
        given = {**call.given, **inputs}
        return Hook(f"Post {call.title}", kind, call.uses, call.action, condition, given, env, {})

    # -- composite ----------------------------------------------------------------------------------------------------

    def _composite(self, loaded: LoadedAction, inputs: dict[str, str], call: Call, steps: StepRunner) -> StepOutcome:
        """Run an action's steps, at a level of their own, and work out its outputs."""
        action = loaded.action
        inner = inner_scope(loaded, inputs, call, steps)
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
        for index, step in enumerate(action.steps):
            if (end := steps.scripts.spent()) is not None:
                if ended is None:
                    raise StepStopped(end)
                break
            outcome = steps.perform(step, replace(inner, way=(*inner.way, index)), status)
            conclusion = steps.reader.conclusion(step, inner, status, outcome)
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

    # -- inputs -------------------------------------------------------------------------------------------------------

    def _inputs(self, action: Action, call: Call, steps: StepRunner) -> dict[str, str]:
        """Return an action's inputs: what was given, else the defaults, else nothing."""
        given = {name.lower(): value for name, value in call.given.items()}
        known = {name.lower() for name in action.inputs}
        if action.using == DOCKER:
            known |= {"args", "entrypoint"}
        for name in call.given:
            if name.lower() not in known:
                has = f"it has {', '.join(action.inputs)}" if action.inputs else "it has none"
                self._log.annotate("warning", f"{action.name} has no input {name!r}; {has}.")
        values = {}
        contexts = scope_contexts(call.scope, steps.state, "success", call.env)
        for name, declared in action.inputs.items():
            if name.lower() in given:
                values[name] = given[name.lower()]
                if declared.deprecated:
                    message = f"The input {name!r} of {action.name} is deprecated: {declared.deprecated}"
                    self._log.annotate("warning", message)
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


def inner_scope(loaded: LoadedAction, inputs: Mapping[str, str], call: Call, steps: StepRunner) -> Scope:
    """Return where the steps of a composite action run."""
    return Scope(
        {**call.scope.base, "inputs": inputs},
        call.scope.env,
        {},
        {**call.scope.outer_env, **call.env},
        action_path=loaded.folder,
        action_origin=loaded.origin,
        depth=call.scope.depth + 1,
        way=call.scope.way,
        after_cancel=bool(steps.scripts.stopping()),
    )


def give_way(steps: StepRunner) -> None:
    """Raise StepStopped when what is done for a step outside the box has to end."""
    if (end := steps.scripts.interrupted()) is not None:
        raise StepStopped(end)
