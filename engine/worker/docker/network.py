"""The network of one job: its services find each other there by name, and its box finds them."""

import logging
import threading

from engine.core.clock import Clock
from engine.worker.docker.client import DockerClient, explain, status_of
from engine.worker.docker.config import BOX_LABEL

_log = logging.getLogger(__name__)
_LEAVING_S = 30.0  # how long a box that is being removed may take to leave the network


def create_network(client: DockerClient, name: str, labels: dict[str, str]) -> str:
    """Return the id of a new network; one that a lost reply left behind is removed first, for names are not unique."""
    for left in find_networks(client, name):
        client.api.remove_network(left)
    return str(client.api.create_network(name, driver="bridge", labels=labels)["Id"])


def find_networks(client: DockerClient, box_name: str) -> list[str]:
    """Return the ids of the networks of a box."""
    return [network["Id"] for network in client.api.networks(filters={"label": [f"{BOX_LABEL}={box_name}"]})]


def remove_network(client: DockerClient, network: str, clock: Clock, patience_s: float = _LEAVING_S) -> None:
    """Remove a network once everybody has left it; what takes longer is left to the next sweep."""
    from docker.errors import APIError

    until_s, pause = clock.monotonic_s() + patience_s, 0.02
    while True:
        try:
            client.api.remove_network(network)
            return
        except APIError as error:
            if status_of(error) == 404:
                return
            if clock.monotonic_s() > until_s:
                client.left_behind = True
                _log.warning("The network %s was left behind, the next start removes it: %s", network, explain(error))
                return
        threading.Event().wait(pause)
        pause = min(pause * 2, 0.5)
