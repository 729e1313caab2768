"""Finds an action and reads what it is: in the workspace as the steps have made it, or in another repository."""

import posixpath
from collections.abc import Callable
from dataclasses import field
from pathlib import Path

from engine.core.clock import Clock
from engine.core.errors import EngineError
from engine.worker.actions.fetch import ActionFetcher, FetchedAction, read_inside
from engine.worker.log.job_log import JobLog
from engine.worker.steps.box_tools import BoxTools
from pipelines.action_refs import ActionKind, ActionRef
from pipelines.errors import WorkflowError
from pipelines.model import Action
from pipelines.parse_actions import COMPOSITE, parse_action
from pipelines.records import dataclass

ACTION_BYTES = 1 << 20
NO_ACTION, BARE_DOCKERFILE = 66, 67
READ_ACTION = """\
for name in action.yml action.yaml; do
  if [ -f "$FOLDER/$name" ]; then
    cat "$FOLDER/$name"
    exit
  fi
done
[ ! -f "$FOLDER/Dockerfile" ] || exit 67
exit 66
"""
COPY = 'mkdir -p "$DEST"\ncp -R "$SOURCE/." "$DEST/"\nchmod -R u+w "$DEST"\n'
DOCKERFILE_ONLY = b"runs: {using: docker, image: Dockerfile}\n"


class ActionRefused(EngineError):
    """An action that cannot be run; the message says why."""


@dataclass(frozen=True, slots=True)
class LoadedAction:
    """An action, read. `folder` is where the box sees it, `outside` its files on this machine if it was fetched, and
    `repository` then the folder of all of its repository's."""

    action: Action
    folder: str
    outside: Path | None = None
    repository: Path | None = None
    origin: dict[str, str] = field(default_factory=dict)


class ActionLoader:
    """The actions of one attempt. `look` may raise to give up while something is fetched."""

    def __init__(
        self, fetcher: ActionFetcher, tools: BoxTools, log: JobLog, clock: Clock, look: Callable[[], None]
    ) -> None:
        self._fetcher = fetcher
        self._tools = tools
        self._log = log
        self._clock = clock
        self._look = look
        self._known: dict[ActionRef, LoadedAction] = {}

    def load(self, uses: str, ref: ActionRef) -> LoadedAction:
        """Return the action that `uses` names. Raises ActionRefused and ActionMissing."""
        if ref.kind is ActionKind.LOCAL:
            folder = posixpath.normpath(posixpath.join(self._tools.box.workspace, ref.path))
            return LoadedAction(parsed(uses, self._read(uses, folder)), folder)
        if ref not in self._known:
            self._known[ref] = self._remote(uses, ref)
        return self._known[ref]

    def is_mirrored(self, ref: ActionRef) -> bool:
        return self._fetcher.is_mirrored(ref)

    def _read(self, uses: str, folder: str) -> bytes:
        code, data = self._tools.capture(READ_ACTION, {"FOLDER": folder}, ACTION_BYTES)
        if code == NO_ACTION:
            raise ActionRefused(f"{uses} has no action.yml. Is the repository checked out before this step?")
        if code == BARE_DOCKERFILE:
            return DOCKERFILE_ONLY
        if code or len(data) > ACTION_BYTES:
            raise ActionRefused(f"{uses} cannot be read (exit code {code}, {len(data)} bytes).")
        return data

    def _remote(self, uses: str, ref: ActionRef) -> LoadedAction:
        began_s = self._clock.monotonic_s()
        fetched = self._fetcher.fetch(ref, self._look)
        if fetched.fetched or fetched.note:
            title, lines = f"Fetch action {ref.full_name}@{ref.ref}", told(fetched, self._clock.monotonic_s() - began_s)
            self._log.say_group(title, lines)
        action = read_fetched(uses, ref, fetched)
        folder = posixpath.normpath(posixpath.join(self._tools.box.actions, fetched.inside, ref.path))
        if action.using == COMPOSITE:
            folder = self._copy(fetched, ref)
        outside = fetched.folder / ref.path
        origin = {"action_repository": ref.written or ref.name, "action_ref": ref.ref}
        return LoadedAction(action, folder, outside, fetched.folder, origin)

    def _copy(self, fetched: FetchedAction, ref: ActionRef) -> str:
        """Give the steps of a composite action a copy of its files: some write beside themselves."""
        box = self._tools.box
        dest = posixpath.join(box.temp, "_actions", fetched.inside)
        code = self._tools.run(COPY, {"SOURCE": posixpath.join(box.actions, fetched.inside), "DEST": dest})
        if code:
            raise ActionRefused(f"The files of {ref.name} cannot be copied to {dest} (exit code {code}).")
        return posixpath.normpath(posixpath.join(dest, ref.path))


def told(fetched: FetchedAction, seconds: float) -> list[str]:
    """Return what a log says of a fetch."""
    how = f"fetched in {seconds:.1f} s" if fetched.fetched else "it was here already"
    return [*([f"##[warning]{fetched.note}"] if fetched.note else []), f"Commit {fetched.sha}, {how}"]


def read_fetched(uses: str, ref: ActionRef, fetched: FetchedAction) -> Action:
    """Return what a fetched action is. Raises ActionRefused."""
    for name in ("action.yml", "action.yaml"):
        if (data := read_inside(fetched.folder, posixpath.join(ref.path, name), ACTION_BYTES)) is not None:
            return parsed(uses, data)
    if (fetched.folder / ref.path / "Dockerfile").is_file():
        return parsed(uses, DOCKERFILE_ONLY)
    raise ActionRefused(f"{uses} has no action.yml at commit {fetched.sha[:12]}.")


def parsed(uses: str, data: bytes) -> Action:
    """Return the action that a text describes. Raises ActionRefused."""
    if len(data) > ACTION_BYTES:
        raise ActionRefused(f"The action.yml of {uses} is larger than {ACTION_BYTES >> 20} MiB.")
    try:
        action = parse_action(data, f"{uses}/action.yml")
    except WorkflowError as error:
        raise ActionRefused(str(error)) from error
    if refused := next((finding for finding in action.findings if finding.unsupported), None):
        raise ActionRefused(refused.line_for(action.path))
    return action
