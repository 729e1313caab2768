"""What the steps of a job pass on to each other, and what their expressions may see of it.

The state is plain JSON at each step boundary, so that a restarted engine can go on where the last one stopped.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.core.scheduling import status_functions
from pipelines.template import Template


@dataclass
class JobState:
    """Grows with every step. `env` and `paths` are what GITHUB_ENV and GITHUB_PATH set.

    `index` is the step to run next, `script` the number of the next script that the driver gets (a step may need
    several), `running` the script of a plain `run:` step in flight: only such a step can be taken up again.
    """

    index: int = 0
    script: int = 0
    running: int | None = None
    status: str = "success"
    env: dict[str, str] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)
    steps: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "JobState":
        return cls(**data)


@dataclass(frozen=True)
class Scope:
    """Where a list of steps runs: the job itself, or a composite action within it.

    `base` are the contexts that stay the same, `env` the layers below GITHUB_ENV's values (workflow and job) and
    `outer_env` those above (the calling step's, inside an action). `steps` is this level's own `steps` context and
    `status` the success so far at this level; both belong to the job's state at the top.
    """

    base: Mapping[str, Any]
    env: Mapping[str, str]
    outer_env: Mapping[str, str]
    steps: dict[str, Any]
    defaults_shell: str | None = None
    defaults_directory: str | None = None
    action_path: str = ""
    depth: int = 0


def scope_contexts(scope: Scope, env: Mapping[str, str], status: str) -> dict[str, Any]:
    """Return every context that a step's expressions may name. `status` is that of the level it runs in."""
    github = dict(scope.base["github"])
    if scope.action_path:
        github["action_path"] = scope.action_path
    return {
        **scope.base,
        "github": github,
        "env": dict(env),
        "steps": scope.steps,
        "job": {**scope.base.get("job", {}), "status": status},
    }


def step_env(scope: Scope, state: JobState) -> dict[str, str]:
    """Return the environment below a step's own `env:`: workflow, job, GITHUB_ENV's values, the calling step's."""
    return {**scope.env, **state.env, **scope.outer_env}


def functions_for(status: str, *, cancelled: bool) -> dict[str, Callable[..., Any]]:
    """Return success(), failure(), cancelled() and always() for a level whose status so far is `status`."""
    return dict(status_functions(ok=status == "success", failed=status == "failure", cancelled=cancelled))


def evaluate_env(
    templates: Mapping[str, Template],
    contexts: Mapping[str, Any],
    functions: Mapping[str, Callable[..., Any]] | None = None,
) -> dict[str, str]:
    """Return an `env:` mapping as text. Raises ExpressionError."""
    return {name: template.string(contexts, functions) for name, template in templates.items()}
