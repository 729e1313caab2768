"""The repositories of actions: one bare mirror each, and the files of every commit that somebody asked for.

`mirrors/` is fetched into for what a `uses:` names and no more; `files/REPOSITORY/SHA` is a finished copy that is never
written again. What nobody asked for in a month is taken away when the engine starts.
"""

import re
import secrets
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from datetime import datetime, timedelta
from difflib import get_close_matches
from os import utime
from pathlib import Path

from engine import made_again
from engine.core.errors import GitError
from engine.core.refs import HEADS, TAGS
from engine.git import checkout
from engine.git.mirror import Mirror, slug
from engine.git.remote import Remote, remote
from pipelines.records import dataclass

SHA = re.compile(r"[0-9a-f]{40}")
UNUSED = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class ActionFiles:
    """The files of a repository at one commit, finished. `note` says what a person should know of how they were found;
    `fetched`: the repository was asked for them just now."""

    sha: str
    folder: Path
    note: str = ""
    fetched: bool = False


class ActionSources:
    """The cache under `folder`. Safe from any thread; one process at a time (one engine per home)."""

    def __init__(self, folder: Path) -> None:
        self._mirrors = folder / "mirrors"
        self._files = folder / "files"
        self._partial = folder / "partial"
        self._lock = threading.Lock()
        self._coming: dict[tuple[str, str], Future[ActionFiles]] = {}

    def recover(self, now: datetime) -> None:
        """Take away what a killed engine was making, and what was not asked for in a month."""
        shutil.rmtree(self._partial, ignore_errors=True)
        for place in [*self._files.glob("*/*"), *self._mirrors.glob("*.git")]:
            if not place.is_dir():
                made_again.make_way(place)
            elif datetime.fromtimestamp(place.stat().st_mtime, now.tzinfo) < now - UNUSED:
                shutil.rmtree(place, ignore_errors=True)

    def get(self, url: str, ref: str, sha: str = "") -> ActionFiles:
        """Return the files of a branch, a tag or a commit; with `sha` of that commit, whatever `ref` leads to by now.

        Callers that want the same at once wait for one fetch. A branch or tag whose repository does not answer is taken
        as it was last seen, with a note. Raises GitError.
        """
        key = (url, sha or ref)
        with self._lock:
            coming = self._coming.get(key)
            if mine := coming is None:
                coming = self._coming[key] = Future()
        if not mine:
            return coming.result()
        try:
            coming.set_result(self._get(remote(url), ref, sha))
        except BaseException as error:
            coming.set_exception(error)
        finally:
            with self._lock:
                del self._coming[key]
        return coming.result()

    def start(self, url: str, ref: str, sha: str = "") -> Callable[[float], ActionFiles | None]:
        """Begin to `get` on a thread aside; what is returned waits for so many seconds and gives None until it is done.

        Raises GitError as `get` does. Who stops waiting leaves the fetch to its end: somebody will want it again.
        """
        done: Future[ActionFiles] = Future()

        def work() -> None:
            try:
                done.set_result(self.get(url, ref, sha))
            except BaseException as error:
                done.set_exception(error)

        threading.Thread(target=work, name="fetch-action", daemon=True).start()

        def wait(seconds: float) -> ActionFiles | None:
            with suppress(TimeoutError):
                return done.result(seconds)
            return None

        return wait

    def _get(self, source: Remote, ref: str, pinned: str) -> ActionFiles:
        mirror = Mirror(self._mirrors, source.url, source)
        sha, full, note = pinned or (ref if SHA.fullmatch(ref) else ""), None, ""
        if not sha:
            sha, full, note = self._look(mirror, ref)
        folder = self._files / slug(source.url) / sha
        fetched = False
        if not folder.is_dir():
            fetched = mirror.bring(sha, full)
            self._write(mirror, sha, folder)
        for used in (folder, mirror.path):
            with suppress(FileNotFoundError):
                utime(used)
        return ActionFiles(sha, folder, note, fetched)

    def _look(self, mirror: Mirror, ref: str) -> tuple[str, str | None, str]:
        """Return the commit that a branch or tag leads to, its full name, and a note for people."""
        names = [ref] if ref.startswith("refs/") else [TAGS + ref, HEADS + ref]
        try:
            known = mirror.look().commits
        except GitError as error:
            for name in names:
                if (sha := mirror.resolve(name)) is not None:
                    return sha, None, f"{ref} is taken as it was last seen, for {error}"
            raise
        for name in names:
            if name in known:
                return known[name], name, ""
        if re.fullmatch(r"[0-9a-f]{7,39}", ref):
            raise GitError(f"{mirror.source.url} has no branch or tag {ref}.", "Name a commit by all its 40 digits.")
        near = get_close_matches(ref, [re.sub("^refs/(heads|tags)/", "", name) for name in known], 3)
        hint = f"Did you mean {' or '.join(near)}?" if near else ""
        raise GitError(f"{mirror.source.url} has no branch or tag {ref}.", hint)

    def _write(self, mirror: Mirror, sha: str, folder: Path) -> None:
        partial = made_again.folder(self._partial / secrets.token_hex(8))
        partial.chmod(0o755)
        try:
            checkout.export(mirror.repo(), sha, partial)
            for path in partial.rglob("*"):
                if path.is_file() and not path.is_symlink():
                    path.chmod(path.stat().st_mode & 0o555)
            made_again.folder(folder.parent)
            with suppress(OSError):  # another one was quicker
                partial.rename(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        if not folder.is_dir():
            raise GitError(f"The files of {mirror.source.url} cannot be kept in {folder}.")
