"""A repository on this machine as it is to be run: what a forge would have said of it, read from Git. Plans nothing."""

import uuid
from collections.abc import Mapping
from typing import Any

from engine.control.asks.followers import WORKFLOW_RUN, payload_of_success
from engine.core.errors import GitError
from engine.core.refs import HEADS, NO_SHA, TAGS
from engine.git import repository
from engine.git.snapshot import snapshot_worktree
from engine.store.store import Store
from pipelines.model import Trigger, Workflow
from pipelines.records import dataclass
from pipelines.triggers import TriggerEvent
from pipelines.values import to_string


@dataclass(frozen=True)
class LocalRepo:
    """A repository at one revision, or (`rev` None) its working tree as it is.

    `sha` is the commit or the snapshot, `head` the real commit that it lies on. `mirror` holds the snapshot of a
    working tree with changes. `files` are its workflow files by path; `notes` say what could not be taken in.
    """

    rev: str | None
    files: Mapping[str, bytes]
    sha: str
    head: str | None
    branch: str | None
    tag: str | None
    message: str
    mirror: str | None
    repo: repository.Repo
    notes: tuple[str, ...]

    @property
    def ref(self) -> str:
        return f"{TAGS}{self.tag}" if self.tag else f"{HEADS}{self.branch or 'HEAD'}"

    def load(self, path: str) -> bytes | None:
        """Return the bytes of a file, None when there is none."""
        return repository.read_file(self.repo, self.rev, path)

    def trigger_event(self, name: str, workflow: Workflow, payload: Mapping[str, Any]) -> TriggerEvent:
        """Return what filters look at, for an event `name` with what a person says of it in `payload`."""
        pull = payload.get("pull_request")
        is_pull = name.startswith("pull_request")
        side = pull.get("base") if isinstance(pull, dict) else {"ref": self.branch}
        base = side.get("ref") if isinstance(side, dict) else None
        default_action = "opened" if is_pull else None
        return TriggerEvent(
            name=name,
            action=payload.get("action", default_action),
            ref=self.ref,
            branch=None if self.tag else self.branch,
            tag=self.tag,
            base_branch=base if is_pull else None,
            changed_files=self._changed(workflow),
            message=self.message,
        )

    def _changed(self, workflow: Workflow) -> tuple[str, ...] | None:
        """The files of the last commit and of the working tree, worked out only where a filter asks for them."""
        if not any(key.startswith("paths") for trigger in workflow.on for key in trigger.filters):
            return None
        if self.head is None:
            return None
        parents = repository.commit_info(self.repo, self.head).parents
        return tuple(repository.changed_files(self.repo, parents[0], self.sha)) if parents else None


def look_at(store: Store, repo: repository.Repo, rev: str | None) -> LocalRepo:
    """Return a repository as it is at a revision, None: its working tree. Raises GitError."""
    if rev is not None:
        sha = repository.resolve(repo, rev)
        commit = repository.commit_info(repo, sha)
        branch, tag = _named(repo, rev, sha)
        files = repository.workflow_files(repo, sha)
        return LocalRepo(sha, files, sha, sha, branch, tag, commit.message, None, repo, ())
    mirror = store.home / "repos" / f"{uuid.uuid5(uuid.NAMESPACE_URL, str(repo.root)).hex[:16]}.git"
    snapshot = snapshot_worktree(repo, mirror)
    message = repository.commit_info(repo, repo.head).message if repo.head else ""
    files = repository.workflow_files(repo, None)
    where = str(mirror) if snapshot.dirty else None
    return LocalRepo(
        None, files, snapshot.sha, repo.head, repo.branch, None, message, where, snapshot.repo, snapshot.notes
    )


def _named(repo: repository.Repo, rev: str, sha: str) -> tuple[str | None, str | None]:
    """Return the branch or the tag that a revision means; a bare commit is taken for HEAD's branch where it is that."""
    for prefix in (HEADS, TAGS, "refs/remotes/origin/"):
        name = rev.removeprefix(prefix)
        if not name.startswith("refs/") and _exists(repo, prefix + name):
            return (None, name) if prefix == TAGS else (name, None)
    return (repo.branch if sha == repo.head else None), None


def _exists(repo: repository.Repo, rev: str) -> bool:
    try:
        repository.resolve(repo, rev)
    except GitError:
        return False
    return True


def ref_of(facts: LocalRepo, event: str, payload: Mapping[str, Any]) -> str:
    """Return the ref that the run is of, as on GitHub: of a pull request its merge, but for its target's own runs."""
    if not event.startswith("pull_request"):
        return facts.ref
    pull = payload.get("pull_request")
    pull = pull if isinstance(pull, dict) else {}
    if event == "pull_request_target":
        base = pull.get("base")
        return f"{HEADS}{base['ref']}" if isinstance(base, dict) and base.get("ref") else facts.ref
    number = payload.get("number") or pull.get("number")
    return f"refs/pull/{number if isinstance(number, int) else 1}/merge"


def payload_of(facts: LocalRepo, event: str, trigger: Trigger | None, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """What a forge would have sent, as far as the repository can tell."""
    sha = facts.head or facts.sha
    author = {"name": facts.repo.author_name, "email": facts.repo.author_email}
    if event == "push":
        commit = {"id": sha, "message": facts.message, "author": author, "committer": author}
        said = {"ref": facts.ref, "before": NO_SHA, "after": sha}
        return {**said, "head_commit": commit, "commits": [commit], "pusher": author}
    if event.startswith("pull_request"):
        side = {"ref": facts.branch or "HEAD", "sha": sha}
        pull = {"number": 1, "head": side, "base": side, "title": facts.message.partition("\n")[0], "draft": False}
        return {"action": "opened", "number": 1, "pull_request": pull}
    if event == WORKFLOW_RUN:
        return payload_of_success(trigger, facts.repo.name, facts.branch, sha)
    if event == "workflow_dispatch":
        return {"ref": facts.ref, "inputs": {name: to_string(value) for name, value in inputs.items()}}
    return {}
