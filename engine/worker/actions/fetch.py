"""Brings the files of an action from elsewhere to one attempt: the commit pinned in the run, the files linked."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from engine.core.errors import EngineError, GitError
from engine.git.actions import ActionFiles, ActionSources
from engine.git.folder import link_file
from engine.settings.actions import place_of
from engine.store.action_pins import ActionPins
from pipelines.action_refs import ActionRef
from pipelines.records import dataclass

LOOK_S = 0.1


class ActionMissing(EngineError):
    """An action that cannot be had; says what is missing and how to have it."""


@dataclass(frozen=True, slots=True)
class FetchedAction:
    """The repository of an action at one commit. `folder` holds its files for this attempt, `inside` is its path below
    the attempt's folder of actions."""

    sha: str
    folder: Path
    inside: str
    note: str
    fetched: bool


class ActionFetcher:
    """The actions of one attempt, kept in its `folder`: seen in its box, where nobody can write."""

    def __init__(
        self, sources: ActionSources, pins: ActionPins, actions: Mapping[str, str], run_id: int, folder: Path
    ) -> None:
        self._sources = sources
        self._pins = pins
        self._actions = actions
        self._run_id = run_id
        self._folder = folder

    def fetch(self, ref: ActionRef, look: Callable[[], None]) -> FetchedAction:
        """Have the files of `ref`; `look` is called while that takes its time and may raise to give up.

        Raises ActionMissing.
        """
        name = f"{ref.host}/{ref.name}" if ref.host else ref.name
        url = place_of(self._actions, ref.written or ref.name, ref.host).url
        pinned = self._pins.get(self._run_id, name, ref.ref)
        try:
            files = self._wait(url, ref.ref, pinned, look)
            sha = pinned or self._pins.pin(self._run_id, name, ref.ref, files.sha)
            if sha != files.sha:  # another job of the run asked first
                files = self._wait(url, ref.ref, sha, look)
        except GitError as error:
            raise ActionMissing(f"The action {ref.name}@{ref.ref} is not here: {error}", self._fix(ref)) from error
        inside = f"{name}/{files.sha}"
        folder = self._folder / inside
        if not folder.exists():
            link_tree(files.folder, folder)
            for made in folder.parents:  # whatever our umask: a box may run as somebody else
                if made == self._folder:
                    break
                made.chmod(0o755)
        return FetchedAction(files.sha, folder, inside, files.note, files.fetched)

    def is_mirrored(self, ref: ActionRef) -> bool:
        """Whether `actions:` names this repository or its owner."""
        return place_of(self._actions, ref.written or ref.name, ref.host).mirrored

    def _wait(self, url: str, ref: str, sha: str, look: Callable[[], None]) -> ActionFiles:
        wait = self._sources.start(url, ref, sha)
        while (files := wait(LOOK_S)) is None:
            look()
        return files

    def _fix(self, ref: ActionRef) -> str:
        name, host = ref.written or ref.name, ref.host or "github.com"
        if self.is_mirrored(ref):
            return f"See what `actions:` in treadle.yml says of {name}."
        mirror = f"/srv/mirrors/{name}.git"
        return (
            f"To mirror it, run `git clone --mirror https://{host}/{name} {mirror}` where there is a network, and say "
            f'`actions: {{"{name}": {mirror}}}` in treadle.yml.'
        )


def link_tree(source: Path, dest: Path) -> None:
    """Make `dest` a folder with the same files as `source`, as hard links where the system allows them."""
    partial = dest.with_name(f"{dest.name}.partial")
    for folder, _, _ in os.walk(source):
        made = partial / Path(folder).relative_to(source)
        made.mkdir(parents=True, exist_ok=True)
        made.chmod(0o755)
        for entry in os.scandir(folder):
            if entry.is_symlink() or not entry.is_dir():
                link_file(Path(entry.path), made / entry.name)
    partial.rename(dest)


def read_inside(folder: Path, path: str, limit_bytes: int) -> bytes | None:
    """Return a file of a fetched repository, None when there is none: also for one that a link leads elsewhere."""
    place = (folder / path).resolve()
    if not place.is_relative_to(folder.resolve()) or not place.is_file():
        return None
    with place.open("rb") as file:
        return file.read(limit_bytes + 1)
