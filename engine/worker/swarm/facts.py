"""Whether this machine can run jobs in a swarm, and where their tasks reach it."""

from engine.core.errors import ExecutorUnavailable
from engine.settings.model import SwarmSettings
from engine.worker.docker.client import DockerClient
from engine.worker.swarm.config import busybox_of
from pipelines.records import dataclass

PORT = 8485


@dataclass(frozen=True, slots=True)
class SwarmFacts:
    """`host` and `port` are what tasks dial, `listen` what is listened at; `nodes` are those that are ready."""

    host: str
    port: int
    listen: str
    nodes: int
    has_busybox: bool


def swarm_facts(client: DockerClient, settings: SwarmSettings) -> SwarmFacts:
    """Return them. Raises ExecutorUnavailable, with the fix, where no job can run in a swarm."""
    client.ping()
    swarm = client.api.info().get("Swarm", {})
    if swarm.get("LocalNodeState") != "active" or not swarm.get("ControlAvailable"):
        raise ExecutorUnavailable(
            "This Docker Engine is no manager of a swarm.",
            "Make it one: `docker swarm init --advertise-addr ADDRESS` (docs/several-machines.md).",
        )
    has_busybox = busybox_of(settings.busybox) is not None
    said = settings.address
    host, port = (said.host, said.port) if said else (_advertised(client, str(swarm.get("NodeAddr", ""))), PORT)
    nodes = [node for node in client.api.nodes() if node["Status"]["State"] == "ready"]
    return SwarmFacts(host, port, settings.listen or host, len(nodes), has_busybox)


def _advertised(client: DockerClient, address: str) -> str:
    """Return where nodes reach this machine. A swarm that advertises loopback has no other node: then it is where
    containers of this machine reach it."""
    if address and not address.startswith("127.") and address != "::1":
        return address
    network = client.api.inspect_network("docker_gwbridge")
    return str(network["IPAM"]["Config"][0]["Gateway"])
