"""Where the commit of an event is, and what is known of it. Waits for no network: what is not here is asked for."""

from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

from engine.control.inbox.commit_reader import CommitReader
from engine.control.inbox.occasions import Occasion, Snapshot
from engine.core.errors import GitError
from engine.core.refs import HEADS
from engine.forges.event import Target
from engine.git import repository
from engine.git.mirror import Mirror
from engine.git.remote import RemoteRefs
from engine.store.commits import KnownCommit
from engine.store.store import Store
from pipelines.records import dataclass


class NotHere(Exception):
    """Something has to be fetched first. `key` names it; `fetch` brings it, and waits for the network."""

    key = ""

    def fetch(self, found: Callable[[RemoteRefs], object]) -> None:
        """Bring it, and tell `found` what refs the repository of the event has, if it was asked. Raises GitError."""
        raise NotImplementedError


class CommitNotHere(NotHere):
    """The event's own commit: the branches, `refs`, and `commits` where the remote gives them singly are missing."""

    key = "its repository"

    def __init__(self, mirror: Mirror, refs: Collection[str], commits: Collection[str], what: str) -> None:
        super().__init__(what)
        self._mirror = mirror
        self._refs = refs
        self._commits = commits

    def fetch(self, found: Callable[[RemoteRefs], object]) -> None:
        found(self._mirror.fetch(self._refs, self._commits))


class Gone(Exception):
    """The commit cannot come any more: its ref has moved on, and the remote does not give it singly."""


@dataclass(frozen=True)
class EventPlace:
    """The commit that a run under one event name is about.

    `branch` is what its checkout is on (None: detached). `root` is the repository with its files, `snapshots` the one
    beside it when the commit is a working tree; `shown_sha` is what `github.sha` says: the commit, or what a working
    tree lies on.
    """

    name: str
    ref: str
    branch: str | None
    commit: KnownCommit
    open_repo: Callable[[], repository.Repo]
    root: Path
    snapshots: str | None
    shown_sha: str


class Places:
    """Finds the places of events. For one thread."""

    def __init__(self, store: Store) -> None:
        self._commits = CommitReader(store)

    def of(self, repo_id: int, occasion: Occasion, mirror: Mirror, *, fetched: bool) -> list[EventPlace]:
        """Return the place for each name of an event. `fetched`: what was not here has just been asked for.

        Raises NotHere, Gone, and GitError for a repository that cannot be read.
        """
        if (snapshot := occasion.snapshot) is not None:
            return [self._snapshot(repo_id, occasion, name, snapshot) for name in occasion.names]
        if occasion.default_branch is None:
            raise CommitNotHere(mirror, _refs(occasion), (), "the default branch is not known")
        return [self._commit(repo_id, occasion, name, mirror, fetched) for name in occasion.names]

    def _commit(self, repo_id: int, occasion: Occasion, name: str, mirror: Mirror, fetched: bool) -> EventPlace:
        target = occasion.target_of(name)
        sha = target.sha if target.sha and self._commits.known(repo_id, target.sha) else None
        if sha is None and (target.sha or fetched):
            sha = mirror.resolve(target.sha or target.fetch_ref)
        if sha is None:
            if target.sha and fetched:
                _check_not_gone(occasion, target, mirror)
            what = f"the commit {target.sha}" if target.sha else target.fetch_ref
            commits = [target.sha] if target.sha else []
            raise CommitNotHere(mirror, _refs(occasion), commits, f"{what} is not in {mirror.source.url}")
        commit = self._commits.at(repo_id, sha, target.ref, mirror.repo)
        return EventPlace(name, target.ref, _branch(target.ref), commit, mirror.repo, mirror.path, None, commit.sha)

    def _snapshot(self, repo_id: int, occasion: Occasion, name: str, snapshot: Snapshot) -> EventPlace:
        def open_repo() -> repository.Repo:
            found = repository.discover(Path(snapshot.root))
            if found is None:
                raise GitError(f"The repository {snapshot.root} is gone.")
            return replace(found, mirror=Path(snapshot.mirror)) if snapshot.mirror else found

        ref = occasion.target_of(name).ref
        commit = self._commits.at(repo_id, snapshot.sha, ref, open_repo)
        shown = snapshot.head or snapshot.sha
        return EventPlace(name, ref, _branch(ref), commit, open_repo, Path(snapshot.root), snapshot.mirror, shown)


def _check_not_gone(occasion: Occasion, target: Target, mirror: Mirror) -> None:
    """Raise Gone if a ref that was just fetched is past the commit; it is not if it stands where it was before."""
    now = mirror.resolve(target.fetch_ref)
    before = occasion.event.before if occasion.event else None
    if now is not None and now != before:
        raise Gone(f"the commit {target.sha} is not there any more: {target.fetch_ref} has moved on to {now}")


def _refs(occasion: Occasion) -> list[str]:
    """Return the refs, branches aside, that have to be here before an event can be planned."""
    refs = dict.fromkeys(occasion.target_of(name).fetch_ref for name in occasion.names)
    return [ref for ref in refs if ref.startswith("refs/") and not ref.startswith(HEADS)]


def _branch(ref: str) -> str | None:
    return ref.removeprefix(HEADS) if ref.startswith(HEADS) else None
