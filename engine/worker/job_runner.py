"""One attempt of one job, from claim to finish: makes the box, runs the steps, says how it ended.

What becomes of the job then (retry or not) is the store's to work out; other jobs are none of its business.
"""

import json
import platform
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from engine import git
from engine.bus import Bus
from engine.core.clock import Clock
from engine.core.errors import EngineError, ExecutorUnavailable, GitError
from engine.core.job_contexts import job_contexts, needs_context
from engine.core.records import JobFacts
from engine.core.retry import Outcome
from engine.settings import Settings
from engine.store.artifacts import Artifacts
from engine.store.logs import index_path, packed_path
from engine.store.queue import Lease, StepNews
from engine.store.store import Store
from engine.worker.action_runner import BoxActions
from engine.worker.actions.port import Stores
from engine.worker.checkouts import Checkouts
from engine.worker.executor import Box, BoxSpec
from engine.worker.executors import Executors
from engine.worker.halt import Detached, Halt
from engine.worker.job_box import DOCKER, BoxPlan, plan_box, starts_with_checkout, wants_source
from engine.worker.job_log import JobLog
from engine.worker.job_state import JobState, Scope, evaluate_env
from engine.worker.script_runner import ScriptRunner
from engine.worker.session import Session
from engine.worker.step_outcome import StepOutcome
from engine.worker.step_runner import Paths, StepRunner, seconds_of
from pipelines.errors import ExpressionError, WorkflowError
from pipelines.github_context import default_variables
from pipelines.model import Job as JobModel
from pipelines.model import Step, Workflow

ARCHITECTURES = {"x86_64": "X64", "amd64": "X64", "aarch64": "ARM64", "arm64": "ARM64", "i686": "X86", "armv7l": "ARM"}
LAST_CAUSE = {"success": "succeeded", "failure": "failed", "cancelled": "cancelled"}


@dataclass(frozen=True)
class Tools:
    """What every job runner of an engine shares."""

    settings: Settings
    store: Store
    bus: Bus
    clock: Clock
    executors: Executors
    checkouts: Checkouts
    artifacts: Artifacts


class JobRunner:
    """Runs one attempt on the calling thread. Raises LeaseLost or Detached when it is no longer this engine's."""

    def __init__(self, tools: Tools, lease: Lease, halt: Halt) -> None:
        self._tools = tools
        self._lease = lease
        self._halt = halt
        self._state = JobState()
        self._news: list[StepNews] = []
        self._folder = tools.store.work_folder(lease.job_id, lease.number)

    def run(self) -> None:
        """Run the attempt from its beginning; what bears its name from a database long gone is cleared away."""
        shutil.rmtree(self._folder, ignore_errors=True)
        log = self._tools.store.log_path(self._lease.run_id, self._lease.job_id, self._lease.number)
        for path in (log, index_path(log), packed_path(log)):
            path.unlink(missing_ok=True)
        self._attempt(self._start)

    def resume(self) -> None:
        """Take up the attempt where an earlier engine left it; what cannot be taken up ends as lost."""
        self._attempt(self._adopt)

    # -- the attempt as a whole -----------------------------------------------------------------------------------

    def _attempt(self, open_box: Callable[["_Job"], Box | None]) -> None:
        box: Box | None = None
        left = False
        job = _Job(self._tools, self._lease, self._folder)
        try:
            try:
                box = open_box(job)
                outcome, outputs = self._steps(job, box) if box else (_LOST, {})
            except ExecutorUnavailable as error:
                outcome, outputs = self._refused(job, error, "unavailable"), {}
            except (ExpressionError, WorkflowError, GitError) as error:
                outcome, outputs = self._refused(job, error, "failure"), {}
            except OSError as error:
                outcome, outputs = self._refused(job, error, "infrastructure"), {}
            tolerated = outcome.cause != "succeeded" and job.tolerates()
            self._flush(job)
            job.log.close()
            self._tools.store.queue.finish(
                self._lease, outcome, self._tools.clock.now(), outputs=outputs, tolerated=tolerated
            )
        except Detached:
            left = True
            job.log.close()
            raise
        except EngineError:
            if box is not None:
                box.kill()
            raise
        finally:
            if box is not None and not left:
                box.remove()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _refused(self, job: "_Job", error: Exception, kind: str) -> Outcome:
        message = job.log.mask.text(str(error))
        job.log.annotate("error", message)
        return Outcome("failed", kind, reason=message)

    # -- its box --------------------------------------------------------------------------------------------------

    def _start(self, job: "_Job") -> Box:
        plan = job.box_plan
        self._tools.store.queue.begin(self._lease, [job.step_name(step) for step in job.model.steps], job.deadline_at)
        executor = self._tools.executors.get(plan.executor)
        job.log.say_group("Set up job", job.introduction())
        if plan.image is not None:
            executor.ensure_image(plan.image, job.log.say)
        source = job.checkout() if wants_source(job.model.steps) else None
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        Session.prepare(self._folder)
        box = executor.start(job.box_spec(source))
        self._tools.store.queue.note(self._lease, box_id=box.id)
        return box

    def _adopt(self, job: "_Job") -> Box | None:
        attempt = next(
            a for a in self._tools.store.queries.attempts(self._lease.job_id) if a.id == self._lease.attempt_id
        )
        kept = self._tools.store.queries.attempt_state(self._lease.attempt_id)
        if not attempt.box_id:
            return None
        executor = self._tools.executors.get(job.box_plan.executor)
        source = job.checkout() if wants_source(job.model.steps) else None
        box = executor.adopt(job.box_spec(source), attempt.box_id)
        self._state = JobState.from_json(job.unseal(kept)) if kept else self._state
        if box is not None and self._state.running is None:
            box.remove()  # it was between steps, or in one that only the engine's own memory could go on with
            return None
        return box

    # -- its steps ------------------------------------------------------------------------------------------------

    def _steps(self, job: "_Job", box: Box) -> tuple[Outcome, dict[str, str]]:
        clock, grace_s = self._tools.clock, self._tools.settings.grace_s
        resuming = self._state.running
        make = Session.resume if resuming is not None else Session
        session = make(box, self._folder, grace_s, clock)
        try:
            scripts = ScriptRunner(session, job.log.pump, self._halt, clock, grace_s, job.deadline_at, job.grew)
            scope = job.scope(box, self._state)
            session.write_file("event.json", json.dumps(scope.base["github"]["event"]).encode())
            paths = Paths(box.workspace, box.temp, session.inside("file", "event.json"))
            stores = Stores(self._tools.artifacts, self._tools.settings.limits.artifact_bytes)
            actions = BoxActions(stores, job.facts, self._lease, box, session, self._folder, job.checkout, job.overlay)
            runner = StepRunner(
                session, scripts, job.log, self._state, paths, job.base_env(), job.own_env(paths), actions
            )
            actions.bind(runner, lambda: self._flush(job))
            failure = self._run_all(job, runner, scope, resuming)
            session.end()
            outputs = job.outputs(runner, scope)
        finally:
            session.close()
        return self._outcome(scripts, failure), outputs

    def _run_all(self, job: "_Job", runner: StepRunner, scope: Scope, resuming: int | None) -> StepOutcome | None:
        """Run the steps that are left; return the first failure that counts."""
        state, failure = self._state, None
        while state.index < len(job.model.steps):
            step = job.model.steps[state.index]
            index, name = state.index, runner.name(step, scope)
            log_start = job.log.size
            outcome: StepOutcome | None = None
            if resuming is not None:
                number, resuming = resuming, None
                outcome = runner.after_script(number, runner.scripts.follow(number, None), None)
            elif (outcome := runner.due(step, scope, state.status)) is None:
                now = self._tools.clock.now()
                log_start = job.log.begin_step(index, now)
                self._news.append(StepNews(index, "started", now, name=name))
                outcome = runner.run(step, scope, state.status)
            conclusion = self._ended(job, runner, scope, step, index, name, outcome, log_start)
            if conclusion == "failure":
                failure = failure or outcome
                state.status = "failure" if state.status == "success" else state.status
            elif outcome.cause == "cancelled":
                state.status = "cancelled"
            state.index += 1
            if runner.scripts.over:
                break
        return failure

    def _ended(
        self,
        job: "_Job",
        runner: StepRunner,
        scope: Scope,
        step: Step,
        index: int,
        name: str,
        outcome: StepOutcome,
        log_start: int,
    ) -> str:
        """Record how a step ended; return its conclusion."""
        conclusion = runner.conclude(step, scope, outcome)
        now = self._tools.clock.now()
        if step.key:
            self._state.steps[step.key] = {
                "outputs": outcome.outputs, "outcome": outcome.outcome, "conclusion": conclusion,
            }  # fmt: skip
        self._news.append(
            StepNews(
                index, outcome.cause, now, outcome.exit_code, job.log.mask.text(outcome.error), outcome.outcome,
                conclusion, log_start, job.log.end_step(index, now), outcome.summary, name,
            )
        )  # fmt: skip
        return conclusion

    def _outcome(self, scripts: ScriptRunner, failure: StepOutcome | None) -> Outcome:
        if scripts.stopped_by == "cancel":
            return Outcome("cancelled", reason=self._halt.reason or "cancelled")
        if scripts.stopped_by == "deadline":
            return Outcome("overran", "timed_out", reason="it ran past its timeout")
        if scripts.box_exit is not None and not scripts.box_exit.oom_killed:
            return Outcome("lost", "infrastructure", scripts.box_exit.exit_code, "its container went away")
        if failure is not None:
            return Outcome("failed", failure.kind, failure.exit_code, failure.error)
        return Outcome("succeeded", exit_code=0)

    def _flush(self, job: "_Job") -> None:
        """Write the news of steps, annotations, and the state to go on from, in that order."""
        self._tools.store.queue.steps(self._lease, self._news, job.seal(self._state.to_json()))
        if self._news:
            self._news = []
            self._tools.bus.wake("news")
        self._tools.store.queue.annotate(self._lease, job.log.take_annotations())


_LOST = Outcome("lost", "infrastructure", reason="its engine stopped where the job could not be taken up again")


class _Job:
    """What one attempt is about: the facts, read once, and what follows from them."""

    def __init__(self, tools: Tools, lease: Lease, folder: Path) -> None:
        self._tools = tools
        self._lease = lease
        self._folder = folder
        store = tools.store
        self.facts: JobFacts = store.queries.facts(lease.job_id)
        self.workflow: Workflow = store.definitions.workflow(self.facts.definition)
        self.model: JobModel = self.workflow.jobs[self.facts.job.key]
        self.secrets = store.secrets.open(self.facts.secrets)
        needs = needs_context(store.decisions.needs_of(lease.job_id))
        self.contexts: dict[str, Any] = {**job_contexts(self.facts, needs), "secrets": self.secrets}
        self.debug = "true" in (self.secrets.get("ACTIONS_STEP_DEBUG"), self.contexts["vars"].get("ACTIONS_STEP_DEBUG"))
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.log = JobLog(
            store.log_path(self.facts.run.id, lease.job_id, lease.number),
            folder / "commands.journal",
            self.secrets.values(),
            tools.settings.limits.log_bytes,
            tools.clock,
            self.grew,
            debug=self.debug,
            allow_unsecure=self._allows_unsecure(),
        )

    def _allows_unsecure(self) -> bool:
        """Whether the workflow takes set-env and add-path back, which GitHub switched off for being unsafe."""
        asked = {**self.workflow.env, **self.model.env}.get("ACTIONS_ALLOW_UNSECURE_COMMANDS")
        return asked is not None and asked.text == "true"

    def grew(self) -> None:
        self._tools.bus.wake("log")

    @cached_property
    def box_plan(self) -> BoxPlan:
        overrides = self.facts.source
        labels = {**self._tools.settings.labels, **overrides.get("labels", {})}
        return plan_box(self.model, self.contexts, labels, overrides.get("executor") or self._tools.settings.executor)

    @cached_property
    def deadline_at(self) -> datetime | None:
        """When the attempt has to be over, by its own start: a retry gets its whole time again."""
        attempts = self._tools.store.queries.attempts(self._lease.job_id)
        started_at = next(attempt.started_at for attempt in attempts if attempt.id == self._lease.attempt_id)
        seconds = self._tools.settings.timeout_s
        if self.model.timeout_minutes is not None:
            seconds = seconds_of(self.model.timeout_minutes.value(self.contexts))
        return started_at + timedelta(seconds=seconds) if seconds else None

    @cached_property
    def repo(self) -> git.Repo:
        source = self.facts.source
        found = git.discover(Path(source["root"]))
        if found is None:
            raise GitError(f"The repository {source['root']} is gone.")
        return replace(found, mirror=Path(source["mirror"])) if source.get("mirror") else found

    def checkout(self, rev: str | None = None) -> Path:
        """Return a finished checkout on this machine, of the run's own commit or of another revision."""
        source = self.facts.source
        if rev is None:
            return self._tools.checkouts.get(self.repo, source["sha"], source.get("branch"))
        return self._tools.checkouts.get(self.repo, git.resolve(self.repo, rev))

    @cached_property
    def overlay(self) -> bool:
        """Whether the workspace may begin as a view of the checkout, for nobody could see it empty."""
        return starts_with_checkout(self.model.steps)

    def box_spec(self, source: Path | None) -> BoxSpec:
        plan, lease = self.box_plan, self._lease
        return BoxSpec(
            name=f"treadle-{lease.job_id}-{lease.number}-{lease.attempt_id}",
            image=plan.image,
            folder=self._folder,
            labels={
                "treadle.run": str(lease.run_id),
                "treadle.job": str(lease.job_id),
                "treadle.attempt": str(lease.number),
            },
            env=plan.env,
            source=source,
            overlay=source is not None and self.overlay,
            cpus=plan.cpus,
            memory_bytes=plan.memory_bytes,
            options=plan.options,
        )

    def introduction(self) -> list[str]:
        """What the log begins with: where the job runs, and which attempt this is."""
        job, plan = self.facts.job, self.box_plan
        where = f"Container: {plan.image}" if plan.image else "On this machine, without a container"
        limit = f"Ends by: {self.deadline_at:%Y-%m-%d %H:%M:%S} UTC" if self.deadline_at else "No time limit"
        return [where, f"Attempt: {self._lease.number}, on {self._lease.worker}", limit, f"Job: {job.name} ({job.id})"]

    def step_name(self, step: Step) -> str:
        """Return a step's name as far as it is known before the first one runs."""
        if step.name is not None and not step.name.is_literal:
            return step.name.text
        if step.name is not None:
            return step.name.text
        lines = (step.run.text if step.run else "").strip().splitlines()
        return f"Run {step.uses or (lines[0] if lines else '')}".rstrip()

    def scope(self, box: Box, state: JobState) -> Scope:
        """Return the level at which the job's own steps run, with everything below their environment evaluated."""
        github = {**self.contexts["github"], "workspace": box.workspace, "action": "", "token": "", "event_path": ""}
        runner = {
            "os": "Linux" if self.box_plan.executor == DOCKER else _os(),
            "arch": ARCHITECTURES.get(platform.machine().lower(), platform.machine()),
            "name": self._lease.worker,
            "temp": box.temp,
            "tool_cache": "/opt/hostedtoolcache",
            "environment": "self-hosted",
            "debug": "1" if self.debug else "",
        }
        base = {**self.contexts, "github": github, "runner": runner, "job": {"status": "success"}}
        env = evaluate_env(self.workflow.env, base)
        env |= evaluate_env(self.model.env, base)
        env |= self.facts.source.get("env", {})
        contexts = {**base, "env": env}
        shell = self.model.defaults.shell or self.workflow.defaults.shell
        directory = self.model.defaults.working_directory or self.workflow.defaults.working_directory
        return Scope(
            base,
            env,
            {},
            state.steps,
            shell.string(contexts) if shell else None,
            directory.string(contexts) if directory else None,
        )

    def base_env(self) -> dict[str, str]:
        """Return the variables that a workflow may override."""
        return {"CI": "true", **_git_config(self.box_plan)}

    def own_env(self, paths: Paths) -> dict[str, str]:
        """Return the variables of the runner itself."""
        variables = default_variables(self.contexts["github"], self.facts.job.key)
        variables.pop("CI", None)
        return {
            **variables,
            "GITHUB_WORKSPACE": paths.workspace,
            "GITHUB_EVENT_PATH": paths.event,
            "GITHUB_RETENTION_DAYS": str(int(self._tools.settings.retention.artifacts_s // 86400)),
            "RUNNER_OS": "Linux" if self.box_plan.executor == DOCKER else _os(),
            "RUNNER_ARCH": ARCHITECTURES.get(platform.machine().lower(), platform.machine()),
            "RUNNER_NAME": self._lease.worker,
            "RUNNER_TEMP": paths.temp,
            "RUNNER_TOOL_CACHE": "/opt/hostedtoolcache",
            "RUNNER_ENVIRONMENT": "self-hosted",
            "TREADLE": "true",
            "TREADLE_ATTEMPT": str(self._lease.number),
            "TREADLE_JOB_ID": str(self._lease.job_id),
            **({"RUNNER_DEBUG": "1"} if self.debug else {}),
        }

    def outputs(self, runner: StepRunner, scope: Scope) -> dict[str, str]:
        """Return the job's outputs; one that would carry a secret is left out and says so."""
        contexts = {**scope.base, "env": {**scope.env, **runner.state.env}, "steps": runner.state.steps}
        outputs = {}
        for name, template in self.model.outputs.items():
            try:
                value = template.string(contexts)
            except ExpressionError as error:
                self.log.annotate("error", f"The output {name} cannot be worked out: {error.message}")
                continue
            if self.log.mask.text(value) != value:
                self.log.annotate("warning", f"The output {name} is left out, since it may hold a secret.")
                continue
            outputs[name] = value
        return outputs

    def tolerates(self) -> bool:
        """Whether the run passes although this job failed."""
        template = self.model.continue_on_error
        if template is None:
            return False
        try:
            return template.value(self.contexts) in (True, "true")
        except ExpressionError:
            return False

    def seal(self, state: Mapping[str, Any]) -> Any:
        """Return the state as it may lie in the database: encrypted when the job has secrets to lose."""
        if not self.secrets:
            return dict(state)
        sealed = self._tools.store.secrets.seal({"state": json.dumps(state)})
        return {"sealed": sealed.decode() if sealed else ""}

    def unseal(self, kept: Mapping[str, Any]) -> dict[str, Any]:
        if "sealed" not in kept:
            return dict(kept)
        state: dict[str, Any] = json.loads(self._tools.store.secrets.open(kept["sealed"].encode())["state"])
        return state


def _os() -> str:
    return {"Darwin": "macOS"}.get(platform.system(), platform.system())


def _git_config(plan: BoxPlan) -> dict[str, str]:
    """In a container the workspace belongs to another user than git runs as; tell git that this is fine."""
    if plan.executor != DOCKER:
        return {}
    return {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
