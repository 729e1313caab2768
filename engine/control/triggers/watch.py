"""Watches repositories on this machine: their commits, or the files of their working trees.

A burst of changes counts as one. The file list of a working tree is what git would take: `.gitignore` is respected.
"""

import logging
import threading
import uuid
from pathlib import Path

from engine.bus import Bus
from engine.control.aside import Aside
from engine.control.inbox.occasions import working_tree_key
from engine.control.mirrors import Mirrors
from engine.control.own_events import own_arrival, push_payload
from engine.control.repo_ids import repo_id_of
from engine.control.sources import WATCH
from engine.control.triggers.poll import Lookout
from engine.core.clock import Clock
from engine.core.errors import GitError
from engine.core.refs import HEADS
from engine.git import repository
from engine.git.folder import common_dir
from engine.git.mirror import slug
from engine.git.snapshot import snapshot_worktree
from engine.settings.live import LiveSettings
from engine.settings.model import RepoSettings
from engine.store.store import Store

log = logging.getLogger(__name__)
logging.getLogger("watchfiles").setLevel(logging.WARNING)  # it tells of every change
CERTAIN_MS = 1000
QUIET_MS, LONGEST_MS = 200, 2000  # a burst is over when nothing changed for so long; it is cut off after so long


class Watcher:
    """One thread for all watched repositories; a snapshot is made on a thread aside, one at a time for each."""

    def __init__(
        self, store: Store, settings: LiveSettings, bus: Bus, clock: Clock, mirrors: Mirrors, lookout: Lookout
    ) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock
        self._mirrors = mirrors
        self._lookout = lookout
        self._aside = Aside(store)
        self._settings = settings
        self._watched: dict[Path, RepoSettings] = {}
        self._stopped = threading.Event()
        self._over = threading.Event()  # what is watched now: the settings are others, or it is time to stop
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        self._bus.join(self, "settings")
        self._thread.start()

    def stop(self) -> None:
        self._bus.leave(self)
        self._stopped.set()
        self._over.set()
        self._thread.join()

    def wake(self) -> None:
        """Begin anew, for the settings are others."""
        self._over.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._over.clear()
            self._watched = self._places()
            try:
                if self._watched and not self._stopped.is_set():
                    self._watch()
            except (OSError, RuntimeError) as error:  # such as the system's limit of watches
                log.error("watching ends: %s", error)
            self._over.wait()

    def _watch(self) -> None:
        """Watch until it is over. What happened before, since the last time, is looked for at once (whose commits are
        watched, by the lookout), and once more when it is certain that nothing goes by unseen any more."""
        import watchfiles  # slow to load, and many a home watches nothing

        self._look_at_all("files")
        certain = False
        for changes in watchfiles.watch(
            *self._watched, watch_filter=None, debounce=LONGEST_MS, step=QUIET_MS, stop_event=self._over,
            rust_timeout=CERTAIN_MS, yield_on_timeout=True, raise_interrupt=False, ignore_permission_denied=True,
        ):  # fmt: skip
            if not certain:
                certain = True
                self._look_at_all("commits", "files")
            if changes:
                self._changed({Path(path) for _, path in changes})

    def _look_at_all(self, *kinds: str) -> None:
        for repo in {repo.name: repo for repo in self._watched.values() if repo.watch in kinds}.values():
            self._look(repo, None)

    def _places(self) -> dict[Path, RepoSettings]:
        watched: dict[Path, RepoSettings] = {}
        for repo in self._settings.now.repos:
            try:
                if repo.watch is not None:
                    watched |= dict.fromkeys(_places(self._mirrors.of(repo).source.local, repo), repo)
            except GitError as error:
                log.error("%s is not watched: %s", repo.name, error)
        return watched

    def _changed(self, paths: set[Path]) -> None:
        """Have those repositories looked at in whose places something changed."""
        mine: dict[RepoSettings, set[Path]] = {}
        for path in paths:
            for repo in {self._watched[place] for place in (path, *path.parents) if place in self._watched}:
                mine.setdefault(repo, set()).add(path)
        for repo, changed in mine.items():
            self._look(repo, changed)

    def _look(self, repo: RepoSettings, changed: set[Path] | None) -> None:
        if repo.watch == "commits":
            self._lookout.look(repo.name, WATCH, hasten=changed is not None)
        else:
            self._aside.go(repo.name, lambda: self._snapshot(repo, changed))

    def _snapshot(self, repo: RepoSettings, changed: set[Path] | None = None) -> None:
        """On a thread aside: take the working tree as it is; it is an event if its files differ from the last one's."""
        if self._stopped.is_set():
            return
        try:
            if take_snapshot(self._store, self._mirrors, repo, self._clock, changed):
                self._bus.wake("inbox")
        except GitError as error:
            log.warning("%s: %s", repo.name, error)


def take_snapshot(
    store: Store, mirrors: Mirrors, repo: RepoSettings, clock: Clock, changed: set[Path] | None = None
) -> bool:
    """Accept an event if the working tree's files are others than at the last look; return whether they are.

    `changed` are the paths that changed (None: not known). The first look ever only takes the files for known. Raises
    GitError.
    """
    root = mirrors.of(repo).source.local
    found = repository.discover(root) if root is not None else None
    if found is None:
        raise GitError(f"{repo.url} is not a repository on this machine.")
    if changed is not None and repository.ignored(found, changed) == changed:
        return False
    repo_id = repo_id_of(store, repo)
    place = store.home / "repos" / f"{slug(f'working tree of {repo.name}')}.git"
    taken = snapshot_worktree(found, place)
    with store.database.write(durable=True):
        last = store.cursors.get(working_tree_key(repo_id))
        store.cursors.set(working_tree_key(repo_id), {"tree": taken.tree, "sha": taken.sha})
        if last is None or last["tree"] == taken.tree:
            return False
        delivery = f"files-{uuid.uuid4()}"
        payload = push_payload(repo.name, f"{HEADS}{found.branch or 'HEAD'}", last["sha"], taken.sha, None)
        snapshot = {
            "sha": taken.sha,
            "root": str(found.root),
            "mirror": str(place) if taken.dirty else None,
            "head": taken.head,
        }
        arrival = own_arrival(repo_id, delivery, "push", WATCH, payload, snapshot=snapshot)
        store.inbox.accept([arrival], clock.now())
    return True


def _places(root: Path | None, repo: RepoSettings) -> list[Path]:
    """Return the folders to watch. Raises GitError when there is nothing on this machine to watch."""
    found = repository.discover(root) if root is not None and root.exists() else None
    if found is None:
        raise GitError(f"{repo.url} is not a repository on this machine.")
    if repo.watch == "files":
        if found.bare:
            raise GitError(f"{repo.url} is bare: it has no files to watch.")
        return [found.root]
    shared = common_dir(found.git_dir)
    return [place for place in (shared / "refs", shared / "reftable") if place.is_dir()]
