"""The port to whatever runs a job: Docker, this machine, or a fake. Contracts on order, repetition and threads.

A *box* is where one attempt runs: a container, or a process group on this machine. Inside it runs one small
shell driver (`driver.sh`) that the engine talks to through files in the attempt's *channel* folder only, so a
step costs milliseconds, a restart of the engine loses nothing, and every executor shares one way to run steps.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pipelines.container_options import BoxOptions


@dataclass(frozen=True, slots=True)
class BoxSpec:
    """All that a box is made from. `folder` is the attempt's own folder in the home; it exists and is 0700.

    `source`, if set, is a finished checkout on this machine (never written while in use): seen read-only inside as
    `Box.source`. With `overlay` the workspace starts as a copy-on-write view of it, else it starts empty.
    `labels` go onto the container. `env` is for the driver alone; steps get theirs with each script.
    """

    name: str
    image: str | None
    folder: Path
    labels: Mapping[str, str]
    env: Mapping[str, str] = field(default_factory=dict)
    source: Path | None = None
    overlay: bool = False
    volumes: tuple[str, ...] = ()
    cpus: float | None = None
    memory_bytes: int | None = None
    options: BoxOptions = field(default_factory=BoxOptions)


@dataclass(frozen=True, slots=True)
class BoxExit:
    """How a box ended. `oom_killed` is the engine's own word; trust the driver's counter first."""

    exit_code: int
    oom_killed: bool = False


class Box(Protocol):
    """A started box. All methods may be called from any thread and again after the end.

    `channel`, `workspace`, `temp` and `source` are paths as seen *inside*; `channel` is `folder/channel` outside.
    """

    id: str
    channel: str
    workspace: str
    temp: str
    source: str | None

    def interrupt(self) -> None:
        """Ask the driver (SIGUSR1) to end the current step: TERM, grace, KILL, sweep. The driver lives on."""

    def exited(self, timeout_s: float = 0.0) -> BoxExit | None:
        """Return how the box ended, waiting up to `timeout_s`; None while it runs."""

    def kill(self) -> None:
        """End everything in the box at once, without grace. Safe to repeat."""

    def read_file(self, path: str, limit_bytes: int) -> bytes:
        """Return a file by its absolute path inside, also while a step runs. Raises EngineError with the reason."""

    def remove(self) -> None:
        """Take away the container and its volumes. Kills first if it must. Safe to repeat; never raises for 'gone'."""


class Executor(Protocol):
    """Makes boxes. One instance serves all workers, from any thread."""

    kind: str

    def check(self) -> None:
        """Raise ExecutorUnavailable, with the fix, when no box could be started at all."""

    def ensure_image(self, image: str, say: "Say") -> None:
        """Have `image` here, pulling it if it is missing. Raises ExecutorUnavailable naming image and fix."""

    def expect(self, boxes: int, image: str | None) -> None:
        """Hint that this many boxes, likely of `image`, wait to be started after the next one. Returns at once."""

    def start(self, spec: BoxSpec) -> Box:
        """Start a box whose driver waits for its first step. Raises ExecutorUnavailable, or EngineError to retry."""

    def adopt(self, spec: BoxSpec, box_id: str) -> Box | None:
        """Take up a box that an earlier engine started; None when it is gone. An ended one is returned to be read."""

    def strays(self, known: Iterable[str]) -> list[str]:
        """Remove boxes of this home whose id is not in `known`; return what was removed."""

    def close(self) -> None:
        """Give back everything kept warm (network slots, spare boxes). Running boxes are left alone."""


class Say(Protocol):
    """Where an executor tells the job's log what it is doing, a line at a time."""

    def __call__(self, line: str, /) -> None: ...
