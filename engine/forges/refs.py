"""Names that Git gives to things, as a delivery may spell them: refs and commit ids. What is not valid is refused
before anything sees it, so that no name can be read as an option, a path or a revision expression."""

import re

from engine.core.refs import HEADS, TAGS
from engine.forges.errors import malformed

MAX_REF = 1024
_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REPO_PART = re.compile(r"[A-Za-z0-9_.~-]{1,255}")
# git-check-ref-format(1), and no leading dash
_NOT_IN_NAME = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\A\.|\A/|\A-|/\Z|\.\Z|\.lock(?=/|\Z)")


def checked_name(name: str | None, what: str) -> str:
    """Return the short name of a branch or tag, or raise DeliveryError when Git would not have it."""
    if name is None or not is_name(name):
        raise malformed(f"{what} is not a name that Git allows")
    return name


def is_name(name: str) -> bool:
    return 0 < len(name.encode()) <= MAX_REF and _NOT_IN_NAME.search(name) is None


def checked_sha(sha: str | None, what: str) -> str:
    """Return a full commit id, or raise DeliveryError."""
    if not is_sha(sha):
        raise malformed(f"{what} is not a commit id")
    return str(sha)


def is_sha(sha: str | None) -> bool:
    return sha is not None and _SHA.fullmatch(sha) is not None


def is_zero(sha: str | None) -> bool:
    """Is it the id that stands for "no commit": what was before a new ref, and comes after a deleted one?"""
    return is_sha(sha) and not str(sha).strip("0")


def ref_parts(ref: str) -> tuple[str | None, str | None]:
    """Return (branch, None) or (None, tag) of a full ref; (None, None) for any other, and for a name without sense."""
    for folder in (HEADS, TAGS):
        name = ref.removeprefix(folder)
        if name != ref and is_name(name):
            return (name, None) if folder == HEADS else (None, name)
    return None, None


def is_repo_name(name: str | None) -> bool:
    """Is it `OWNER/NAME`, perhaps with subgroups between?"""
    parts = (name or "").split("/")
    return 2 <= len(parts) <= 20 and all(part not in (".", "..") and _REPO_PART.fullmatch(part) for part in parts)
