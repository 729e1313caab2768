"""What the tests of boxes in a swarm share: a swarm of one node, left afterwards unless it was there before."""

import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from engine.settings import Listen, SwarmSettings
from engine.worker.docker_client import DockerClient
from engine.worker.docker_swarm import SwarmExecutor
from engine.worker.docker_swarm_config import VOLUME_LABEL
from engine.worker.executor import Executor
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
def swarm(docker_client: DockerClient) -> Iterator[str]:
    """Return where containers reach this machine."""
    with a_swarm(docker_client):
        yield str(docker_client.api.inspect_network("bridge")["IPAM"]["Config"][0]["Gateway"])


def settings_at(gateway: str, **more: object) -> SwarmSettings:
    with socket.create_server((gateway, 0)) as found:
        port = found.getsockname()[1]
    return SwarmSettings(address=Listen(gateway, port), **more)  # type: ignore[arg-type]


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
