"""Gitea, Forgejo and Gogs: one family, GitHub's fields with other words and a few gaps."""

from collections.abc import Mapping
from typing import Any

from engine.forges.github import head_commit
from engine.forges.payload import Payload
from engine.forges.refs import is_zero
from engine.forges.shape import Shape

_WORDS = {"synchronized": "synchronize", "updated": "edited"}
_TYPES = {"label_updated": ("labeled",), "label_cleared": ("unlabeled",)}
"""Their words for an action, and the activity types that they count as where GitHub has no single word."""


def shape(event: str, tree: Mapping[str, Any]) -> Shape:
    """Return the payload with what GitHub says and this family leaves out or words otherwise."""
    payload = Payload(tree)
    action = payload.word("action")
    word = _WORDS.get(action or "", action)
    types = _TYPES.get(action or "", (word,) if word else ())
    told: dict[str, Any] = {"total_commits": payload.number("total_commits")}
    shaped = {**tree, **({"action": types[0]} if types else {})}
    if event == "push":
        shaped |= _push(payload)
    if event == "pull_request":
        shaped["pull_request"] = _pull_request(payload.at("pull_request"))
    return Shape(event, shaped, action, word, types, told)


def _push(payload: Payload) -> dict[str, Any]:
    pusher = payload.mapping("pusher")
    login = payload.word("pusher", "login") or payload.word("pusher", "username")
    return {
        "head_commit": head_commit(payload).tree,
        "created": is_zero(payload.text("before")),
        "deleted": is_zero(payload.text("after")),
        "pusher": {**pusher, "name": login} if login else pusher,
    }


def _pull_request(pull: Payload) -> dict[str, Any]:
    """Return the pull request with `head` and `base`, which Gogs spells flat and without commit ids."""
    shaped = dict(pull.mapping())
    for side in ("head", "base"):
        if side not in shaped and f"{side}_branch" in shaped:
            shaped[side] = {"ref": pull.text(f"{side}_branch"), "repo": pull.at(f"{side}_repo").tree}
    return shaped
