"""A bare mirror of one repository in the home: fetched only for what somebody names, and read instead of the remote.

Nothing else writes into a mirror, and one fetch at a time, whichever process it is in: so what a killed one left half
done can be cleared away before the next. Commits stay when their branch is deleted or forced: runs that were planned
from them still find their files.
"""

import fcntl
import hashlib
import os
import re
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from engine import made_again
from engine.core.errors import GitError
from engine.core.refs import HEADS, TAGS
from engine.git import remote, repository
from engine.git.remote import Remote, RemoteRefs

_NOT_IN_SLUG = re.compile(r"[^A-Za-z0-9._-]+")


class Mirror:
    """The mirror of `source` under `folder`. Safe from any thread; fetches of one mirror go one after the other."""

    def __init__(self, folder: Path, name: str, source: Remote) -> None:
        self.source = source
        self.path = folder / f"{slug(name)}.git"
        self._lock = threading.RLock()  # of this process; `_alone` keeps others out as well
        self._ready = False

    def look(self) -> RemoteRefs:
        """Ask the remote what refs it has, fetching nothing. Raises GitError."""
        self._prepare()
        return remote.list_refs(self.path, self.source)

    def fetch(self, refs: Collection[str], commits: Collection[str] = ()) -> RemoteRefs:
        """Bring the branches, `refs` (full names) and, where the remote gives them singly, `commits`.

        Return what refs the remote has. Raises GitError when it cannot be reached; a ref that it lacks is no error.
        """
        self._prepare()
        with self._alone():
            named = [ref for ref in dict.fromkeys(refs) if not ref.startswith(HEADS) and ref.startswith("refs/")]
            specs = [f"+{HEADS}*:{HEADS}*", *(f"+{r}:{r}" for r in named)]
            found = self._fetch(specs)
            named.append(f"{HEADS}{found.default_branch}")
            asked = [found.commits[ref] for ref in (*refs, *named) if ref in found.commits]
            if not all(map(self.has, asked)) and (damage := remote.damage_of(self.path)):
                found = self._fetch_anew(specs, damage)  # it had the refs, but not what they lead to
            for sha in commits:
                if not self.has(sha):
                    self._fetch_singly(sha)
            return found

    def bring(self, sha: str, ref: str | None) -> bool:
        """Bring one commit, and no more than it takes: by the `ref` that leads to it, else by its id, else with all.

        Return whether the remote was asked. Raises GitError when it cannot be reached or has no such commit.
        """
        self._prepare()
        with self._alone():
            if self.has(sha):
                return False
            everything = [f"+{HEADS}*:{HEADS}*", f"+{TAGS}*:{TAGS}*"]
            if ref is not None:
                self._fetch([f"+{ref}:{ref}"], depth=1)
            else:
                self._fetch_singly(sha, depth=1)
            if not self.has(sha):
                self._fetch(everything)
            if not self.has(sha):
                raise GitError(f"{self.source.url} has no commit {sha}.")
            return True

    def has(self, rev: str) -> bool:
        """Return whether a commit (or a ref that leads to one) is here."""
        return self.resolve(rev) is not None

    def resolve(self, rev: str) -> str | None:
        """Return the commit that a sha or a full ref leads to, or None when it is not here."""
        self._prepare()
        try:
            return repository.resolve(self.repo(), rev)
        except GitError:
            return None

    def repo(self) -> repository.Repo:
        self._prepare()
        found = repository.discover(self.path)
        if found is None:
            raise GitError(f"The mirror {self.path} is no repository any more.", "Remove it; it is fetched anew.")
        return found

    def _fetch(self, refspecs: list[str], depth: int = 0) -> RemoteRefs:
        """Fetch; once more into a new mirror if this one was damaged. Raises GitError."""
        try:
            return remote.fetch(self.path, self.source, refspecs, depth)
        except GitError:
            if not (damage := remote.damage_of(self.path)):
                raise
        return self._fetch_anew(refspecs, damage, depth)

    def _fetch_anew(self, refspecs: list[str], damage: str, depth: int = 0) -> RemoteRefs:
        remote.put_aside(self.path, damage)
        remote.make_mirror(self.path, self.source.url)
        return remote.fetch(self.path, self.source, refspecs, depth)

    def _fetch_singly(self, sha: str, depth: int = 0) -> None:
        """Ask for a commit that no branch leads to any more; many servers give only what they show."""
        try:
            self._fetch([f"+{sha}:refs/treadle/{sha}"], depth)
        except GitError:
            return

    def _prepare(self) -> None:
        if self._ready:  # without the lock, which a fetch has for as long as its remote takes
            return
        with self._lock:
            if not self._ready:
                remote.make_mirror(self.path, self.source.url)
                self._ready = True

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep every other thread and process from fetching into the mirror, and clear away what a killed one left."""
        with self._lock:
            fd = made_again.lock_file(self.path / "fetching")
            try:
                fcntl.flock(fd, fcntl.LOCK_EX)
                for lock in [*self.path.glob("*.lock"), *self.path.glob("refs/**/*.lock")]:
                    lock.unlink(missing_ok=True)
                for partial in self.path.glob("objects/pack/pack_*"):  # libgit2's name for a pack it is receiving
                    partial.unlink(missing_ok=True)
                yield
            finally:
                os.close(fd)


def slug(name: str) -> str:
    """Return a folder's name for a repository's, never the same for two of them, and never more than a name."""
    plain = _NOT_IN_SLUG.sub("-", name).strip("-.") or "repository"
    return f"{plain[:80]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
