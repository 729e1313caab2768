"""What several tests need of the machine. Nothing here is a mock."""

import io
import os
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, settings

from engine.core.errors import ExecutorUnavailable
from engine.worker.docker.client import DockerClient
from engine.worker.docker.images import Images

BUSYBOX = "busybox:latest"
DEBIAN = "treadle-test/debian:1"  # bash, git, python3; made by .ci/docker-up

# How long an example takes says how busy the machine is, not whether the law holds.
settings.register_profile("treadle", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("treadle")


@pytest.fixture(scope="session")
def docker_client() -> Iterator[DockerClient]:
    """A real Docker Engine; skips without one, and fails instead when TREADLE_REQUIRE_DOCKER=1."""
    client = DockerClient()
    try:
        client.ping()
    except ExecutorUnavailable as error:
        _unmet(str(error))
    yield client
    client.close()


@pytest.fixture(scope="session")
def docker_engine(docker_client: DockerClient) -> str:
    """The name of a small image (busybox, so `sh`) on a real Docker Engine."""
    if not Images(docker_client).here(BUSYBOX):
        busybox = shutil.which("busybox")
        if busybox is None:
            _unmet("There is neither an image busybox:latest nor a busybox to make it from.")
        docker_client.api.import_image_from_data(_busybox_root(Path(busybox)), repository="busybox", tag="latest")
    return BUSYBOX


@pytest.fixture(scope="session")
def docker_debian(docker_client: DockerClient) -> str:
    """The name of an image with bash, git and python3 on a real Docker Engine."""
    if not Images(docker_client).here(DEBIAN):
        _unmet(f"There is no image {DEBIAN}: .ci/docker-up makes it.")
    return DEBIAN


def _unmet(why: str) -> NoReturn:
    if os.environ.get("TREADLE_REQUIRE_DOCKER") == "1":
        pytest.fail(why, pytrace=False)
    pytest.skip(why)


def _busybox_root(busybox: Path) -> bytes:
    """Return a root file system with a static busybox under the names of the tools that tests use."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as root:
        for folder in ("bin", "tmp"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o777
            root.addfile(entry)
        root.add(busybox.resolve(), "bin/busybox")
        names = "cat chmod chown cp dd echo env false grep head hostname id ip kill ln ls mkdir mount mv ps rm seq"
        for name in f"{names} setsid sh sleep stat tail tar touch tr true wc yes".split():
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            root.addfile(link)
    return data.getvalue()
