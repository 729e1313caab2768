"""Reads what planning needs of a commit, once: who made it, its workflows, and what keeps each of them from running."""

from collections.abc import Callable

from engine.control.planning import decoded, refuse_what_cannot_run
from engine.git import repository
from engine.store.commits import KnownCommit, KnownWorkflow
from engine.store.store import Store
from pipelines.errors import WorkflowError
from pipelines.policy import POLICY_PATH

REMEMBERED = 64  # many deliveries tell of few commits


class CommitReader:
    """Commits by repository and sha, which never change: the last ones stay in memory. For one thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._read: set[tuple[int, str]] = set()
        self._latest: dict[tuple[int, str], KnownCommit] = {}

    def known(self, repo_id: int, sha: str) -> KnownCommit | None:
        """Return what is recorded of a commit; None also for one whose faults this version may see differently."""
        key = (repo_id, sha)
        commit = self._latest.get(key) or self._store.commits.get(repo_id, sha)
        if commit is None or not (commit.sound or key in self._read):
            return None
        if key not in self._latest and len(self._latest) >= REMEMBERED:
            del self._latest[next(iter(self._latest))]
        self._latest[key] = commit
        return commit

    def at(self, repo_id: int, sha: str, ref: str, open_repo: Callable[[], repository.Repo]) -> KnownCommit:
        """Return a commit as recorded, reading and recording it first if need be. Raises GitError."""
        commit = self.known(repo_id, sha)
        if commit is None:
            commit = self._look(open_repo(), sha, ref)
            self._store.commits.keep(repo_id, commit)
            self._read.add((repo_id, sha))
        return commit

    def _look(self, repo: repository.Repo, sha: str, ref: str) -> KnownCommit:
        info = repository.commit_info(repo, sha)
        files = repository.workflow_files(repo, sha)
        policy = (repository.read_file(repo, sha, POLICY_PATH) or b"") if files else b""
        workflows = {path: self._workflow(repo, sha, path, content, policy) for path, content in files.items()}
        return KnownCommit(
            info.sha,
            info.tree,
            info.parents,
            info.author_name,
            info.author_email,
            info.message,
            info.at,
            ref,
            workflows,
        )

    def _workflow(self, repo: repository.Repo, sha: str, path: str, content: bytes, policy: bytes) -> KnownWorkflow:
        digest = None
        try:
            text = decoded(content, path)
            digest, workflow = self._store.definitions.keep(path, text, decoded(policy, POLICY_PATH))
            refuse_what_cannot_run(workflow, lambda asked: repository.read_file(repo, sha, asked))
        except WorkflowError as error:
            return KnownWorkflow(digest, str(error))
        return KnownWorkflow(digest)
