"""GitLab's payloads brought into GitHub's shape; its own fields (`object_attributes`, `project`, …) stay beside."""

from collections.abc import Mapping
from typing import Any

from engine.core.refs import TAGS
from engine.forges.github import head_commit
from engine.forges.payload import Payload
from engine.forges.refs import is_sha, is_zero
from engine.forges.shape import Shape

_NAMES = {
    "Push Hook": "push",
    "Tag Push Hook": "push",
    "Merge Request Hook": "pull_request",
    "Release Hook": "release",
}
_SYSTEM = {"push": "push", "tag_push": "push", "merge_request": "pull_request"}
_PUBLIC = 20  # visibility_level

_MERGE_REQUEST = {"open": "opened", "reopen": "reopened", "close": "closed", "merge": "closed"}
_RELEASE = {"create": ("published", "created", "released"), "update": ("edited",), "delete": ("deleted",)}


def shape(event: str, tree: Mapping[str, Any]) -> Shape:
    """Return the payload as GitHub would have sent it. What GitHub has no like of keeps no name."""
    payload = Payload(tree)
    kind = payload.text("object_kind") or payload.text("event_name") or ""
    name = _SYSTEM.get(kind) if event == "System Hook" else _NAMES.get(event)
    common = {**tree, "repository": _repository(payload), "sender": _sender(payload)}
    if name == "push":
        return _push(payload, common)
    if name == "pull_request":
        return _merge_request(payload, common)
    if name == "release":
        return _release(payload, common)
    return Shape(None, common, payload.word("object_attributes", "action"))


def _repository(payload: Payload) -> dict[str, Any]:
    project = payload.at("project")
    path = project.text("path_with_namespace") or ""
    owner, _, name = path.rpartition("/")
    level = project.number("visibility_level")
    return {
        **payload.mapping("repository"),
        "name": name,
        "full_name": path,
        "owner": {"login": owner, "name": owner},
        "default_branch": project.text("default_branch"),
        "private": None if level is None else level != _PUBLIC,
        "clone_url": project.text("git_http_url"),
        "ssh_url": project.text("git_ssh_url"),
        "html_url": project.text("web_url"),
        "description": project.text("description"),
    }


def _sender(payload: Payload) -> dict[str, Any]:
    user = payload.at("user")
    login = user.word("username") or payload.word("user_username")
    return {"login": login, "avatar_url": user.text("avatar_url") or payload.text("user_avatar")}


def _push(payload: Payload, common: dict[str, Any]) -> Shape:
    """Shape a push. `checkout_sha` is the commit of an annotated tag, whose own id `after` is."""
    before, after, checkout = (payload.text(key) for key in ("before", "after", "checkout_sha"))
    deleted = is_zero(after)
    head = head_commit(Payload({"commits": payload.at("commits").tree, "after": checkout or after})).tree
    tree = {
        **common,
        "created": is_zero(before) and not deleted,
        "deleted": deleted,
        "head_commit": head if head or deleted or not is_sha(checkout) or checkout == after else {"id": checkout},
        "pusher": {"name": payload.word("user_username"), "email": payload.text("user_email")},
        "total_commits": payload.number("total_commits_count"),
    }
    told = {"total_commits": payload.number("total_commits_count")}
    is_tag = (payload.text("ref") or "").startswith(TAGS)
    return Shape("push", tree, told=told | ({"tag_message": payload.word("message")} if is_tag else {}))


def _merge_request(payload: Payload, common: dict[str, Any]) -> Shape:
    merge = payload.at("object_attributes")
    action = merge.word("action")
    types = _merge_request_types(payload)
    commit = merge.at("last_commit")
    labels = payload.items("labels") or merge.items("labels")
    pull = {
        "number": merge.number("iid"),
        "title": merge.text("title"),
        "body": merge.text("description"),
        "state": "open" if merge.text("state") in ("opened", "locked") else "closed",
        "draft": merge.flag("draft") if merge.has("draft") else merge.flag("work_in_progress"),
        "merged": merge.text("state") == "merged",
        "merge_commit_sha": merge.text("merge_commit_sha"),
        "html_url": merge.text("url"),
        "user": common["sender"] if merge.number("author_id") == payload.number("user", "id") else {},
        "labels": [{"name": label.text("title")} for label in labels],
        "head": {"ref": merge.text("source_branch"), "sha": commit.text("id"), "repo": _side(merge.at("source"))},
        "base": {"ref": merge.text("target_branch"), "sha": None, "repo": _side(merge.at("target"))},
    }
    tree = {**common, "number": pull["number"], "pull_request": pull, **({"action": types[0]} if types else {})}
    word = "labeled/unlabeled" if set(types) <= {"labeled", "unlabeled"} and types else next(iter(types), None)
    told = {"message": commit.text("message"), "author": commit.word("author", "name")}
    return Shape("pull_request", tree, action, word, types, told)


def _side(project: Payload) -> dict[str, Any] | None:
    if not project.tree:
        return None
    path = project.text("path_with_namespace") or ""
    return {"full_name": path, "name": path.rpartition("/")[2], "clone_url": project.text("git_http_url")}


def _merge_request_types(payload: Payload) -> tuple[str, ...]:
    """Return GitHub's words for what happened. An "update" brings commits only if it says which were there before."""
    merge = payload.at("object_attributes")
    action = merge.word("action")
    if action != "update":
        return (_MERGE_REQUEST.get(action, action),) if action else ()
    if merge.word("oldrev"):
        return ("synchronize",)
    changes = payload.at("changes")
    if changes.has("labels"):
        old, new = ({one.text("title") for one in changes.items("labels", side)} for side in ("previous", "current"))
        found = (*(("labeled",) if new - old else ()), *(("unlabeled",) if old - new else ()))
        return found or ("labeled", "unlabeled")
    draft = changes.flag("draft", "current")
    return ("edited",) if draft is None else ("edited", "converted_to_draft" if draft else "ready_for_review")


def _release(payload: Payload, common: dict[str, Any]) -> Shape:
    action = payload.word("action")
    types = _RELEASE.get(action or "", (action,) if action else ())
    sha = payload.text("commit", "id")
    release = {
        "tag_name": payload.text("tag"),
        "name": payload.text("name"),
        "body": payload.text("description"),
        "draft": False,
        "prerelease": False,
        "target_commitish": sha,
        "html_url": payload.text("url"),
        "created_at": payload.text("created_at"),
        "published_at": payload.text("released_at"),
    }
    tree = {**common, "release": release, **({"action": types[0]} if types else {})}
    return Shape("release", tree, action, next(iter(types), None), types, {"sha": sha if is_sha(sha) else None})
