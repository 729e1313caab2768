"""Small deliveries of every forge, made here after the forges' documented payloads."""

import hashlib
import hmac
import json
from typing import Any

from engine.forges.delivery import read_delivery
from engine.forges.event import ForgeEvent
from engine.forges.headers import Headers

SHA, OLD, ZERO = "2" * 40, "1" * 40, "0" * 40
REPOSITORY = {
    "name": "app",
    "full_name": "acme/app",
    "private": False,
    "clone_url": "https://forge.test/acme/app.git",
    "default_branch": "main",
    "owner": {"login": "acme"},
}
PROJECT = {
    "path_with_namespace": "acme/tools/app",
    "git_http_url": "https://gitlab.test/acme/tools/app.git",
    "default_branch": "main",
    "visibility_level": 0,
}
PREFIX = {"github": "X-GitHub", "gitea": "X-Gitea", "forgejo": "X-Forgejo", "gogs": "X-Gogs", "gitlab": "X-Gitlab"}


def commit(sha: str = SHA, message: str = "change", **files: list[str]) -> dict[str, Any]:
    author = {"name": "Dev", "username": "dev", "email": "dev@forge.test"}
    return {"id": sha, "message": message, "author": author, "added": [], "removed": [], "modified": [], **files}


def push(**changes: Any) -> dict[str, Any]:
    """A push of GitHub's to main, with one commit that changes src/a.py."""
    done = commit(modified=["src/a.py"])
    flags = {"created": False, "deleted": False, "forced": False}
    people = {"pusher": {"name": "dev"}, "sender": {"login": "dev"}}
    told = {"ref": "refs/heads/main", "before": OLD, "after": SHA, "head_commit": done, "commits": [done]}
    return {**told, **flags, **people, "repository": REPOSITORY, **changes}


def pull_request(action: str = "opened", head_repo: str | None = "acme/app", **changes: Any) -> dict[str, Any]:
    """A pull request of GitHub's, number 5, from feature to main."""
    pull = {
        "number": 5,
        "title": "t",
        "draft": False,
        "merged": False,
        "user": {"login": "eve"},
        "head": {"ref": "feature", "sha": SHA, "repo": {"full_name": head_repo} if head_repo else None},
        "base": {"ref": "main", "sha": OLD, "repo": {"full_name": "acme/app"}},
        "labels": [{"name": "bug"}],
        **changes,
    }
    return {"action": action, "number": 5, "pull_request": pull, "repository": REPOSITORY, "sender": {"login": "eve"}}


def merge_request(action: str = "open", **attributes: Any) -> dict[str, Any]:
    """A merge request of GitLab's, number 7, from feature to main."""
    merge = {
        "iid": 7,
        "title": "t",
        "state": "opened",
        "author_id": 3,
        "draft": False,
        "action": action,
        "source_branch": "feature",
        "target_branch": "main",
        "source": PROJECT,
        "target": PROJECT,
        "last_commit": {"id": SHA, "message": "change\n", "author": {"name": "Dev"}},
        **attributes,
    }
    user = {"id": 3, "username": "dev"}
    return {"object_kind": "merge_request", "user": user, "project": PROJECT, "object_attributes": merge}


def gitlab_push(**changes: Any) -> dict[str, Any]:
    done = commit(modified=["src/a.py"]) | {"author": {"name": "Dev", "email": "dev@forge.test"}}
    told = {"object_kind": "push", "ref": "refs/heads/main", "before": OLD, "after": SHA, "checkout_sha": SHA}
    return {**told, "user_username": "dev", "project": PROJECT, "commits": [done], "total_commits_count": 1, **changes}


def headers(forge: str = "github", event: str = "push", **more: str) -> dict[str, str]:
    ident = "Idempotency-Key" if forge == "gitlab" else f"{PREFIX[forge]}-Delivery"
    return {"Content-Type": "application/json", f"{PREFIX[forge]}-Event": event, ident: "d-1", **more}


def read(tree: Any, event: str = "push", forge: str = "github") -> ForgeEvent:
    body = tree if isinstance(tree, bytes) else json.dumps(tree).encode()
    return read_delivery(Headers(headers(forge, event)), body)


def hex_of(body: bytes, secret: str = "s", algorithm: str = "sha256") -> str:
    return hmac.new(secret.encode(), body, getattr(hashlib, algorithm)).hexdigest()
