"""The port to containers beside a box: what a container action runs in. Contracts on mounts, output and ends.

A *sibling* is one container that runs one program to its end, in the network of a job's box and with its files.
"""

from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from engine.core.errors import EngineError
from pipelines.records import dataclass

if TYPE_CHECKING:
    from engine.worker.executor import Say
    from engine.worker.steps.script_runner import Task


@dataclass(frozen=True, slots=True)
class SiblingSpec:
    """All that a sibling is made from. `box_id` is the container whose network, workspace and temporary folder it
    shares; '' for a job on this machine itself, whose folders `binds` then holds, like all else, by their inside paths.

    Without `arguments` (None) the image's own are taken, without `entrypoint` ('') the image's own program.
    """

    name: str
    image: str
    labels: Mapping[str, str]
    env: Mapping[str, str]
    binds: Mapping[str, Path]
    box_id: str = ""
    entrypoint: str = ""
    arguments: tuple[str, ...] | None = None
    cpus: float | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """An image to be built: the files of a folder, packed, and the Dockerfile among them. `key` names this content."""

    name: str
    key: str
    context: Path
    dockerfile: str
    labels: Mapping[str, str] = field(default_factory=dict)


class ImageFailed(EngineError):
    """An image that cannot be built, or cannot be run as asked; the message holds the engine's own words."""


class Siblings(Protocol):
    """Makes siblings and their images. Safe from any thread."""

    def start(self, spec: SiblingSpec, index: int, log: Path, grace_s: float) -> "Sibling":
        """Start a container; what it prints goes into the new file `log` whole. Raises ImageFailed."""

    def build(self, recipe: Recipe, say: "Say", look: Callable[[], None]) -> str:
        """Return an image of this content, building it if no image of this home has it; the engine's words go to `say`.

        `look` is called all the while and may raise to give up. Raises ImageFailed when it cannot be built.
        """


class Sibling(Protocol):
    """A running sibling: a Task that has to be removed. `remove` kills first if it must and never fails for 'gone'."""

    @property
    def task(self) -> "Task": ...

    def remove(self) -> None: ...
