"""`uses:` taken apart: a folder of this repository, an image, an action elsewhere, a workflow to call."""

import posixpath
import re
from dataclasses import dataclass
from enum import StrEnum

WORKFLOW_FOLDERS = (".treadle/workflows", ".forgejo/workflows", ".gitea/workflows", ".github/workflows")
"""Where workflows live, the preferred folder first."""

BUILT_IN = frozenset({"actions/checkout", "actions/upload-artifact", "actions/download-artifact"})
"""The actions that Treadle runs itself, whatever their ref."""

_REMOTE = re.compile(
    r"(?P<host>https?://[^/@\s]+/)?(?P<owner>[^/@\s:$]+)/(?P<repo>[^/@\s]+)(?P<path>/[^@\s]*)?@(?P<ref>\S+)"
)


class ActionKind(StrEnum):
    BUILT_IN = "built-in"
    LOCAL = "local"
    DOCKER = "docker"
    REMOTE = "remote"


@dataclass(frozen=True, slots=True)
class ActionRef:
    """`name` is owner/repo in lower case, or the image; `path` a folder of the repository, `.` for its root."""

    kind: ActionKind
    name: str = ""
    path: str = "."
    ref: str = ""


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
    if match is None:
        raise ValueError(f"{uses[:80]!r} is neither OWNER/REPO@REF, OWNER/REPO/PATH@REF, ./PATH nor docker://IMAGE")
    name = f"{match['owner']}/{match['repo']}".lower()
    path = (match["path"] or "").strip("/")
    built_in = name in BUILT_IN and not path and not match["host"]
    return ActionRef(ActionKind.BUILT_IN if built_in else ActionKind.REMOTE, name, path or ".", match["ref"])


def parse_workflow_ref(uses: str) -> str | None:
    """Return the path of a called workflow in this repository, None when it lives in another one. Raises ValueError."""
    if uses.startswith(("./", ".\\", "$/")):
        path = _inside(uses.removeprefix("$/"))
        if not path.endswith((".yml", ".yaml")):
            raise ValueError(f"{uses[:80]!r} is no .yml file")
        return path
    match = _REMOTE.fullmatch(uses)
    if match is None:
        raise ValueError(f"{uses[:80]!r} is neither ./PATH/FILE.yml nor OWNER/REPO/PATH/FILE.yml@REF")
    if not (match["path"] or "").endswith((".yml", ".yaml")):
        raise ValueError(f"{uses[:80]!r} names no .yml file")
    return None


def _inside(path: str) -> str:
    normal = posixpath.normpath(path.replace("\\", "/"))
    if normal.startswith(("../", "/")) or normal == "..":
        raise ValueError(f"{path[:80]!r} leads out of the repository")
    return normal
