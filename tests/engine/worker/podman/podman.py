"""A Podman of the test's own behind a socket that speaks Docker's API; nobody else's containers are touched."""

import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.worker.docker.client import DockerClient
from tests.conftest import BUSYBOX

# Podman takes its limits from the user's session, which a container of a CI has not got.
CONTAINERS = """[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
"""
# In a mount namespace of its own: runc makes folders where a CI's own container may have mounted cgroups read-only.
SERVE = """
mount -o remount,rw /sys/fs/cgroup 2>/dev/null || true
exec podman --root "$1/data" --runroot "$1/run" --runtime runc system service --time=0 "unix://$1/s"
"""


@contextmanager
def a_podman(client: DockerClient) -> Iterator[str]:
    """Start one with the image busybox and yield its address; skips where that cannot be."""
    if os.geteuid() != 0 or any(shutil.which(name) is None for name in ("podman", "runc", "catatonit")):
        pytest.skip("needs root, podman, runc and catatonit")
    folder = Path(tempfile.mkdtemp(prefix="tp-"))
    (folder / "containers.conf").write_text(CONTAINERS)
    environ = os.environ | {"CONTAINERS_CONF": f"{folder}/containers.conf"}
    with (folder / "said").open("wb") as out:
        line = ["unshare", "--mount", "sh", "-c", SERVE, "sh", str(folder)]
        process = subprocess.Popen(line, stdout=out, stderr=out, env=environ)
    try:
        address = f"unix://{folder}/s"
        _until_answers(address, process, folder / "said")
        image = b"".join(client.api.get_image(BUSYBOX))
        _docker(address, "load", "-q", given=image)
        tried = subprocess.run(
            ["docker", "-H", address, "run", "--rm", BUSYBOX, "true"], capture_output=True, text=True
        )
        if tried.returncode:
            pytest.skip(f"Podman runs no container here: {tried.stderr.strip()}")
        yield address
        assert _docker(address, "ps", "-aq") == b""
    finally:
        process.terminate()
        process.wait(30)
        subprocess.run(["umount", "-l", str(folder / "data" / "overlay")], capture_output=True, check=False)
        shutil.rmtree(folder, ignore_errors=True)


def _until_answers(address: str, process: "subprocess.Popen[bytes]", said: Path) -> None:
    pause = threading.Event()
    for _ in range(600):
        if subprocess.run(["docker", "-H", address, "version"], capture_output=True, check=False).returncode == 0:
            return
        assert process.poll() is None, said.read_text()[-2000:]
        pause.wait(0.1)
    raise AssertionError(f"Podman never answers: {said.read_text()[-2000:]}")


def _docker(address: str, *line: str, given: bytes | None = None) -> bytes:
    return subprocess.run(["docker", "-H", address, *line], input=given, capture_output=True, check=True).stdout
