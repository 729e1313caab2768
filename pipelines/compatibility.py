"""Every key of GitHub's workflow syntax and what becomes of it here, with Treadle's own: the table behind the docs.

A row says it of one key. What the parser has tables for itself (events, permissions, contexts, functions, kinds of
actions) is taken from there. Tests hold that rows and the parser's keys are the same, and that what is said to be
refused, or to change nothing, is.
"""

from collections.abc import Iterable
from enum import StrEnum

from pipelines.contexts import CONTEXTS, SPECIAL_FUNCTIONS
from pipelines.events import ANY_TYPE, CALLER, CLOCK, EVENTS, RUN, EventKind
from pipelines.functions import ARITIES
from pipelines.parse_defaults import PERMISSIONS
from pipelines.records import dataclass


class Verdict(StrEnum):
    """What becomes of a key."""

    HONOURED = "honoured"
    DIFFERS = "differs"
    REFUSED = "refused"
    OWN = "Treadle's own"


@dataclass(frozen=True, slots=True)
class Row:
    """One key. `says` how it differs, or why it is refused.

    `example` is the key with a value, as it is refused, or such that `validate` warns of it.
    """

    key: str
    verdict: Verdict = Verdict.HONOURED
    says: str = ""
    example: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """The keys of one mapping of the language, with where it stands, spelt as GitHub does."""

    place: str
    rows: tuple[Row, ...]


def _as_on_github(keys: str) -> tuple[Row, ...]:
    return tuple(Row(key) for key in keys.split())


def _differs(key: str, says: str, example: str = "") -> Row:
    return Row(key, Verdict.DIFFERS, says, example)


def _refused(key: str, why: str, example: str) -> Row:
    return Row(key, Verdict.REFUSED, why, example)


def _own(key: str, says: str) -> Row:
    return Row(key, Verdict.OWN, says)


_SNAPSHOT = ("image-name", "if", "version")
_NO_TOKEN = (
    "changes nothing, and `validate` says so: a `GITHUB_TOKEN` is yours to keep, with what it may do; as on GitHub, a "
    "called workflow may not ask for more than its caller has"
)
_IN_TURN = "steps run one after the other"
_UNSHOWN = "read, shown nowhere"
_NO_EFFECT = "changes nothing, and `validate` says so"
_AS_IN_THE_JOB = "as in the job, and before it"
_CONTAINER = (
    *_as_on_github("image env credentials"),
    _differs(
        "ports",
        "on this machine's loopback alone; those of services in Docker lead from the job's own localhost instead",
    ),
    _differs("volumes", "named and anonymous ones, gone with the job; a path of this machine is refused"),
    _differs("options", "flags that Treadle knows; others are refused, those that open the machine with their reason"),
)
_CONCURRENCY = (
    *_as_on_github("group cancel-in-progress"),
    _differs("queue", "`single` and `max` as on GitHub; `all`, of Treadle's own, is the same as `max`"),
    _own("limit", "how many of the group run at once (1)"),
)
_INPUT = "description type required default"
_JOB = (
    *_as_on_github("name needs if strategy concurrency env outputs defaults steps timeout-minutes continue-on-error"),
    *_as_on_github("container services uses with secrets"),
    _differs(
        "runs-on", "each label is looked up in `labels:` of treadle.yml: an image, or `host`, this machine itself"
    ),
    _differs(
        "environment", "its secrets, `vars`, branches and approval are what treadle.yml and `secret set` say of it"
    ),
    _differs("permissions", _NO_TOKEN, "permissions: {contents: read}"),
    _differs("cancel-timeout-minutes", f"{_NO_EFFECT}: `grace:` in treadle.yml holds", "cancel-timeout-minutes: 5"),
    _refused("snapshot", "images of GitHub's own machines", "snapshot: an-image"),
    _own("retry", "how often a failed job is tried again, and when"),
    _own("priority", "from -100 to 100; a larger one is run first"),
    _own("resources", "the most that its container may take"),
    _own("checkpoint", "`true`: what it is after each green step is kept, for `treadle retry JOB --step N`"),
    _own("hold", "`on-failure`: the box of a step that fails it for good stays, for `treadle shell JOB`; `never`"),
)
_STEP = (
    *_as_on_github("name id if env run uses with continue-on-error timeout-minutes"),
    _differs("shell", "`bash`, `sh`, `pwsh`, `python` or a command with `{0}`, as far as the image has it"),
    _differs("working-directory", "has to be there"),
    _refused("background", _IN_TURN, "background: true"),
    _refused("wait", _IN_TURN, "wait: one"),
    _refused("wait-all", _IN_TURN, "wait-all: true"),
    _refused("cancel", _IN_TURN, "cancel: one"),
    _refused("parallel", _IN_TURN, "parallel: [{run: x}]"),
)
_RETRY = (
    _own("max", "how many times (also `retry: 3`), up to 100"),
    _own("backoff", "the first pause, such as `10s`"),
    _own("factor", "by how much each pause is longer than the one before"),
    _own("max-delay", "the longest pause"),
    _own("jitter", "the share of a pause that chance may add"),
    _own("on", "what is tried again: `failure`, `timed_out`, `oom`, `infrastructure`; `flaky`: what comes and goes"),
)
_RUNS = (
    _differs(
        "using",
        "`composite`, `docker`, `node12` to `node24`, on the node that the image has, else on the one that `node:` in "
        "treadle.yml names; others are refused",
    ),
    *_as_on_github("steps main"),
    Row("pre", says="and not run, with a warning, where GitHub does neither: below an action of the same repository"),
    *_as_on_github("pre-if post post-if"),
    _differs(
        "image", "the container has the job's files and network, and no Docker socket; the classic builder builds it"
    ),
    *_as_on_github("args env entrypoint"),
    _differs("pre-entrypoint", "run right before the entrypoint, not before the job's other steps"),
    *_as_on_github("post-entrypoint"),
)
_POLICY = tuple(_own(key, _AS_IN_THE_JOB) for key in ("retry", "priority", "timeout-minutes", "checkpoint", "hold"))

_PARTS = (
    Part(
        "workflow",
        (
            *_as_on_github("name run-name on env defaults concurrency jobs"),
            _differs("permissions", _NO_TOKEN, "permissions: read-all"),
            _differs("description", _UNSHOWN),
            _own("priority", "from -100 to 100, of all its jobs"),
        ),
    ),
    Part("on.schedule", _as_on_github("cron timezone")),
    Part("on.workflow_dispatch", _as_on_github("inputs")),
    Part("on.workflow_dispatch.inputs.<input_id>", _as_on_github(f"{_INPUT} options")),
    Part("on.workflow_call", _as_on_github("inputs secrets outputs")),
    Part("on.workflow_call.inputs.<input_id>", _as_on_github(_INPUT)),
    Part("on.workflow_call.secrets.<secret_id>", _as_on_github("description required")),
    Part("on.workflow_call.outputs.<output_id>", _as_on_github("description value")),
    Part("defaults", _as_on_github("run")),
    Part("defaults.run", _as_on_github("shell working-directory")),
    Part("concurrency", _CONCURRENCY),
    Part("permissions", tuple(_differs(scope, _NO_EFFECT) for scope in PERMISSIONS)),
    Part("jobs.<job_id>", _JOB),
    Part(
        "jobs.<job_id>.runs-on",
        (
            *_as_on_github("labels"),
            _differs("group", f"{_NO_EFFECT}: there are no groups; refused without labels", "{group: big, labels: x}"),
        ),
    ),
    Part("jobs.<job_id>.strategy", _as_on_github("matrix fail-fast max-parallel")),
    Part("jobs.<job_id>.container", _CONTAINER),
    Part("jobs.<job_id>.container.credentials", _as_on_github("username password")),
    Part("jobs.<job_id>.services.<service_id>", (*_CONTAINER, *_as_on_github("entrypoint command"))),
    Part(
        "jobs.<job_id>.environment",
        (*_as_on_github("name url"), _differs("deployment", "read; no deployment is recorded beside the run itself")),
    ),
    Part("jobs.<job_id>.snapshot", tuple(_refused(key, "as is `snapshot`", "") for key in _SNAPSHOT)),
    Part("jobs.<job_id>.retry", _RETRY),
    Part("jobs.<job_id>.resources", (_own("cpus", "such as 1.5"), _own("memory", "such as `2g`"))),
    Part("jobs.<job_id>.steps[*]", _STEP),
    Part(
        "action.yml",
        (
            *_as_on_github("name inputs outputs runs"),
            *(_differs(key, _UNSHOWN) for key in ("author", "description", "branding")),
        ),
    ),
    Part(
        "action.yml: inputs.<input_id>",
        (
            *_as_on_github("default required deprecationMessage"),
            *(_differs(key, _UNSHOWN) for key in ("description", "type")),
        ),
    ),
    Part("action.yml: outputs.<output_id>", (*_as_on_github("value"), _differs("description", _UNSHOWN))),
    Part("action.yml: runs", _RUNS),
    Part(
        "action.yml: runs.steps[*]",
        _as_on_github("name id if env run shell working-directory uses with continue-on-error"),
    ),
    Part(".treadle/policy.yml: <workflow file>.<job_id>", _POLICY),
)

_STARTED = {CLOCK: "by the clock", CALLER: "by a workflow that calls it", RUN: "by a run of another workflow here"}
_EVENT_NOTES = {
    "pull_request": "of a fork: as `fork_prs:` says it waits for approval, runs or does not, always without secrets",
    "pull_request_target": "of a fork: like `pull_request`, without secrets as well",
    "schedule": "what was missed while the engine was away is run once",
}

_CONTEXT_NOTES = {
    "github": "`token` is the secret `GITHUB_TOKEN` that `secret set` keeps; without it, empty",
    "secrets": "those of the repository and of the job's environment; there is no `GITHUB_TOKEN` but one that you keep",
    "vars": "those of treadle.yml, for the repository and the job's environment, and what `--var` gives",
    "runner": "`environment` is `self-hosted`",
    "job": "`container`, `services` and `status`",
}
_FUNCTION_NOTES = {"hashFiles": "worked out in the job's container, by its own tools"}

OUTSIDE = (
    (
        "A called workflow that is no part of the file",
        "`validate` is given the one file: what that calls, unless it is there as well, cannot be held against it. A "
        "run looks at it, and is refused before it starts where inputs, secrets, depth or the number of jobs do not "
        "fit. Where nobody says what is permitted everything is, for GitHub's default is a setting of its own.",
        (
            "errors-max-depth", "errors-max-job-limit-with-reusable-workflow",
            "errors-reusable-workflow-job-inputs-required",
            "errors-reusable-workflow-job-inputs-type-mismatch", "errors-reusable-workflow-job-secrets-required",
            "errors-reusable-workflow-permissions-not-allowed-*",
        ),
    ),
)  # fmt: skip
"""Cases of the test suite of GitHub's own language service that end otherwise here: what of it, why, and which."""


def parts() -> tuple[Part, ...]:
    """Return every mapping of the language with its keys, those of events included, in the order of reading."""
    return (*_PARTS[:1], Part("on", tuple(_event(name, kind) for name, kind in EVENTS.items())), *_PARTS[1:])


def filters() -> Part:
    """Return the filters of events, each with the events that take it."""
    takes = {name: [event for event, kind in EVENTS.items() if name in _filters(kind)] for name in known_filters()}
    return Part("on.<event>", tuple(Row(name, says=", ".join(events)) for name, events in takes.items()))


def known_filters() -> tuple[str, ...]:
    """Return all that an event may be filtered by."""
    return tuple(sorted({name for kind in EVENTS.values() for name in _filters(kind)}))


def contexts() -> tuple[Row, ...]:
    """Return the contexts of expressions."""
    return tuple(_noted(name, _CONTEXT_NOTES) for name in sorted(CONTEXTS))


def functions() -> tuple[Row, ...]:
    """Return the functions of expressions, those of all positions first."""
    return tuple(
        _noted(name, _FUNCTION_NOTES) for name in sorted(ARITIES, key=lambda name: (name in SPECIAL_FUNCTIONS, name))
    )


def keys(parts_: Iterable[Part]) -> dict[str, frozenset[str]]:
    """Return the keys by place."""
    return {part.place: frozenset(row.key for row in part.rows) for part in parts_}


def _filters(kind: EventKind) -> tuple[str, ...]:
    return (*(("types",) if kind.types else ()), *kind.filters)


def _event(name: str, kind: EventKind) -> Row:
    if kind.started_by is None:
        return _differs(name, "recorded when a forge tells of it; starts nothing, and `validate` says so")
    types = "any type" if kind.types == ANY_TYPE else ""
    how = _STARTED.get(kind.started_by, "")
    says = "; ".join(filter(None, (how, types, _EVENT_NOTES.get(name, ""))))
    return _differs(name, says) if name in _EVENT_NOTES else Row(name, says=says)


def _noted(name: str, notes: dict[str, str]) -> Row:
    return _differs(name, notes[name]) if name in notes else Row(name)
