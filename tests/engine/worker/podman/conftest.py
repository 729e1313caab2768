"""What the tests on Podman share."""

from collections.abc import Iterator

import pytest

from engine.worker.docker.client import DockerClient
from tests.conftest import BUSYBOX
from tests.engine.worker.podman.podman import a_podman


@pytest.fixture(scope="module")
def podman(docker_client: DockerClient) -> Iterator[str]:
    """The name of an image there; DOCKER_HOST leads there."""
    with a_podman(docker_client) as address, pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", address)
        yield BUSYBOX
