"""GitHub's payloads read into facts. Other forges are brought into this shape first (see shape.py)."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from engine.core.refs import HEADS, TAGS
from engine.forges.errors import malformed
from engine.forges.event import ForgeEvent
from engine.forges.payload import Payload
from engine.forges.refs import (
    checked_name,
    checked_sha,
    is_repo_name,
    is_sha,
    is_zero,
    ref_parts,
)
from engine.forges.shape import Shape

MAX_COMMITS = 2048  # of a push, in one payload


def shape(event: str, tree: Mapping[str, Any]) -> Shape:
    """Return GitHub's own payload as it is."""
    action = Payload(tree).word("action")
    return Shape(event, tree, action, action, (action,) if action else ())


def read(event: ForgeEvent, shaped: Shape) -> ForgeEvent:
    """Return the event with all that its GitHub-shaped payload says. Raises DeliveryError.

    An event that can start something needs the repository, and what it is about; of any other only what is there is
    taken.
    """
    payload = Payload(shaped.tree)
    event = replace(
        event,
        name=None if event.is_ping else shaped.name,
        github_payload=shaped.tree,
        repo=_repo_name(payload.at("repository")),
        clone_url=payload.word("repository", "clone_url"),
        default_branch=_default_branch(payload),
        private=payload.flag("repository", "private"),
        sender=_login(payload.at("sender")),
        action=shaped.action,
        actions_type=shaped.actions_type,
        types=shaped.types,
    )
    if event.name in _READERS:
        if event.repo is None:
            raise malformed(f"the {event.name} does not say which repository it is of")
        event = _READERS[event.name](event, payload)
    return replace(event, **shaped.told) if shaped.told else event


def head_commit(payload: Payload) -> Payload:
    """Return the commit that a push ends with: named as such, or the one of the listed that bears its id."""
    told = payload.at("head_commit")
    if told.tree:
        return told
    after = payload.text("after")
    return next((one for one in payload.items("commits") if one.text("id") == after), Payload(None))


def _push(event: ForgeEvent, payload: Payload) -> ForgeEvent:
    ref = payload.text("ref")
    if not ref:
        raise malformed("the push does not say which ref it is to")
    branch, tag = ref_parts(ref)
    after = checked_sha(payload.text("after"), "the commit after the push")
    before = payload.text("before")
    deleted = is_zero(after) or payload.flag("deleted") is True
    head = Payload(None) if deleted else head_commit(payload)
    tagged = head.text("id") if tag else None  # after an annotated tag, `after` is the tag's own id
    created, forced = is_zero(before) and not deleted, payload.flag("forced")
    return replace(
        event,
        ref=ref,
        ref_type="branch" if branch else "tag" if tag else None,
        branch=branch,
        tag=tag,
        sha=None if deleted else tagged if is_sha(tagged) else after,
        before=before if is_sha(before) and not is_zero(before) else None,
        created=created,
        deleted=deleted,
        forced=forced,
        author=_author(head),
        pusher=payload.word("pusher", "name"),
        message=head.text("message"),
        **_files(payload, head, whole=not created and not forced),
    )


def _files(payload: Payload, head: Payload, *, whole: bool) -> dict[str, Any]:
    """Return what the listed commits changed: all that the push did, unless the list was cut or is not of it all."""
    commits = payload.items("commits")
    told_total = payload.number("total_commits")
    files: set[str] = set()
    odd = False
    for commit in commits or [head]:
        for key in ("added", "modified", "removed"):
            names = [item.tree for item in commit.items(key)]
            told = [name for name in names if isinstance(name, str)]
            odd = odd or len(told) < len(names)
            files.update(told)
    complete = whole and bool(commits) and not odd
    complete = complete and len(commits) < MAX_COMMITS and len(commits) == (told_total or len(commits))
    return {"commits": len(commits), "changed_files": tuple(sorted(files)), "files_complete": complete}


def _create_or_delete(event: ForgeEvent, payload: Payload) -> ForgeEvent:
    kind = payload.text("ref_type")
    if kind not in ("branch", "tag"):
        raise malformed(f"a {event.name} of neither a branch nor a tag")
    told = payload.text("ref") or ""
    name = checked_name(told.removeprefix(HEADS if kind == "branch" else TAGS), f"the {kind}")
    sha = payload.text("sha")
    return replace(
        event,
        ref=name,
        ref_type=kind,
        branch=name if kind == "branch" else None,
        tag=name if kind == "tag" else None,
        sha=sha if is_sha(sha) and not is_zero(sha) else None,
    )


def _pull_request(event: ForgeEvent, payload: Payload) -> ForgeEvent:
    pull = payload.at("pull_request")
    head, base = pull.at("head"), pull.at("base")
    head_repo, base_repo = _repo_name(head.at("repo")), _repo_name(base.at("repo")) or event.repo
    if base_repo != event.repo:
        raise malformed("the pull request is into another repository than the delivery's")
    number = _pull_number(payload)
    folder = "merge-requests" if event.forge == "gitlab" else "pull"
    head_sha = _optional_sha(head, "the head of the pull request")
    return replace(
        event,
        pr_number=number,
        title=pull.text("title"),
        head_ref=checked_name(head.text("ref"), "the head of the pull request"),
        base_ref=checked_name(base.text("ref"), "the base of the pull request"),
        head_repo=head_repo,
        head_sha=head_sha,
        base_sha=_optional_sha(base, "the base of the pull request"),
        sha=head_sha,
        author=_login(pull.at("user")),
        merged=pull.flag("merged") is True,
        draft=pull.flag("draft"),
        is_fork=head_repo != event.repo,  # a fork that was deleted has no name any more
        labels=tuple(name for label in pull.items("labels") if (name := label.word("name"))),
        fetch_ref=f"refs/{folder}/{number}/head",
    )


def _pull_number(payload: Payload) -> int:
    inner = payload.number("pull_request", "number")
    number = payload.number("number") if payload.has("number") else inner
    if number is None or not 0 < number < 2**53 or inner not in (None, number):
        raise malformed("the pull request has no number")
    return number


def _release(event: ForgeEvent, payload: Payload) -> ForgeEvent:
    release = payload.at("release")
    return replace(
        event,
        tag=checked_name(release.text("tag_name"), "the tag of the release"),
        title=release.text("name"),
        prerelease=release.flag("prerelease"),
        draft=release.flag("draft"),
        target=release.word("target_commitish"),
        author=_login(release.at("author")),
    )


def _workflow_dispatch(event: ForgeEvent, payload: Payload) -> ForgeEvent:
    ref = payload.text("ref")
    branch, tag = ref_parts(ref) if ref else (None, None)
    kind = "branch" if branch else "tag" if tag else None
    if kind is None and (ref or "").startswith("refs/"):
        raise malformed("a dispatch on neither a branch nor a tag")
    if kind is None:
        branch = checked_name(ref, "the ref")  # a short name: a branch's
    return replace(
        event,
        ref=ref,
        ref_type=kind,
        branch=branch,
        tag=tag,
        workflow=payload.word("workflow"),
        inputs=payload.mapping("inputs"),
    )


_READERS: dict[str | None, Callable[[ForgeEvent, Payload], ForgeEvent]] = {
    "push": _push,
    "create": _create_or_delete,
    "delete": _create_or_delete,
    "pull_request": _pull_request,
    "release": _release,
    "workflow_dispatch": _workflow_dispatch,
    "repository_dispatch": lambda event, _: event,
}


def _repo_name(repo: Payload) -> str | None:
    name = repo.text("full_name")
    if not repo.has("full_name"):
        name = f"{_login(repo.at('owner'))}/{repo.text('name')}" if repo.word("name") else None
    return name if is_repo_name(name) else None


def _default_branch(payload: Payload) -> str | None:
    name = payload.word("repository", "default_branch")
    return checked_name(name, "the default branch") if name else None


def _login(user: Payload) -> str | None:
    return user.word("login") or user.word("username") or user.word("name")


def _author(commit: Payload) -> str | None:
    return commit.word("author", "username") or commit.word("author", "name")


def _optional_sha(place: Payload, what: str) -> str | None:
    """Return the commit id, None when the forge leaves it out (Gogs), and refuse anything else."""
    return checked_sha(place.text("sha"), what) if place.at("sha").tree is not None else None
