"""What a job may not ask for when it runs in a swarm: one table, by which it is refused with its line before anything
is started, and from which docs/compatibility.md is printed."""

from collections.abc import Callable, Iterator
from pathlib import Path

from engine.worker.kind import Asked, Kind, Refused
from pipelines.errors import Place
from pipelines.records import dataclass

PREFIX = "swarm:"  # of a label's image
KEY = "swarm.pem"  # in the home
Found = tuple[str, Place]


@dataclass(frozen=True, slots=True)
class Refusal:
    """`key` is what is asked for, as it is written, and `why` it cannot be had. `found` yields what a job has of it:
    how it is told of that, and where."""

    key: str
    why: str
    found: Callable[[Asked], Iterator[Found]]


def _box(asked: Asked) -> Place:
    return asked.job.container.place if asked.job.container else asked.job.place


def _services(asked: Asked) -> Iterator[Found]:
    if asked.services:
        yield "has services", next(iter(asked.job.services.values())).place


def _ports(asked: Asked) -> Iterator[Found]:
    if asked.ports:
        yield "publishes ports of its container", _box(asked)


def _volumes(asked: Asked) -> Iterator[Found]:
    if any(volume.name or volume.read_only for volume in asked.volumes):
        yield "names a volume", _box(asked)


def _option(option: str, field: str) -> Callable[[Asked], Iterator[Found]]:
    def found(asked: Asked) -> Iterator[Found]:
        if getattr(asked.options, field):
            yield f"asks for {option}", _box(asked)

    return found


def _checkpoint(asked: Asked) -> Iterator[Found]:
    if asked.checkpoint or asked.job.checkpoint:
        yield "asks for checkpoints", asked.job.place


def _hold(asked: Asked) -> Iterator[Found]:
    if asked.job.hold:
        yield "asks for its box to be held", asked.job.place


def _containers(asked: Asked) -> Iterator[Found]:
    for step in asked.job.steps:
        if step.uses and step.uses.startswith("docker://"):
            yield f"uses the container action {step.uses}", step.uses_place or step.place


_NO_EXEC = "a manager leads into no container of another node"
_OPTION = "container.options: "
REFUSALS = (
    Refusal("services", "they would have to be on the node that Swarm chooses, in the job's own network", _services),
    Refusal("container.ports", "they would be published on a node that nobody knows beforehand", _ports),
    Refusal("container.volumes", "one with a name, or read-only: such a volume is of one node", _volumes),
    Refusal(f"{_OPTION}--user", "what carries the job is its first process, and root", _option("--user", "user")),
    Refusal(f"{_OPTION}--network", "the task has to reach Treadle", _option("--network", "network")),
    Refusal(f"{_OPTION}--network-alias", "nobody is there to use it", _option("--network-alias", "aliases")),
    Refusal("checkpoint", f"as `treadle run --checkpoint`: {_NO_EXEC}", _checkpoint),
    Refusal("hold", _NO_EXEC, _hold),
    Refusal("uses: docker://IMAGE", "the container would have to be on the job's node", _containers),
)


def had_tasks(home: Path) -> bool:
    """Whether a home may have left tasks in a swarm: without its key it never made one."""
    return (home / KEY).exists()


def refuse(asked: Asked) -> None:
    """Raise Refused for the first thing of a job that cannot be had."""
    for refusal in REFUSALS:
        for has, place in refusal.found(asked):
            raise Refused(
                f"Job {asked.job.key} {has}, which a task in a swarm cannot have.", "Run it with Docker.", place
            )


SWARM = Kind(
    "swarm",
    prefix=PREFIX,
    beside="swarm",
    no_shell=(
        "runs in a swarm, and no shell leads there.",
        "On the node that runs it, `docker exec` into the task's container does.",
    ),
    refuse=refuse,
)
