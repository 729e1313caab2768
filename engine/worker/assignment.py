"""What one attempt is about: the facts, read once, and what follows from them. Runs nothing."""

import json
import platform
import posixpath
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from engine.core.beginning import HELD, Beginning
from engine.core.errors import ExecutorUnavailable, GitError
from engine.core.job_contexts import job_context, job_contexts, needs_context, workflow_facts
from engine.core.records import Attempt, JobFacts
from engine.git import repository
from engine.settings.model import Settings
from engine.store.queue import Lease
from engine.store.store import Store
from engine.store.vault import TOKEN
from engine.worker.executor import Box, BoxSpec, box_name
from engine.worker.job_box import BoxPlan, plan_box, starts_with_checkout
from engine.worker.job_secrets import JobSecrets, secrets_of
from engine.worker.kind import HOST, Refused
from engine.worker.services import ServicesSpec
from engine.worker.steps.job_state import JobState, Scope, blaming, evaluate_env
from engine.worker.steps.words import seconds_of
from pipelines.environments import environment_name, environment_url
from pipelines.errors import ExpressionError
from pipelines.github_context import default_variables
from pipelines.model import Job as JobModel
from pipelines.model import Workflow
from pipelines.secret_names import secrets_named

ARCHITECTURES = {"x86_64": "X64", "amd64": "X64", "aarch64": "ARM64", "arm64": "ARM64", "i686": "X86", "armv7l": "ARM"}
LONGEST_URL = 2000
TEMP, WORKSPACE = "/github/temp", "/github/workspace"  # in a container
TOOL_CACHE = "/opt/hostedtoolcache"


class Assignment:
    """One attempt of one job, as its worker is given it. Raises WorkflowError for a workflow that is no longer read.

    `hidden` is whatever must not be shown. What is wrong with the job's environment, or with the secrets that it is
    handed, is told by `box_plan`, as the first thing that is asked.
    """

    def __init__(self, store: Store, settings: Settings, lease: Lease) -> None:
        self.lease = lease
        self._store = store
        self._settings = settings
        attempts = store.queries.attempts(lease.job_id)
        self.attempt: Attempt = next(attempt for attempt in attempts if attempt.id == lease.attempt_id)
        self.folder = store.work_folder(lease.job_id, self.attempt.maker[0])
        began_at = self.attempt.began_at
        self.beginning = Beginning.from_json(began_at) if began_at else None
        self.facts: JobFacts = store.queries.facts(lease.job_id)
        self.workflow: Workflow = store.definitions.workflow(self.facts.definition)
        self.model: JobModel = self.workflow.jobs[self.facts.job.own_key]
        contexts = job_contexts(self.facts, needs_context(store.decisions.needs_of(lease.job_id)))
        self.environment, self._fault = "", None
        try:
            with blaming("environment"):
                self.environment = environment_name(self.model, contexts)
            secrets = secrets_of(self.facts, store, self.environment)
        except ExpressionError as error:
            self._fault = error
            secrets = JobSecrets({}, tuple(store.secrets.open(self.facts.secrets).values()))
        rules = settings.environment(self.facts.run.repo, self.environment)
        self.secrets, self.hidden = secrets.seen, secrets.hidden
        variables = {**contexts["vars"], **(rules.vars if rules else {})}
        github = {**contexts["github"], "token": self.secrets.get(TOKEN, "")}
        self.contexts: dict[str, Any] = {**contexts, "github": github, "vars": variables, "secrets": self.secrets}
        asked = (self.secrets.get("ACTIONS_STEP_DEBUG"), self.contexts["vars"].get("ACTIONS_STEP_DEBUG"))
        self.debug = self.facts.job.debug or "true" in asked

    # -- where and until when ---------------------------------------------------------------------------------------

    @cached_property
    def box_plan(self) -> BoxPlan:
        """Where the job runs: in the box that it has, or where the configuration of now says.

        Raises ExecutorUnavailable and ExpressionError.
        """
        if self._fault is not None:
            raise self._fault
        overrides, attempt = self.facts.source, self.attempt
        made = (attempt.box_executor, attempt.box_image or HOST) if attempt.box_executor else None
        labels = {**self._settings.labels, **overrides.get("labels", {})}
        contexts = self._container_contexts() if self.model.container or self.model.services else self.contexts
        try:
            executor = overrides.get("executor") or self._settings.executor
            plan = plan_box(self.model, contexts, labels, executor, bool(overrides.get("checkpoint")), made)
        except Refused as error:
            raise ExecutorUnavailable(f"{self.workflow.path}:{error.place.line}: {error.args[0]}", error.fix) from None
        if plan.executor == HOST and not overrides.get("host", True):
            raise ExecutorUnavailable(
                f"Job {self.model.key} would run on this machine itself, which an event from the network may not have.",
                f"Map its label to an image, or set `allow_host: true` for {self.facts.run.repo} in treadle.yml.",
            )
        return plan

    @cached_property
    def deadline_at(self) -> datetime | None:
        """When the attempt has to be over, by its own start: a retry gets its whole time again.

        One that is taken up again has what was written down, which has followed the machine's clock.
        """
        if (told := self.facts.job.deadline_at) is not None:
            return told
        seconds = self._settings.timeout_s
        if self.model.timeout_minutes is not None:
            with blaming("timeout-minutes"):
                seconds = seconds_of(self.model.timeout_minutes.value(self.contexts)) or seconds
        return self.attempt.started_at + timedelta(seconds=seconds) if seconds else None

    @cached_property
    def overlay(self) -> bool:
        """Whether the workspace may begin as a view of the checkout, for nobody could see it empty."""
        return starts_with_checkout(self.model.steps)

    def box_spec(self, source: Path | None, network: str = "") -> BoxSpec:
        plan = self.box_plan
        return BoxSpec(
            name=self.box_name,
            image=plan.image,
            folder=self.folder,
            labels=self._labels,
            env=plan.env,
            source=source,
            overlay=source is not None and self.overlay,
            node=self.node,
            cpus=plan.cpus,
            memory_bytes=plan.memory_bytes,
            options=plan.options,
            volumes=plan.volumes,
            ports=plan.ports,
            network=network,
        )

    def services_spec(self) -> ServicesSpec:
        plan = self.box_plan
        on_machine = plan.executor == HOST
        return ServicesSpec(
            name=self.box_name,
            folder=self.folder,
            labels=self._labels,
            services=plan.services,
            on_machine=on_machine,
            relayed=not on_machine and self.model.container is None,
            image=plan.image,
        )

    @property
    def box_name(self) -> str:
        """How its box is called: after the attempt that made it."""
        return box_name(self.lease.job_id, *self.attempt.maker)

    @property
    def _labels(self) -> dict[str, str]:
        lease = self.lease
        return {
            "treadle.run": str(lease.run_id),
            "treadle.job": str(lease.job_id),
            "treadle.attempt": str(self.attempt.maker[0]),
        }

    @property
    def checkpoints(self) -> bool:
        """Whether what the job is after each green step is kept."""
        wanted = self.model.checkpoint or self.facts.source.get("checkpoint")
        return bool(wanted) and self.facts.run.bisect_id is None  # nobody begins a trial again

    @property
    def node(self) -> Path | None:
        """The folder of a node for the box, when the configuration names one that is there."""
        folder = self._settings.node
        return Path(folder) if folder and Path(folder, "bin/node").exists() else None

    def introduction(self) -> list[str]:
        """What the log begins with: where the job runs, and which attempt this is."""
        job, plan = self.facts.job, self.box_plan
        where = f"Container: {plan.image}" if plan.image else "On this machine, without a container"
        limit = f"Ends by: {self.deadline_at:%Y-%m-%d %H:%M:%S} UTC" if self.deadline_at else "No time limit"
        attempt = f"Attempt: {self.lease.number}, on {self.lease.worker}"
        return [where, attempt, limit, f"Job: {job.name} (j{job.id})", *self._lacking(), *self._origin()]

    def _lacking(self) -> list[str]:
        """Say which secrets would be empty."""
        known = {name.upper() for name in self.secrets}
        lacking = sorted(secrets_named(self.workflow.env, self.model) - known)
        return [f"Secrets that it names and has not: {', '.join(lacking)}"] if lacking else []

    def _origin(self) -> list[str]:
        """Say which steps were not run, and in what the others are, of an attempt that begins at a later one."""
        begun = self.beginning
        if begun is None:
            return []
        if begun.base != HELD:
            return [f"Begins: at step {begun.step}, with what attempt {begun.attempt} kept"]
        how = f"after step {begun.step}, which is passed over" if begun.skip else f"at step {begun.step}"
        return [f"Begins: {how}, in the box that attempt {begun.attempt} left to a person: it is patched by hand"]

    # -- its sources ------------------------------------------------------------------------------------------------

    @cached_property
    def repo(self) -> repository.Repo:
        source = self.facts.source
        found = repository.discover(Path(source["root"]))
        if found is None:
            raise GitError(f"The repository {source['root']} is gone.")
        return replace(found, mirror=Path(source["mirror"])) if source.get("mirror") else found

    # -- what its steps see -----------------------------------------------------------------------------------------

    def scope(self, box: Box, event_path: str, state: JobState, services: Mapping[str, Any]) -> Scope:
        """Return the level at which the job's own steps run, with everything below their environment evaluated.

        Raises ExpressionError.
        """
        github: dict[str, Any] = {**self.contexts["github"], "workspace": box.workspace, "event_path": event_path}
        github["action"] = ""
        job = workflow_facts(self.facts) | job_context(box.facts() if self.model.container else {}, services)
        runner = self._runner(self._os, box.temp, box.workspace)
        base: dict[str, Any] = {**self.contexts, "github": github, "runner": runner, "job": job}
        env = self._env(base)
        shell = self.model.defaults.shell or self.workflow.defaults.shell
        directory = self.model.defaults.working_directory or self.workflow.defaults.working_directory
        contexts: dict[str, Any] = {**base, "env": env}
        with blaming("defaults.run"):
            return Scope(
                base,
                env,
                state.steps,
                defaults_shell=shell.string(contexts) if shell else None,
                defaults_directory=directory.string(contexts) if directory else None,
            )

    def _container_contexts(self) -> dict[str, Any]:
        """Return what the job's containers are worked out with, before there is any."""
        base = {**self.contexts, "runner": self._runner("Linux", TEMP, WORKSPACE), "job": job_context({}, {})}
        return {**base, "env": self._env(base)}

    def _env(self, contexts: Mapping[str, Any]) -> dict[str, str]:
        env = {**evaluate_env(self.workflow.env, contexts), **evaluate_env(self.model.env, contexts)}
        return {**env, **self.facts.source.get("env", {})}

    def _runner(self, os: str, temp: str, workspace: str) -> dict[str, Any]:
        return {
            "os": os,
            "arch": _architecture(),
            "name": self.lease.worker,
            "temp": temp,
            "tool_cache": TOOL_CACHE,
            "workspace": posixpath.dirname(workspace),
            "environment": "self-hosted",
            "debug": "1" if self.debug else "",
        }

    def base_env(self) -> dict[str, str]:
        """Return the variables that a workflow may override."""
        asked = dict.fromkeys(("ACTIONS_STEP_DEBUG", "ACTIONS_RUNNER_DEBUG"), "true") if self.facts.job.debug else {}
        if self.box_plan.executor == HOST:
            return {"CI": "true", **asked}
        # In a container the workspace may belong to another user than git runs as; tell git that this is fine.
        safe = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
        return {"CI": "true", **asked, **safe}

    def own_env(self, box: Box, event_path: str) -> dict[str, str]:
        """Return the variables of the runner itself."""
        variables = default_variables(self.contexts["github"], self.facts.job.own_key)
        variables.pop("CI", None)
        return {
            **variables,
            "GITHUB_WORKSPACE": box.workspace,
            "GITHUB_EVENT_PATH": event_path,
            "GITHUB_RETENTION_DAYS": str(int(self._settings.retention.artifacts_s // 86400)),
            "RUNNER_OS": self._os,
            "RUNNER_ARCH": _architecture(),
            "RUNNER_NAME": self.lease.worker,
            "RUNNER_TEMP": box.temp,
            "RUNNER_TOOL_CACHE": TOOL_CACHE,
            "RUNNER_WORKSPACE": posixpath.dirname(box.workspace),
            "RUNNER_ENVIRONMENT": "self-hosted",
            "TREADLE": "true",
            "TREADLE_ATTEMPT": str(self.lease.number),
            "TREADLE_JOB_ID": str(self.lease.job_id),
            **({"RUNNER_DEBUG": "1"} if self.debug else {}),
        }

    @property
    def allows_unsecure(self) -> bool:
        """Whether the workflow takes set-env and add-path back, which GitHub switched off for being unsafe."""
        asked = {**self.workflow.env, **self.model.env}.get("ACTIONS_ALLOW_UNSECURE_COMMANDS")
        return asked is not None and asked.text == "true"

    @property
    def _os(self) -> str:
        if self.box_plan.executor != HOST:
            return "Linux"
        return {"Darwin": "macOS"}.get(platform.system(), platform.system())

    # -- what lasts -------------------------------------------------------------------------------------------------

    def tolerates(self) -> bool:
        """Whether the run passes although this job failed. Raises ExpressionError."""
        template = self.model.continue_on_error
        with blaming("continue-on-error"):
            return template is not None and template.value(self.contexts) in (True, "true")

    def environment_url(self, contexts: Mapping[str, Any]) -> str:
        """Return where what the job deployed can be seen, "" for nowhere; `contexts` are those of its end.

        Raises ExpressionError, also for what is no web address.
        """
        url = environment_url(self.model, contexts)
        if url and not url.lower().startswith(("https://", "http://")):
            raise ExpressionError("evaluation", f"environment.url is no web address: {url}")
        if len(url) > LONGEST_URL:
            raise ExpressionError("evaluation", f"environment.url is longer than {LONGEST_URL} characters.")
        return url

    def seal(self, state: Mapping[str, Any]) -> Any:
        """Return the state as it may lie in the database: encrypted when the job has secrets to lose."""
        if not self.hidden and not state.get("known", {}).get("masks"):
            return dict(state)
        sealed = self._store.secrets.seal({"state": json.dumps(state)})
        return {"sealed": sealed.decode() if sealed else ""}

    def kept_state(self) -> JobState | None:
        """Return the state that an earlier engine kept of this attempt, None when no step had begun."""
        kept = self._store.queries.attempt_state(self.lease.attempt_id)
        return JobState.from_json(self.unseal(kept)) if kept else None

    def unseal(self, kept: Any) -> Any:
        """Return what was sealed."""
        return unsealed(self._store, kept)


def unsealed(store: Store, kept: Any) -> Any:
    """Return what `Assignment.seal` was given."""
    if "sealed" in kept:
        return json.loads(store.secrets.open(kept["sealed"].encode())["state"])
    return kept


def _architecture() -> str:
    return ARCHITECTURES.get(platform.machine().lower(), platform.machine())
