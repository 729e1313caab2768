"""The Git metadata store: commits and the workflows they hold, so that planning a known commit reads no Git."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from engine.store.database import Database
from engine.store.tables.events import CommitRow
from pipelines.records import dataclass

_COMMIT = """SELECT tree, parents, author_name, author_email, message, at, ref, workflows FROM "commit"
 WHERE repo_id = ? AND sha = ?"""


@dataclass(frozen=True, slots=True)
class KnownWorkflow:
    """A workflow file of a commit. `definition` is None when it cannot be read; `problem` says why it cannot run."""

    definition: str | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class KnownCommit:
    """A commit as first read. `ref` is where it was seen, `workflows` are by path, in order."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author_name: str
    author_email: str
    message: str
    at: datetime
    ref: str
    workflows: Mapping[str, KnownWorkflow]

    @property
    def sound(self) -> bool:
        """Whether every workflow of it can run."""
        return not any(workflow.problem for workflow in self.workflows.values())


class Commits:
    def __init__(self, database: Database) -> None:
        self._db = database

    def get(self, repo_id: int, sha: str) -> KnownCommit | None:
        rows = self._db.rows(_COMMIT, (repo_id, sha))
        if not rows:
            return None
        tree, parents, author_name, author_email, message, at, ref, workflows = rows[0]
        return KnownCommit(
            sha, tree, tuple(json.loads(parents)), author_name, author_email, message,
            datetime.fromtimestamp(at, UTC), ref,
            {path: KnownWorkflow(*told) for path, told in json.loads(workflows).items()},
        )  # fmt: skip

    def keep(self, repo_id: int, commit: KnownCommit) -> None:
        """Record a commit, in place of what was known of it."""
        workflows = {path: [told.definition, told.problem] for path, told in commit.workflows.items()}
        with self._db.write():
            CommitRow.replace(
                repo_id=repo_id, sha=commit.sha, tree=commit.tree, parents=list(commit.parents),
                author_name=commit.author_name, author_email=commit.author_email, message=commit.message, at=commit.at,
                ref=commit.ref, workflows=workflows,
            ).execute()  # fmt: skip
