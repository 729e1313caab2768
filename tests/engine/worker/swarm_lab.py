"""What the tests of boxes in a swarm share: a swarm of one node, left afterwards unless it was there before."""

import secrets
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from engine.settings.model import Listen, SwarmSettings
from engine.worker.docker.client import DockerClient
from engine.worker.executor import Executor
from engine.worker.steps.session import Session
from engine.worker.swarm.config import VOLUME_LABEL
from engine.worker.swarm.executor import SwarmExecutor
from tests.engine.worker.conftest import Bench


@contextmanager
def a_swarm(client: DockerClient) -> Iterator[None]:
    """Be a manager of a swarm for a while."""
    made = client.api.info()["Swarm"]["LocalNodeState"] == "inactive"
    if made:
        client.api.init_swarm(advertise_addr="127.0.0.1")
    try:
        yield
    finally:
        if made and not client.api.services():
            client.api.leave_swarm(force=True)


@pytest.fixture(scope="module")
def swarm(docker_client: DockerClient) -> Iterator[SwarmSettings]:
    """Return settings with an address that tasks reach this machine at, and a network of the tests' own."""
    with a_swarm(docker_client):
        api, name = docker_client.api, f"treadle-test-{secrets.token_hex(4)}"
        network = api.create_network(name, driver="overlay", options={"encrypted": ""})["Id"]
        gateway = str(api.inspect_network("docker_gwbridge")["IPAM"]["Config"][0]["Gateway"])
        yield SwarmSettings(address=Listen(gateway), network=name)
        _until_removed(lambda: api.remove_network(network))


def with_port(settings: SwarmSettings, **more: Any) -> SwarmSettings:
    """Return the settings with a port that nobody has."""
    assert settings.address is not None
    with socket.create_server((settings.address.host, 0)) as found:
        return replace(settings, address=replace(settings.address, port=found.getsockname()[1]), **more)


def _until_removed(remove: Callable[[], None]) -> None:
    """Remove what a task that has just ended may still name."""
    from docker.errors import APIError

    for attempt in range(100):
        try:
            remove()
            return
        except APIError:
            if attempt == 99:
                raise
            threading.Event().wait(0.1)


@dataclass
class SwarmBench(Bench):
    settings: SwarmSettings = field(default_factory=SwarmSettings)

    def again(self) -> Executor:
        """An engine that was killed holds no line and no port."""
        assert isinstance(self.executor, SwarmExecutor)
        self.executor.close()
        executor = SwarmExecutor(self.home_id, self.folder, self.settings)
        executor.check()
        return executor

    def told(self, box_id: str) -> list[str]:
        """Return the line that an engine of its own process is started with, to go on with a box."""
        assert self.settings.address is not None
        address = self.settings.address
        return [str(self.folder), self.home_id, str(self.image), box_id, address.host, str(address.port)]

    def close(self) -> None:
        for box in self.boxes:
            box.remove()
        super().close()


def bench_in(folder: Path, image: str, settings: SwarmSettings) -> SwarmBench:
    home_id = f"test{secrets.token_hex(4)}"
    executor = SwarmExecutor(home_id, folder, settings)
    executor.check()
    return SwarmBench(executor, folder, image, home_id, settings=settings)


def left_in_swarm(home_id: str) -> list[str]:
    """Everything in the swarm that bears the label of a home, and the volumes of its tasks here."""
    client = DockerClient()
    api, ours = client.api, {"label": f"treadle={home_id}"}
    found = [one["Spec"]["Name"] for one in (*api.services(filters=ours), *api.secrets(filters=ours))]
    found += [one["Spec"]["Name"] for one in api.configs(filters=ours)]
    for _ in range(100):  # containers of ended tasks are taken away by their node, in its own time
        volumes = [one["Name"] for one in api.volumes(filters={"label": f"{VOLUME_LABEL}={home_id}"})["Volumes"] or []]
        if not volumes:
            break
        threading.Event().wait(0.1)
    client.close()
    return found + volumes


def go_on(folder: str, home_id: str, image: str, box_id: str, host: str, port: str) -> None:
    """Be an engine that takes up a box, and is killed."""
    settings = SwarmSettings(address=Listen(host, int(port)))
    bench = SwarmBench(SwarmExecutor(home_id, Path(folder), settings), Path(folder), image, home_id, settings=settings)
    box = bench.executor.adopt(bench.spec(), box_id)
    assert box is not None
    session = Session.resume(box, bench.spec().folder, 0.5)
    while session.poll(1.0) is None:
        pass


if __name__ == "__main__":
    go_on(*sys.argv[1:])
