"""What a workflow and a job may both say: defaults, concurrency, permissions."""

from pipelines.model import Concurrency, Defaults, Permissions
from pipelines.reading import Names, Reader, is_null
from pipelines.source import Mapping, Node

NOWHERE: Names = (frozenset(), frozenset())
"""For texts in which GitHub evaluates no expression."""

_MOST_AT_ONCE = 10_000
_SCOPES = (
    "actions", "artifact-metadata", "attestations", "checks", "code-quality", "contents", "deployments", "discussions",
    "drives", "issues", "packages", "pages", "pull-requests", "repository-projects", "security-events", "statuses",
)  # fmt: skip
_READ, _WRITE, _ANY = ("read", "none"), ("write", "none"), ("read", "write", "none")
PERMISSIONS = dict.fromkeys(_SCOPES, _ANY) | {
    "copilot-requests": _WRITE,
    "id-token": _WRITE,
    "models": _READ,
    "vulnerability-alerts": _READ,
}
"""What a token of GitHub's may be allowed, and the words for how much."""


def parse_defaults(reader: Reader, node: Node | None, names: str | Names) -> Defaults:
    if node is None:
        return Defaults()
    fields = reader.fields(node, "defaults", ("run",))
    if "run" not in fields:
        return Defaults()
    run = reader.fields(fields["run"], "defaults.run", ("shell", "working-directory"))
    return Defaults(
        reader.template(run.get("shell"), "defaults.run.shell", names, empty=False),
        reader.template(run.get("working-directory"), "defaults.run.working-directory", names, empty=False),
    )


def parse_concurrency(reader: Reader, node: Node | None, position: str) -> Concurrency | None:
    """Return `concurrency:`: a group's name, or a mapping. `queue: all` and `limit: N` are Treadle's own."""
    if node is None:
        return None
    if not isinstance(node, Mapping):
        group = reader.template(node, "concurrency", position, empty=False)
        return None if group is None else Concurrency(group, None, node.place)
    fields = reader.fields(node, "concurrency", ("group", "cancel-in-progress", "queue", "limit"), ("group",))
    group = reader.template(fields.get("group"), "concurrency.group", position, empty=False)
    cancel = reader.flag(fields.get("cancel-in-progress"), "concurrency.cancel-in-progress", position)
    queue = reader.choice(fields.get("queue"), "concurrency.queue", ("single", "max", "all"))
    limit = reader.whole(fields.get("limit"), "concurrency.limit", 1, _MOST_AT_ONCE)
    if group is None:
        return None
    return Concurrency(group, cancel, node.place, queue_all=queue in ("max", "all"), limit=limit or 1)


def parse_permissions(reader: Reader, node: Node | None) -> Permissions | None:
    """Return what `permissions:` allows, scope by scope. It gives nothing, for there is no token to limit: only what a
    job may hand on to a workflow that it calls is held against it."""
    if node is None:
        return None
    found: dict[str, str] = {}
    if isinstance(node, Mapping):
        fields = reader.fields(node, "permissions", PERMISSIONS)
        for name, value in fields.items():
            found[name] = reader.choice(value, f"permissions.{name}", PERMISSIONS[name]) or "none"
    elif is_null(node):
        reader.error(node.place, "permissions is empty", "write {} for none")
    elif (every := reader.choice(node, "permissions", ("read-all", "write-all"))) is not None:
        level = every.removesuffix("-all")
        less = {"write": "read", "read": "none"}[level]
        found = {name: level if level in words else less for name, words in PERMISSIONS.items()}
    hint = "a token of yours, kept with `treadle secret set GITHUB_TOKEN`, may do what it was made for"
    reader.warn(node.place, "permissions has no effect: Treadle issues no GitHub token", hint)
    return found
