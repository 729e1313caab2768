"""What the steps of a job pass on to each other, and what their expressions may see of it.

The state is plain JSON at each step boundary, so that a restarted engine can go on where the last one stopped.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pipelines.errors import ExpressionError
from pipelines.template import Template


@dataclass
class JobState:
    """Grows with every step. `env` and `paths` are what GITHUB_ENV and GITHUB_PATH set.

    `index` is the step to run next, `script` the number of the next script that the driver gets (a step may need
    several), `running` the script of a plain `run:` step in flight: only such a step can be taken up again, with what
    is left of its `timeout_s` since `began_at`.
    """

    index: int = 0
    script: int = 0
    running: int | None = None
    timeout_s: float | None = None
    began_at: str = ""
    status: str = "success"
    env: dict[str, str] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)
    steps: dict[str, Any] = field(default_factory=dict)

    def next_script(self) -> int:
        """Return a number that no script of the attempt has had."""
        number = self.script
        self.script += 1
        return number

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "JobState":
        return cls(**data)


@dataclass(frozen=True)
class Scope:
    """Where a list of steps runs: the job itself, or a composite action within it.

    `base` are the contexts that stay the same, `env` the layers below GITHUB_ENV's values (workflow and job) and
    `outer_env` those above (the calling step's, inside an action). `steps` is this level's own `steps` context; at
    the top it belongs to the job's state. `after_cancel`: the level began when the job was cancelled, or out of time,
    already, so that its steps go by their own success alone.
    """

    base: Mapping[str, Any]
    env: Mapping[str, str]
    steps: dict[str, Any]
    outer_env: Mapping[str, str] = field(default_factory=dict)
    defaults_shell: str | None = None
    defaults_directory: str | None = None
    action_path: str = ""
    depth: int = 0
    after_cancel: bool = False


def step_env(scope: Scope, state: JobState) -> dict[str, str]:
    """Return the environment below a step's own `env:`: workflow, job, GITHUB_ENV's values, the calling step's."""
    return {**scope.env, **state.env, **scope.outer_env}


def scope_contexts(scope: Scope, state: JobState, status: str, more_env: Mapping[str, str] | None = None) -> Any:
    """Return every context that a step's expressions may name. `status` is that of the level it runs in."""
    github = dict(scope.base["github"])
    if scope.action_path:
        github |= {"action_path": scope.action_path, "action_status": status}
    return {
        **scope.base,
        "github": github,
        "env": {**step_env(scope, state), **(more_env or {})},
        "steps": scope.steps,
        "job": {**scope.base.get("job", {}), "status": state.status},
    }


def status_functions(status: str, *, cancelled: bool) -> dict[str, Callable[..., bool]]:
    """Return success(), failure(), cancelled() and always() for a level whose status so far is `status`."""
    return {
        "success": lambda *_: status == "success",
        "failure": lambda *_: status == "failure",
        "cancelled": lambda *_: cancelled,
        "always": lambda *_: True,
    }


def evaluate_env(
    templates: Mapping[str, Template],
    contexts: Mapping[str, Any],
    functions: Mapping[str, Callable[..., Any]] | None = None,
) -> dict[str, str]:
    """Return an `env:` mapping as text. Raises ExpressionError that names the variable."""
    found = {}
    for name, template in templates.items():
        with blaming(f"env.{name}"):
            found[name] = template.string(contexts, functions)
    return found


@contextmanager
def blaming(what: str) -> Iterator[None]:
    """Have an ExpressionError say which key of the workflow it comes from."""
    try:
        yield
    except ExpressionError as error:
        raise ExpressionError(error.kind, f"`{what}` cannot be worked out: {error.message}") from error
