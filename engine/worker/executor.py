"""The port to whatever runs a job: Docker, this machine, or a fake. Contracts on order, repetition and threads.

A *box* is where one attempt runs: a container, or a process group on this machine. Inside it runs one small
shell driver (`driver.sh`) that the engine talks to through files in the attempt's *channel* folder only, so a
step costs milliseconds, a restart of the engine loses nothing, and every executor shares one way to run steps.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from engine.worker.box_files import OwnFiles
from engine.worker.held import HeldBoxes
from engine.worker.sibling import Siblings
from pipelines.container_options import BoxOptions
from pipelines.ports import Port
from pipelines.records import dataclass
from pipelines.volumes import Volume

if TYPE_CHECKING:
    from engine.worker.services import Services, ServicesSpec


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a registry wants to know before it gives an image out."""

    username: str
    password: str = field(repr=False)


def nothing() -> None:
    """Nobody wants to leave."""


def box_name(job_id: int, attempt: int, attempt_id: int) -> str:
    """Return how the box of an attempt is called, and what belongs to it."""
    return f"treadle-{job_id}-{attempt}-{attempt_id}"


@dataclass(frozen=True, slots=True)
class BoxSpec:
    """All that a box is made from. `folder` is the attempt's own folder in the home; it exists and is 0700.

    `source`, if set, is a finished checkout on this machine (never written while in use): seen read-only inside as
    `Box.source`. With `overlay` the workspace starts as a copy-on-write view of it, else it starts empty.
    `labels` go onto the container. `env` is for the driver alone; steps get theirs with each script.
    `network` is that of the job's services, '' where it has none. `ports` are published on this machine's loopback.
    `folder/actions`, if it is there, is seen read-only as `Box.actions`; `node`, a folder with bin/node, as `Box.node`.
    """

    name: str
    image: str | None
    folder: Path
    labels: Mapping[str, str]
    env: Mapping[str, str] = field(default_factory=dict)
    source: Path | None = None
    overlay: bool = False
    volumes: tuple[Volume, ...] = ()
    ports: tuple[Port, ...] = ()
    network: str = ""
    node: Path | None = None
    cpus: float | None = None
    memory_bytes: int | None = None
    options: BoxOptions = field(default_factory=BoxOptions)


@dataclass(frozen=True, slots=True)
class BoxExit:
    """How a box ended. `oom_killed` is the engine's own word; trust the driver's counter first.

    `why` says what took away a box that did not end by itself, '' where nobody knows more than that it is gone.
    """

    exit_code: int
    oom_killed: bool = False
    why: str = field(default="", compare=False)


class Box(Protocol):
    """A started box. All methods may be called from any thread and again after the end.

    `channel`, `workspace`, `temp`, `source`, `actions` and `node` are paths as seen *inside*; `channel` and `actions`
    are folders of these names in `folder` outside.
    """

    id: str
    channel: str
    workspace: str
    temp: str
    source: str | None
    actions: str
    node: str | None

    def facts(self) -> dict[str, Any]:
        """Return `job.container`: id, network and published ports; nothing where the box is no container."""

    def interrupt(self) -> None:
        """Ask the driver (SIGUSR1) to end the current step: TERM, grace, KILL, sweep. The driver lives on."""

    def exited(self, timeout_s: float = 0.0) -> BoxExit | None:
        """Return how the box ended, waiting up to `timeout_s`; None while it runs."""

    def kill(self) -> None:
        """End everything in the box at once, without grace. Safe to repeat."""

    def read_file(self, path: str, limit_bytes: int) -> bytes:
        """Return a file by its absolute path inside, also while a step runs. Raises EngineError with the reason."""

    def own_files(self) -> OwnFiles:
        """Return where the job's own files are: all that a like box without a step would lack. Raises EngineError."""

    def aside(self, script: str, env: Mapping[str, str], look: Callable[[], None]) -> int:
        """Run a POSIX sh script beside the steps, as root where the box is a container; return its exit code.

        Its output goes nowhere. `look` is called again and again, and may raise to leave it. Raises EngineError.
        """

    def remove(self) -> None:
        """Take away the container and its volumes. Kills first if it must. Safe to repeat; never raises for 'gone'."""


class Executor(Protocol):
    """Makes boxes. One instance serves all workers, from any thread.

    `siblings` makes containers beside a box, `held` looks after boxes that outlive their attempts; None: it cannot.
    What else an executor cannot do, the method that is asked for it refuses.
    """

    kind: str

    @property
    def siblings(self) -> Siblings | None: ...

    @property
    def held(self) -> HeldBoxes | None: ...

    @property
    def left_behind(self) -> bool:
        """Whether something could not be removed when its time was over: `strays` removes it."""

    def check(self) -> None:
        """Raise ExecutorUnavailable, with the fix, when no box could be started at all."""

    def ensure_image(
        self, image: str, say: "Say", credentials: Credentials | None = None, look: Callable[[], None] = nothing
    ) -> None:
        """Have `image` here, pulling it if it is missing. Raises ExecutorUnavailable naming image and fix.

        `look` is called again and again while that takes its time, and may raise to leave it.
        """

    def expect(self, boxes: int, image: str | None) -> None:
        """Hint that this many boxes, likely of `image`, wait to be started after the next one. Returns at once."""

    def start(self, spec: BoxSpec, look: Callable[[], None] = nothing) -> Box:
        """Start a box whose driver waits for its first step. Raises ExecutorUnavailable, or EngineError to retry.

        Where that may take longer than a moment `look` is called again and again, and may raise to leave it: then no
        box is left.
        """

    def adopt(self, spec: BoxSpec, box_id: str) -> Box | None:
        """Take up a box that an earlier engine started; None when it is gone. An ended one is returned to be read."""

    def serve(self, spec: "ServicesSpec", say: "Say", check_in: Callable[[], None]) -> "Services":
        """Start the services of an attempt, whose images are here, and the network for them and its box.

        Raises ExecutorUnavailable, or EngineError, having taken away what was started; whatever `check_in` raises.
        """

    def adopt_services(self, spec: "ServicesSpec") -> "Services | None":
        """Take up services that an earlier engine started; None when one of them is gone, and then none is left."""

    def strays(self, known: Iterable[str]) -> list[str]:
        """Remove boxes of this home whose id is not in `known`, and services whose box's name is not; return them."""

    def close(self) -> None:
        """Give back everything kept warm (network slots, spare boxes). Running boxes are left alone."""


class Say(Protocol):
    """Where an executor tells the job's log what it is doing, a line at a time."""

    def __call__(self, line: str, /) -> None: ...
