"""The mirrors of the configured repositories, shared by all that look at them."""

import threading
from pathlib import Path

from engine import made_again
from engine.core.refs import HEADS
from engine.git.mirror import Mirror
from engine.git.remote import RemoteRefs, remote
from engine.settings.model import RepoSettings
from engine.store.store import Store

USUAL = ("main", "master")
KEY = "default-branch:"


class Mirrors:
    """One mirror for each repository, made at first use, and anew when its settings lead elsewhere. Any thread."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "repos"
        self._lock = threading.Lock()
        self._mirrors: dict[str, Mirror] = {}

    def of(self, repo: RepoSettings) -> Mirror:
        with self._lock:
            source = remote(repo.url, repo.token, repo.ssh_key)
            if repo.name not in self._mirrors or self._mirrors[repo.name].source != source:
                made_again.folder(self._folder)
                self._mirrors[repo.name] = Mirror(self._folder, repo.name, source)
            return self._mirrors[repo.name]

    def default_branch(self, store: Store, repo_id: int) -> str | None:
        """Return the default branch's name as the remote last told it; None before it was asked."""
        found: str | None = store.cursors.get(_key(repo_id))
        return found

    def default_branches(self, store: Store) -> dict[int, str]:
        """Return the default branches that are known, by the repository's id."""
        return {int(ident): name for ident, name in store.cursors.all(KEY).items()}

    def default_heads(self, store: Store) -> dict[str, str]:
        """Return, by the names of repositories, the commits of the default branches that are known: one query."""
        return store.refs.heads(KEY)

    def found(self, store: Store, repo_id: int, refs: RemoteRefs) -> bool:
        """Keep what a remote says of itself; where its HEAD is detached, the default branch stays the one known.

        Return whether its default branch is another now.
        """
        known = self.default_branch(store, repo_id)
        told = refs.default_branch or known or next((name for name in USUAL if HEADS + name in refs.commits), USUAL[0])
        if told == known:
            return False
        store.cursors.set(_key(repo_id), told)
        return True


def _key(repo_id: int) -> str:
    return f"{KEY}{repo_id}"
