"""What a job may not ask for when it runs in a swarm: refused with its line before anything is started."""

from engine.core.errors import ExecutorUnavailable
from engine.worker.services import ServicePlan
from pipelines.container_options import BoxOptions
from pipelines.errors import Place
from pipelines.model import Job
from pipelines.ports import Port
from pipelines.volumes import Volume

PREFIX = "swarm:"  # of a label's image


class NotInSwarm(ExecutorUnavailable):
    """A job asks for what a task elsewhere cannot have; `place` is where it does."""

    def __init__(self, job: str, what: str, place: Place) -> None:
        super().__init__(f"Job {job} {what}, which a task in a swarm cannot have.", "Run it with Docker.")
        self.place = place


def refuse(
    job: Job,
    options: BoxOptions,
    services: tuple[ServicePlan, ...],
    ports: tuple[Port, ...],
    volumes: tuple[Volume, ...],
) -> None:
    """Raise NotInSwarm for the first thing of a job that cannot be had."""
    box = job.container.place if job.container else job.place
    if services:
        raise NotInSwarm(job.key, "has services", next(iter(job.services.values())).place)
    if ports:
        raise NotInSwarm(job.key, "publishes ports of its container", box)
    if any(volume.name or volume.read_only for volume in volumes):
        raise NotInSwarm(job.key, "names a volume", box)
    asked = {"--user": options.user, "--network": options.network, "--network-alias": options.aliases}
    for option in [option for option, value in asked.items() if value]:
        raise NotInSwarm(job.key, f"asks for {option}", box)
    if job.checkpoint:
        raise NotInSwarm(job.key, "asks for checkpoints", job.place)
    if job.hold:
        raise NotInSwarm(job.key, "asks for its box to be held", job.place)
    for step in job.steps:
        if step.uses and step.uses.startswith("docker://"):
            raise NotInSwarm(job.key, f"uses the container action {step.uses}", step.uses_place or step.place)
