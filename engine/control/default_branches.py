"""What is known of each repository's default branch, whose workflows the clock and other runs start."""

import logging
from collections.abc import Iterator

from engine.bus import Bus
from engine.control.aside import Aside
from engine.control.inbox.commit_reader import CommitReader
from engine.control.mirrors import Mirrors
from engine.core.errors import GitError
from engine.core.refs import HEADS
from engine.settings.model import RepoSettings
from engine.store.commits import KnownCommit
from engine.store.store import Store
from pipelines.errors import WorkflowError
from pipelines.model import Workflow

log = logging.getLogger(__name__)


class DefaultBranches:
    """For one thread. A commit that is not read yet is fetched aside; the `refs` topic is woken when it is there."""

    def __init__(self, store: Store, bus: Bus, mirrors: Mirrors) -> None:
        self._store = store
        self._bus = bus
        self._mirrors = mirrors
        self._aside = Aside(store)
        self._asked_for: set[tuple[RepoSettings, str]] = set()

    def commit(self, repo: RepoSettings, repo_id: int) -> KnownCommit | None:
        """Return the default branch's commit; None until it is known."""
        branch = self._mirrors.default_branch(self._store, repo_id)
        ref = self._store.refs.get(repo_id, f"{HEADS}{branch}") if branch else None
        if ref is None:
            return None
        commit = self._store.commits.get(repo_id, ref.sha)
        if commit is None and (repo, ref.sha) not in self._asked_for:
            self._asked_for.add((repo, ref.sha))
            self._aside.go(repo.name, lambda: self._read(repo, repo_id, ref.sha, f"{HEADS}{branch}"))
        return commit

    def workflows(self, commit: KnownCommit) -> Iterator[Workflow]:
        """Return the workflows of a commit that can be read."""
        for path, known in commit.workflows.items():
            if known.definition is None:
                continue
            try:
                yield self._store.definitions.workflow(known.definition)
            except WorkflowError:
                log.warning("what starts %s is not known: this version reads it no more", path)

    def _read(self, repo: RepoSettings, repo_id: int, sha: str, ref: str) -> None:
        """On a thread aside. What cannot be fetched now is when the branch moves next, or at the next start."""
        mirror = self._mirrors.of(repo)
        try:
            if not mirror.has(sha):
                mirror.fetch(())
            CommitReader(self._store).at(repo_id, sha, ref, mirror.repo)
            self._asked_for.discard((repo, sha))
            self._bus.wake("refs")
        except GitError as error:
            log.warning("the workflows of %s are not known: %s", repo.name, error)
