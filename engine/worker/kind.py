"""What is known of an executor before it is made: making one loads its library and asks its engine."""

from collections.abc import Callable
from dataclasses import field

from engine.core.errors import ExecutorUnavailable
from engine.worker.services import ServicePlan
from pipelines.container_options import BoxOptions
from pipelines.errors import Place
from pipelines.model import Job
from pipelines.ports import Port
from pipelines.records import dataclass
from pipelines.volumes import Volume

HOST = "host"
DOCKER = "docker"


class Refused(ExecutorUnavailable):
    """A job asks for what its executor does not have; `place` is where it does."""

    def __init__(self, what: str, fix: str, place: Place) -> None:
        super().__init__(what, fix)
        self.place = place


@dataclass(frozen=True, slots=True)
class Asked:
    """What a job asks of its box. `checkpoint`: it is to be kept after each step, by the job's or a person's wish."""

    job: Job
    options: BoxOptions = field(default_factory=BoxOptions)
    services: tuple[ServicePlan, ...] = ()
    ports: tuple[Port, ...] = ()
    volumes: tuple[Volume, ...] = ()
    checkpoint: bool = False


def accept(asked: Asked) -> None:
    """Refuse nothing that is refused before a box is started."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One executor. `prefix` begins the image of a label that names it, '' where none does.

    `beside` makes the containers beside its boxes. `no_shell` says why no shell leads into a box, and what does; None
    where one does. `workspace` is where a box has it, None where that is in the attempt's own folder. `refuse` raises
    Refused for the first thing of a job that it does not have.
    """

    name: str
    prefix: str = ""
    beside: str = DOCKER
    no_shell: tuple[str, str] | None = None
    workspace: str | None = "/github/workspace"
    refuse: Callable[[Asked], None] = accept
