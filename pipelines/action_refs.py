"""`uses:` taken apart: a folder of this repository, an image, an action elsewhere, a workflow to call."""

import posixpath
import re
from dataclasses import field, replace
from enum import StrEnum

from pipelines.records import dataclass

WORKFLOW_FOLDERS = (".treadle/workflows", ".forgejo/workflows", ".gitea/workflows", ".github/workflows")
"""Where workflows live, the preferred folder first."""

SETUP = frozenset(
    {
        "actions/setup-dotnet", "actions/setup-go", "actions/setup-java", "actions/setup-node", "actions/setup-python",
        "ruby/setup-ruby",
    }
)  # fmt: skip
"""The actions that look whether the image has the tool already."""

BUILT_IN = SETUP | {
    "actions/cache", "actions/cache/restore", "actions/cache/save", "actions/checkout", "actions/download-artifact",
    "actions/upload-artifact",
}  # fmt: skip
"""The actions that Treadle runs itself, whatever their ref."""

_OFFICIAL_HOSTS = frozenset({"github.com", "gitea.com", "code.forgejo.org", "data.forgejo.org"})
"""Where the actions of these names are copies of GitHub's."""

_REMOTE = re.compile(
    r"(?:https?://(?P<host>[^/@\s]+)/)?(?P<owner>[^/@\s:$]+)/(?P<repo>[^/@\s]+)(?P<path>/[^@\s]*)?@(?P<ref>\S+)"
)


class ActionKind(StrEnum):
    BUILT_IN = "built-in"
    LOCAL = "local"
    DOCKER = "docker"
    REMOTE = "remote"


@dataclass(frozen=True, slots=True)
class ActionRef:
    """`name` is owner/repo in lower case, or the image; `path` a folder of the repository, `.` for its root.

    `host` is set when the `uses:` is a whole web address; `written` is the name as it was spelt.
    """

    kind: ActionKind
    name: str = ""
    path: str = "."
    ref: str = ""
    host: str = ""
    written: str = field(default="", compare=False)

    @property
    def full_name(self) -> str:
        """OWNER/REPO[/PATH], in lower case but for the path."""
        return self.name if self.path == "." else f"{self.name}/{self.path}"


def parse_action_ref(uses: str) -> ActionRef:
    """Return what a step's `uses:` names. Raises ValueError with a sentence for a person."""
    if uses.startswith("docker://"):
        image = uses.removeprefix("docker://")
        if not image.strip() or image.startswith("-"):
            raise ValueError("docker:// names no image")
        return ActionRef(ActionKind.DOCKER, image)
    if uses == "." or uses.startswith(("./", ".\\", "$/")):
        return ActionRef(ActionKind.LOCAL, path=_inside(uses.removeprefix("$/")))
    match = _REMOTE.fullmatch(uses)
    if match is None and uses.endswith((".yml", ".yaml")):
        raise ValueError(f"{uses[:80]!r} names a workflow, and only a job can call one")
    if match is None and "@" not in uses and _REMOTE.fullmatch(f"{uses}@x"):
        raise ValueError(f"{uses[:80]!r} names no ref: write {uses[:80]}@REF, a tag, a branch or a commit")
    if match is None:
        raise ValueError(f"{uses[:80]!r} is neither OWNER/REPO@REF, OWNER/REPO/PATH@REF, ./PATH nor docker://IMAGE")
    name = f"{match['owner']}/{match['repo']}".lower()
    host = (match["host"] or "").lower()
    path = _inside((match["path"] or "").strip("/"))
    found = ActionRef(ActionKind.REMOTE, name, path, match["ref"], host, f"{match['owner']}/{match['repo']}")
    if found.full_name in BUILT_IN and (not host or host in _OFFICIAL_HOSTS):
        return replace(found, kind=ActionKind.BUILT_IN)
    return found


def _inside(path: str) -> str:
    normal = posixpath.normpath(path.replace("\\", "/"))
    if normal.startswith(("../", "/")) or normal == "..":
        raise ValueError(f"{path[:80]!r} leads out of the repository")
    return normal
