"""Finished checkouts, one folder per commit and branch: built once, shared by every job, never written again."""

import hashlib
import json
import secrets
import shutil
import threading
from collections.abc import Collection
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path

from engine import made_again
from engine.core.clock import Clock, SystemClock
from engine.git import repository
from engine.git.checkout import materialise
from pipelines.records import dataclass


@dataclass(frozen=True, slots=True)
class Finished:
    """A checkout that is ready. `size_bytes` counts its files, not its history, which is shared with the repository."""

    path: Path
    repo: str
    sha: str
    size_bytes: int
    used_at: datetime


class Checkouts:
    """The cache under `folder`. Safe from any thread; one process at a time (one engine per home)."""

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        self.folder = folder
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._building: dict[str, Future[Path]] = {}
        self._lent: dict[Path, int] = {}
        self._partial = folder / "partial"
        shutil.rmtree(self._partial, ignore_errors=True)  # what a killed engine was building
        made_again.folder(self._partial)

    def get(self, repo: repository.Repo, sha: str, branch: str | None = None) -> Path:
        """Return the finished checkout of a commit or snapshot, HEAD on `branch` (None: detached); build it if need be.

        Callers that want the same one wait for one build. Raises GitError for a commit that cannot be checked out.
        """
        key = _key(repo, sha, branch)
        path = self.folder / key
        with self._lock:
            if path.is_dir() and self._touch(key):
                return path
            building = self._building.get(key)
            if mine := building is None:
                building = self._building[key] = Future()
        if not mine:
            return building.result()
        try:
            self._build(repo, sha, branch, key)
            building.set_result(path)
        except BaseException as error:
            building.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._building[key]
        return path

    def list(self) -> "list[Finished]":
        """Return what is finished, least recently used first."""
        found = []
        for note in self.folder.glob("*.json"):
            path = note.with_suffix("")
            if path.is_dir() and (one := _noted(path, note)) is not None:
                found.append(one)
        return sorted(found, key=lambda one: (one.used_at, one.path))

    def prune(
        self, keep_bytes: int | None = None, keep_n: int | None = None, in_use: Collection[Path] = ()
    ) -> tuple[Path, ...]:
        """Remove least recently used checkouts beyond the given bounds, never one `in_use`; return what was removed."""
        with self._lock:
            finished = self.list()
            left_bytes, left_n, removed = sum(one.size_bytes for one in finished), len(finished), []
            for one in finished:
                over = (keep_bytes is not None and left_bytes > keep_bytes) or (keep_n is not None and left_n > keep_n)
                if not over or one.path in in_use or one.path in self._lent:
                    continue
                one.path.rename(self._partial / f"{one.path.name}-{secrets.token_hex(4)}")
                one.path.with_name(one.path.name + ".json").unlink()
                left_bytes, left_n = left_bytes - one.size_bytes, left_n - 1
                removed.append(one.path)
        for path in removed:
            for doomed in self._partial.glob(f"{path.name}-*"):
                shutil.rmtree(doomed, ignore_errors=True)
        return tuple(removed)

    def _build(self, repo: repository.Repo, sha: str, branch: str | None, key: str) -> None:
        partial = self._partial / f"build-{secrets.token_hex(8)}"
        partial.mkdir()
        base = self._lend(str(repo.root))
        try:
            partial.chmod(0o755)
            size = materialise(repo, sha, partial, branch, (base.path, base.sha) if base else None)
            with self._lock:
                made_again.make_way(self.folder / key)  # one whose note was damaged, which nobody is lent
                self._write_note(key, {"repo": str(repo.root), "sha": sha, "size_bytes": size})
                partial.rename(self.folder / key)
        finally:
            if base is not None:
                with self._lock:
                    self._lent[base.path] -= 1
                    if not self._lent[base.path]:
                        del self._lent[base.path]
            shutil.rmtree(partial, ignore_errors=True)

    def _lend(self, repo: str) -> Finished | None:
        """Pick the newest checkout of the repository to link unchanged files from, and keep it from being pruned."""
        with self._lock:
            base = next((one for one in reversed(self.list()) if one.repo == repo), None)
            if base is not None:
                self._lent[base.path] = self._lent.get(base.path, 0) + 1
            return base

    def _touch(self, key: str) -> bool:
        """Note that a checkout is used now; False for one whose note is damaged: nobody knows that it is whole."""
        one = _noted(self.folder / key, self.folder / f"{key}.json")
        if one is not None:
            self._write_note(key, {"repo": one.repo, "sha": one.sha, "size_bytes": one.size_bytes})
        return one is not None

    def _write_note(self, key: str, facts: dict[str, object]) -> None:
        partial, note = self._partial / f"note-{secrets.token_hex(8)}", self.folder / f"{key}.json"
        partial.write_text(json.dumps(facts | {"used_at": self._clock.now().isoformat()}))
        if note.is_dir():
            made_again.make_way(note)
        partial.replace(note)


def _noted(path: Path, note: Path) -> Finished | None:
    try:
        data = json.loads(note.read_text())
        used = datetime.fromisoformat(data["used_at"])
        return Finished(path, str(data["repo"]), str(data["sha"]), int(data["size_bytes"]), used)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _key(repo: repository.Repo, sha: str, branch: str | None) -> str:
    """Name a checkout by all that its content depends on."""
    facts = json.dumps([str(repo.root), repo.remote_url, branch])
    return f"{sha}-{hashlib.sha256(facts.encode()).hexdigest()[:16]}"
