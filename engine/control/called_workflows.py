"""The workflows that a workflow calls, with their texts: of the same commit, or of other repositories.

Where those are is what `actions:` in treadle.yml says. Their files are kept as those of actions are; the commit that a
ref leads to is pinned in the run.
"""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

from engine.control.inbox.places import NotHere
from engine.control.planning import decoded
from engine.core.errors import GitError
from engine.git.actions import ActionSources
from engine.git.remote import RemoteRefs
from engine.settings.actions import place_of
from engine.store.store import Store
from pipelines.called import Called, WorkflowRef
from pipelines.calls import Find, Load, cannot_be_used
from pipelines.errors import WorkflowError
from pipelines.records import dataclass

MOST_BYTES = 1 << 20
REMEMBERED = 256


@dataclass(frozen=True, slots=True)
class Text:
    """A file of another repository at a commit; None when that has no such file."""

    sha: str
    content: bytes | None


Elsewhere: TypeAlias = Callable[[WorkflowRef], Text]
"""Raises GitError for a repository that cannot be had."""


class OtherRepositories:
    """Workflows of other repositories. Safe from any thread; `fetch` waits for the network."""

    def __init__(self, sources: ActionSources, actions: Callable[[], Mapping[str, str]]) -> None:
        self._sources = sources
        self._actions = actions
        self._lock = threading.Lock()
        self._known: dict[str, Text] = {}  # by address, the last ones

    def known(self, ref: WorkflowRef, problem: str) -> Text:
        """Return what `fetch` last found for `ref`, or raise GitError with the `problem` that it had instead."""
        with self._lock:
            text = None if problem else self._known.get(ref.address)
        if text is None:
            raise GitError(problem or f"the called workflow {ref.address} is not here")
        return text

    def fetch(self, ref: WorkflowRef) -> Text:
        """Return the file that `ref` names by now. Raises GitError, with how to mirror what is missing."""
        text = self._fetch(ref)
        with self._lock:
            while len(self._known) >= REMEMBERED:
                del self._known[next(iter(self._known))]
            self._known[ref.address] = text
        return text

    def _fetch(self, ref: WorkflowRef) -> Text:
        place = place_of(self._actions(), ref.repository, ref.host)
        try:
            files = self._sources.get(place.url, ref.ref)
        except GitError as error:
            fix = f"See what `actions:` in treadle.yml says of {ref.repository}."
            if not place.mirrored:
                mirror = f"/srv/mirrors/{ref.repository}.git"
                fix = (
                    f"To mirror it, run `git clone --mirror https://{ref.host or 'github.com'}/{ref.repository} "
                    f'{mirror}` where there is a network, and say `actions: {{"{ref.repository}": {mirror}}}` in '
                    "treadle.yml."
                )
            raise GitError(f"the called workflow {ref.address} is not here: {error.args[0]}", fix) from None
        path = (files.folder / ref.path).resolve()
        if not path.is_relative_to(files.folder.resolve()) or not path.is_file():
            return Text(files.sha, None)
        with path.open("rb") as file:
            return Text(files.sha, file.read(MOST_BYTES + 1))


def other_repositories(home: Path, actions: Callable[[], Mapping[str, str]]) -> OtherRepositories:
    """Return the other repositories of a home; `actions` is that of its settings by now."""
    return OtherRepositories(ActionSources(home / "cache" / "action-sources"), actions)


class CallNotHere(NotHere):
    """A workflow of another repository, which has to be asked what the ref leads to by now."""

    def __init__(self, others: OtherRepositories, ref: WorkflowRef) -> None:
        super().__init__(f"the called workflow {ref.address} is not here")
        self._others = others
        self._ref = ref
        self.key = ref.address

    def fetch(self, found: Callable[[RemoteRefs], object]) -> None:
        self._others.fetch(self._ref)


def finder(store: Store, load: Load, policy: str, elsewhere: Elsewhere) -> Find:
    """Return what finds called workflows and keeps their texts. `policy` is for those of the same commit."""

    def find(ref: WorkflowRef) -> Called | str:
        try:
            text = elsewhere(ref) if ref.repository else Text("", load(ref.path))
        except GitError as error:
            return str(error)
        if text.content is None:
            where = f"{ref.repository}@{ref.ref}" if ref.repository else "this repository"
            return f"there is no workflow {ref.path} in {where}"
        if len(text.content) > MOST_BYTES:
            return f"the workflow {ref.address} is larger than {MOST_BYTES >> 20} MiB"
        try:
            kept = "" if ref.repository else policy
            digest, workflow = store.definitions.keep(ref.address, decoded(text.content, ref.address), kept)
        except WorkflowError as error:
            return cannot_be_used(error)
        return Called(ref, workflow, digest, text.sha)

    return find
