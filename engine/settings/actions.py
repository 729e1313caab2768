"""Where the repositories of actions come from: what `actions:` in treadle.yml says, looked up for one of them."""

import re
from collections.abc import Mapping

from pipelines.records import dataclass

GITHUB = "github.com"
REPO_KEY = re.compile(r"[^/\s*{}]+/(?:[^/\s*{}]+|\*)")
HOST_KEY = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]+)?")
KEYS_FIX = "A key is OWNER/REPO, OWNER/*, a host such as github.com, or *."


@dataclass(frozen=True, slots=True)
class ActionPlace:
    """A url or a folder to clone from. `mirrored`: a line of `actions:` says so for this repository or its owner."""

    url: str
    mirrored: bool = False


def is_action_key(key: str) -> bool:
    """Whether `key` can be one of `actions:`."""
    return key == "*" or REPO_KEY.fullmatch(key) is not None or HOST_KEY.fullmatch(key) is not None


def place_of(actions: Mapping[str, str], repository: str, host: str = "") -> ActionPlace:
    """Return where OWNER/REPO (of `host`, github.com unless a `uses:` names another) is cloned from.

    The nearest line of `actions:` decides: OWNER/REPO, then OWNER/*, then the host, then *. The place of one repository
    is taken as it is; to any other place `REPO`, or OWNER/REPO for a host or *, is added, unless it says itself where
    with {owner} and {repo}. Names are compared without regard to case.
    """
    owner, _, repo = repository.partition("/")
    known = {key.lower(): place for key, place in actions.items()}
    for key, tail in ((repository, ""), (f"{owner}/*", repo), (host or GITHUB, repository), ("*", repository)):
        place = known.get(key.lower())
        if place is None or (host and key == "*"):  # `*` stands for what names no server of its own
            continue
        if "{owner}" in place or "{repo}" in place:
            url = place.replace("{owner}", owner).replace("{repo}", repo)
        else:
            url = f"{place.rstrip('/')}/{tail}" if tail else place
        return ActionPlace(url, mirrored="/" in key)
    return ActionPlace(f"https://{host or GITHUB}/{repository}")
