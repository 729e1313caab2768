"""The workflow as written: frozen, positioned, every `${{ }}` parsed but none evaluated.

Read this first. A `Template` is text that may hold expressions; a `Tree` is JSON whose strings are templates.
Keys that a file does not set are None (or empty), never a default: defaults belong to who acts on them.
"""

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, TypeAlias

from pipelines.errors import Finding, Place
from pipelines.records import dataclass

if TYPE_CHECKING:
    from pipelines.template import Condition, Template

Tree: TypeAlias = "bool | int | float | Template | list[Tree] | dict[str, Tree] | None"
Permissions: TypeAlias = Mapping[str, str]
"""How much each scope of a token is allowed: none (as when it is not there), read or write."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """One event of `on:`. `filters` holds its lists by key: branches, branches-ignore, tags, tags-ignore, paths,
    paths-ignore, types, workflows, cron (schedule; one string an entry) and, where an entry sets it, timezone (""
    for the others). `secrets` are those that workflow_call declares: whether each is required; `outputs` its own."""

    event: str
    place: Place
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    inputs: Mapping[str, "Input"] = field(default_factory=dict)
    secrets: Mapping[str, bool] = field(default_factory=dict)
    outputs: "Mapping[str, Template]" = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Input:
    """An input of workflow_dispatch, workflow_call or an action.

    `type` is string, boolean, number, choice or environment; those of an action are strings. `deprecated` is what to
    tell who still gives it.
    """

    name: str
    type: str
    place: Place
    required: bool = False
    default: "Tree" = None
    options: tuple[str, ...] = ()
    description: str = ""
    deprecated: str = ""


@dataclass(frozen=True, slots=True)
class Defaults:
    """`defaults.run` of a workflow or a job."""

    shell: "Template | None" = None
    working_directory: "Template | None" = None


@dataclass(frozen=True, slots=True)
class Concurrency:
    group: "Template"
    cancel_in_progress: "Template | None"
    place: Place
    queue_all: bool = False
    limit: int = 1


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When a failed attempt is tried again. Delays in seconds; `max` counts retries, not attempts.

    `on` is a subset of failure, timed_out, oom, infrastructure and flaky, which is what failed before and then passed
    at the same commit.
    """

    max: int = 0
    backoff_s: float = 10.0
    factor: float = 2.0
    max_delay_s: float = 300.0
    jitter: float = 0.1
    on: tuple[str, ...] = ("failure", "timed_out", "oom", "infrastructure")


@dataclass(frozen=True, slots=True)
class Resources:
    cpus: float | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Container:
    """`container:` of a job, or one of its `services:`.

    Without an image after evaluation the job runs on its label's, and a service is left out. `entrypoint` and
    `command` are a service's alone.
    """

    image: "Template"
    place: Place
    env: Mapping[str, "Template"] = field(default_factory=dict)
    options: "Template | None" = None
    ports: tuple["Template", ...] = ()
    volumes: tuple["Template", ...] = ()
    credentials: Mapping[str, "Template"] = field(default_factory=dict)
    entrypoint: "Template | None" = None
    command: "Template | None" = None


@dataclass(frozen=True, slots=True)
class Strategy:
    """`strategy:`. `matrix` is the mapping as written (vectors, include, exclude) or one whole-value template.

    `whole` is set instead of all else when the strategy is one expression.
    """

    matrix: "Tree"
    place: Place
    fail_fast: "Template | None" = None
    max_parallel: "Template | None" = None
    whole: "Template | None" = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step: exactly one of `run` and `uses` is set. `key` is the id, given or empty.

    `with_` and `env`, and those of jobs and workflows, may be one expression: see `template.WHOLE`.
    """

    place: Place
    key: str = ""
    name: "Template | None" = None
    condition: "Condition | None" = None
    run: "Template | None" = None
    uses: str | None = None
    uses_place: Place | None = None
    with_: Mapping[str, "Tree"] = field(default_factory=dict)
    env: "Mapping[str, Template]" = field(default_factory=dict)
    shell: "Template | None" = None
    working_directory: "Template | None" = None
    continue_on_error: "Template | None" = None
    timeout_minutes: "Template | None" = None


@dataclass(frozen=True, slots=True)
class Job:
    """One job as written. `uses` calls a reusable workflow; then `steps` is empty and `runs_on` None.

    `place` is that of the job's key. `runs_on` is one label or a list of them. `unsupported` says what of the job this
    version cannot honour: unless empty, the job must not be started. `timeout_minutes`, `continue_on_error` and the
    like are templates, for they may hold expressions; plain numbers and booleans are kept as templates without one.
    """

    key: str
    place: Place
    name: "Template | None" = None
    needs: tuple[str, ...] = ()
    condition: "Condition | None" = None
    runs_on: "Tree" = None
    container: Container | None = None
    services: Mapping[str, Container] = field(default_factory=dict)
    env: "Mapping[str, Template]" = field(default_factory=dict)
    defaults: Defaults = Defaults()
    outputs: "Mapping[str, Template]" = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    strategy: Strategy | None = None
    continue_on_error: "Template | None" = None
    timeout_minutes: "Template | None" = None
    concurrency: Concurrency | None = None
    environment: "Tree" = None
    retry: RetryPolicy | None = None
    priority: int | None = None
    resources: Resources | None = None
    checkpoint: bool | None = None
    hold: bool | None = None
    uses: str | None = None
    uses_place: Place | None = None
    with_: Mapping[str, "Tree"] = field(default_factory=dict)
    secrets: "Mapping[str, Template] | None" = None
    inherit_secrets: bool = False
    permissions: Permissions | None = None
    unsupported: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Workflow:
    """A whole file. `findings` are the warnings that it was accepted with, in source order."""

    path: str
    name: str | None
    on: tuple[Trigger, ...]
    jobs: Mapping[str, Job]
    run_name: "Template | None" = None
    env: "Mapping[str, Template]" = field(default_factory=dict)
    defaults: Defaults = Defaults()
    concurrency: Concurrency | None = None
    priority: int | None = None
    permissions: Permissions | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def title(self) -> str:
        """The name people see: `name:`, else the path, as GitHub shows it."""
        return self.name or self.path


@dataclass(frozen=True, slots=True)
class Action:
    """An action.yml. `using` is composite, docker or a node version; only a composite one has `steps`.

    `main`, `pre` and `post` are a node action's scripts, `image` a docker action's Dockerfile or docker:// image. What
    begins with `pre` and `post` runs before and after the job's steps, by default always.
    """

    path: str
    name: str
    using: str
    place: Place
    inputs: Mapping[str, Input] = field(default_factory=dict)
    outputs: "Mapping[str, Template]" = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    main: str = ""
    pre: str = ""
    post: str = ""
    image: str = ""
    entrypoint: str = ""
    pre_entrypoint: str = ""
    post_entrypoint: str = ""
    args: "tuple[Template, ...] | None" = None
    env: "Mapping[str, Template]" = field(default_factory=dict)
    pre_if: "Condition | None" = None
    post_if: "Condition | None" = None
    findings: tuple[Finding, ...] = ()
