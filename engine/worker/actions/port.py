"""The port between a built-in action and the job it is a step of: all that an action sees of the engine."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from engine.core.errors import EngineError
from engine.store.contents.artifacts import Artifacts
from engine.store.contents.caches import Caches
from pipelines.records import dataclass

CAPTURE_LIMIT_BYTES = 1 << 20


class ActionHost(Protocol):
    """One step of one attempt, as its action sees it. Used from one thread.

    `workspace`, `temp`, `home_dir`, `source` and `exchange_inside` are paths inside the box; `exchange` is the folder
    `exchange_inside` seen from outside. `source` is a finished checkout of `source_sha`, mounted read-only;
    `workspace_is_source` says that the workspace began as a copy of it. `saved` is what the action leaves for its own
    part after the job's steps. `scopes` are the refs whose caches it may see, its own first.
    """

    inputs: Mapping[str, str]
    run_id: int
    job_id: int
    attempt: int
    repo_name: str
    workspace: str
    temp: str
    exchange: Path
    exchange_inside: str
    source: str | None
    source_sha: str | None
    workspace_is_source: bool
    saved: dict[str, str]
    scopes: tuple[str, ...]

    @property
    def home_dir(self) -> str: ...

    def shell(self, script: str, env: Mapping[str, str] = {}) -> int:
        """Run a POSIX sh script in the box as part of this step and return its exit code; its output is logged.

        Values go in by `env` only, never into the text of the script.
        """

    def capture(
        self, script: str, env: Mapping[str, str] = {}, limit_bytes: int = CAPTURE_LIMIT_BYTES
    ) -> tuple[int, bytes]:
        """Run a script like `shell` does, and return its exit code and what it printed, up to `limit_bytes`."""

    def say(self, line: str) -> None:
        """Write a line into the step's log."""

    def annotate(self, level: str, message: str) -> None:
        """Show an error, warning or notice in the log and on the run."""

    def output(self, name: str, value: str) -> None:
        """Set an output of the step."""

    def add_path(self, folder: str) -> None:
        """Put a folder of the box in front of PATH for the steps that follow."""

    def set_env(self, name: str, value: str) -> None:
        """Set a variable for the steps that follow."""

    def checkout_folder(self, ref: str | None, repository: str | None) -> Path:
        """Return a finished checkout on this machine: of `ref`, or with None of the run. Raises GitError."""


@dataclass(frozen=True, slots=True)
class Stores:
    """What actions keep things in, and within which bounds."""

    artifacts: Artifacts
    artifact_limit_bytes: int
    caches: Caches
    caches_limit_bytes: int


class ActionError(EngineError):
    """The step has failed for a reason that a person can mend; the message is what the log says."""


class NotInImage(ActionError):
    """The box lacks what the action is to give; the action of this name from elsewhere may yet bring it."""


def boolean(host: ActionHost, name: str, default: bool) -> bool:
    """Return an input that has to be true or false. Raises ActionError for anything else."""
    value = host.inputs.get(name, "").strip()
    if value and value not in ("true", "True", "TRUE", "false", "False", "FALSE"):
        raise ActionError(f"The input `{name}` has to be true or false, not {value!r}.")
    return value.lower() == "true" if value else default
