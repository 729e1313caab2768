"""A Docker Engine of the test's own, to be stopped and killed as it likes; nobody else's is touched."""

import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.worker.docker.client import DockerClient
from tests.conftest import BUSYBOX

APART = ("unshare", "--net")
NO_NETWORK = ("--bridge=none", "--ip-forward=false")
CONTAINERD = """version = 2
root = "{0}/c/root"
state = "{0}/c/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "{0}/c/s"
"""


@dataclass
class OwnDockerd:
    """Its state lies in `folder`, short enough for sockets. It has no network, so that jobs say `--network none`, but
    what `within`, the line that begins in a network of its own, and the options `network` give it.

    Its containerd is a process beside it, as on every machine, and outlives it.
    """

    folder: Path
    live_restore: bool
    within: tuple[str, ...] = APART
    network: tuple[str, ...] = NO_NETWORK
    process: "subprocess.Popen[bytes] | None" = None
    containerd: "subprocess.Popen[bytes] | None" = None

    @property
    def address(self) -> str:
        return f"unix://{self.folder}/s"

    def start(self) -> None:
        if self.containerd is None:
            (self.folder / "c.toml").write_text(CONTAINERD.format(self.folder))
            self.containerd = self._run(["containerd", "--config", f"{self.folder}/c.toml"])
            self._until(lambda: (self.folder / "c" / "s").exists(), self.containerd)
        # In a network of its own: without a bridge it takes away the `docker0` of whatever network it is in.
        line = [
            *self.within, "dockerd", "--data-root", f"{self.folder}/data", "--exec-root", f"{self.folder}/x",
            "--pidfile", f"{self.folder}/pid", "-H", self.address, *self.network, "--iptables=false",
            "--ip6tables=false", "--config-file", f"{self.folder}/json",
            "--containerd", f"{self.folder}/c/s", *["--live-restore"] * self.live_restore,
        ]  # fmt: skip
        (self.folder / "json").write_text("{}")
        (self.folder / "pid").unlink(missing_ok=True)
        self.process = self._run(line)
        self._until(lambda: self.docker("version").returncode == 0, self.process)

    def _run(self, line: list[str]) -> "subprocess.Popen[bytes]":
        with (self.folder / "said").open("ab") as out:
            return subprocess.Popen(line, stdout=out, stderr=out)

    def _until(self, holds: Callable[[], bool], process: "subprocess.Popen[bytes]") -> None:
        pause = threading.Event()
        for _ in range(600):
            if holds():
                return
            assert process.poll() is None, (self.folder / "said").read_text()[-2000:]
            pause.wait(0.1)
        raise AssertionError(f"{process.args} never answers")

    def docker(self, *line: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(["docker", "-H", self.address, *line], capture_output=True, text=True, check=False)

    def end(self, number: int = signal.SIGTERM) -> None:
        process, self.process = self.process, None
        if process is not None:
            process.send_signal(number)
            process.wait(60)

    def containers(self) -> list[str]:
        return self.docker("ps", "-aq").stdout.split()


@contextmanager
def own_dockerd(
    client: DockerClient,
    *,
    live_restore: bool,
    within: tuple[str, ...] = APART,
    network: tuple[str, ...] = NO_NETWORK,
) -> Iterator[OwnDockerd]:
    """Start one with the image busybox; skips where that cannot be."""
    if os.geteuid() != 0 or shutil.which("dockerd") is None or shutil.which("docker") is None:
        pytest.skip("only root starts a dockerd")
    folder = Path(tempfile.mkdtemp(prefix="td-"))
    ours = OwnDockerd(folder, live_restore, within, network)
    try:
        ours.start()
        image = b"".join(client.api.get_image(BUSYBOX))
        subprocess.run(["docker", "-H", ours.address, "load", "-q"], input=image, check=True, capture_output=True)
        yield ours
    finally:
        if ours.process is None:
            ours.start()
        for container in ours.containers():
            ours.docker("rm", "-f", container)
        ours.end()
        if ours.containerd is not None:
            ours.containerd.terminate()
            ours.containerd.wait(60)
        for place in ("data", *folder.glob("x/netns/*")):
            subprocess.run(["umount", "-l", str(folder / place)], capture_output=True, check=False)
        shutil.rmtree(folder, ignore_errors=True)
