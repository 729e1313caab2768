"""What the steps of a job pass on to each other, and what their expressions may see of it.

The state is plain JSON at each step boundary, so that a restarted engine can go on where the last one stopped.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field
from typing import Any

from pipelines.errors import ExpressionError
from pipelines.json_value import Json
from pipelines.model import Tree
from pipelines.records import dataclass
from pipelines.template import WHOLE, Template, resolve
from pipelines.values import kind_of, to_string

Way = tuple[int, ...]
"""Which step of the job, which step of the action that it uses, and so on inwards."""
Before = tuple[Way, str]
"""What is to run before the steps of a job: of which step's action, and its title."""


@dataclass
class Hook:
    """What an action wants run before or after the job's own steps, with all that it needs worked out.

    `condition` is its `pre-if` or `post-if`, '' for always. `given` are the action's inputs, `env` what its step added,
    `program` what is run (see engine/worker/actions/runner.py), `state` what was saved for it so far; what the script
    with the number `script` saves is added to it.
    """

    title: str
    kind: str  # node, docker or built-in
    uses: str
    action: str  # GITHUB_ACTION
    condition: str
    given: dict[str, str]
    env: dict[str, str]
    program: dict[str, Any]
    state: dict[str, str] = field(default_factory=dict)
    script: int = -1


@dataclass
class JobState:
    """Grows with every step. `env` and `paths` are what GITHUB_ENV and GITHUB_PATH set.

    `index` is the step to run next, `script` the number of the next script that the driver gets (a step may need
    several), `running` the script of a plain `run:` step, or of a node action's, in flight: only such a step can be
    taken up again, with what is left of its `timeout_s` since `began_at`.

    `offset` is where the job's own steps begin among all that are shown. `pre` counts the hooks run before them, and
    `saved` is what those saved, by the way to their step; `posts` are the hooks to be run after them, the last one
    first, `posted` how many were, and `hook` the one that is being run. `failure` is the first that counts.

    `known` is what the log of the attempt that this one goes on from had learnt: see engine/worker/log/job_log.py.
    `between`: no step is in flight, and the next one has done nothing yet. `stopped_by`: why only always() steps run
    any more (see engine/worker/steps/script_runner.py).
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
    offset: int = 0
    pre: int = 0
    saved: dict[str, dict[str, str]] = field(default_factory=dict)
    posts: list[Hook] = field(default_factory=list)
    posted: int = 0
    hook: Hook | None = None
    failure: dict[str, Any] | None = None
    known: dict[str, Any] = field(default_factory=dict)
    between: bool = False
    stopped_by: str = ""

    def next_script(self) -> int:
        """Return a number that no script of the attempt has had."""
        number = self.script
        self.script += 1
        return number

    def to_json(self) -> dict[str, Any]:
        """Return a copy that nothing which follows changes, as plain JSON."""
        copied: dict[str, Any] = _copied(self)
        return copied

    def saved_before(self, way: Way) -> dict[str, str] | None:
        """Return what the action of the step now run, or one within it, saved before all steps; None if it had no
        turn then."""
        return self.saved.get(way_key((self.index, *way)))

    def keep_saved(self, script: int, values: Mapping[str, str]) -> None:
        """Give what a script saved with GITHUB_STATE to the hook that it is of."""
        for hook in (*self.posts, *([self.hook] if self.hook else [])):
            if hook.script == script:
                hook.state.update(values)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "JobState":
        posts = [Hook(**hook) for hook in data.get("posts", ())]
        hook = Hook(**data["hook"]) if data.get("hook") else None
        return cls(**{**data, "posts": posts, "hook": hook})


def _copied(value: Any) -> Any:
    """Return a copy of JSON, with hooks and the like in it: what `asdict` does, in a fourth of the time."""
    if isinstance(value, dict):
        return {name: _copied(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_copied(one) for one in value]
    if isinstance(value, (Hook, JobState)):
        return {name: _copied(one) for name, one in vars(value).items()}
    return value


def way_key(way: Way) -> str:
    return ".".join(map(str, way))


@dataclass(frozen=True)
class Scope:
    """Where a list of steps runs: the job itself, or a composite action within it.

    `base` are the contexts that stay the same, `env` the layers below GITHUB_ENV's values (workflow and job) and
    `outer_env` those above (the calling step's, inside an action). `steps` is this level's own `steps` context; at
    the top it belongs to the job's state. `action_path` is the action's folder in the box, `action_origin` the
    action_repository and action_ref of one from elsewhere, `way` which of its steps is run, after those that led to it.
    `after_cancel`: the level began when the job was cancelled,
    or out of time, already, so that its steps go by their own success alone.
    """

    base: Mapping[str, Any]
    env: Mapping[str, str]
    steps: dict[str, Any]
    outer_env: Mapping[str, str] = field(default_factory=dict)
    defaults_shell: str | None = None
    defaults_directory: str | None = None
    action_path: str = ""
    action_origin: Mapping[str, str] = field(default_factory=dict)
    depth: int = 0
    way: Way = ()
    after_cancel: bool = False


def step_env(scope: Scope, state: JobState) -> dict[str, str]:
    """Return the environment below a step's own `env:`: workflow, job, GITHUB_ENV's values, the calling step's."""
    return {**scope.env, **state.env, **scope.outer_env}


def scope_contexts(scope: Scope, state: JobState, status: str, more_env: Mapping[str, str] | None = None) -> Any:
    """Return every context that a step's expressions may name. `status` is that of the level it runs in."""
    github = dict(scope.base["github"])
    if scope.action_path:
        github |= {"action_path": scope.action_path, "action_status": status, **scope.action_origin}
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
    return evaluate_table("env", templates, contexts, functions)


def evaluate_table(
    what: str,
    table: Mapping[str, Tree],
    contexts: Mapping[str, Any],
    functions: Mapping[str, Callable[..., Any]] | None = None,
) -> dict[str, str]:
    """Return a table as text, also one that is a single expression. Raises ExpressionError that names the entry."""
    found: dict[str, str] = {}
    for name, tree in table.items():
        with blaming(what if name == WHOLE else f"{what}.{name}"):
            value = resolve(tree, contexts, functions)
            found |= _texts(value) if name == WHOLE else {name: to_string(value)}
    return found


def _texts(value: Json) -> dict[str, str]:
    if not isinstance(value, dict):
        raise ExpressionError("evaluation", f"it must be a mapping, not {kind_of(value)}")
    for name, inner in value.items():
        if isinstance(inner, (list, dict)):
            raise ExpressionError("evaluation", f"{name} must be text, not {kind_of(inner)}")
    return {name: to_string(inner) for name, inner in value.items()}


@contextmanager
def blaming(what: str) -> Iterator[None]:
    """Have an ExpressionError say which key of the workflow it comes from."""
    try:
        yield
    except ExpressionError as error:
        raise ExpressionError(error.kind, f"`{what}` cannot be worked out: {error.message}") from error
