"""A swarm of two machines: a manager and a worker, each a Docker Engine of its own in a network of its own, with a
cable between. Nothing of it is in the network of this machine, and all of it is gone afterwards."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.worker.docker.client import DockerClient
from tests.faults.machine import Machine
from tests.faults.own_dockerd import OwnDockerd, own_dockerd

CABLE = "cable"
MANAGER, WORKER = "10.91.0.1", "10.91.0.2"
INSIDE = {MANAGER: "172.30.1", WORKER: "172.30.2"}  # where the containers of each are


@dataclass
class TwoNodes:
    """`manager` and `worker` are their engines, `on_manager` and `on_worker` begin a line that runs on that machine."""

    manager: OwnDockerd
    worker: OwnDockerd
    on_manager: tuple[str, ...]
    on_worker: tuple[str, ...]

    def cut(self) -> None:
        """Pull the cable."""
        run(*self.on_worker, "ip", "link", "set", CABLE, "down")

    def mend(self) -> None:
        """Put the cable back, and wait until the manager sees the worker again."""
        run(*self.on_worker, "ip", "link", "set", CABLE, "up")
        run(*self.on_worker, *_way(MANAGER))
        self.until_seen("Ready")

    def until_seen(self, state: str) -> None:
        """Wait until the manager says so of the worker."""
        pause = threading.Event()
        for _ in range(600):
            said = self.manager.docker("node", "ls", "--filter", "role=worker", "--format", "{{.Status}}").stdout
            if said.split() == [state]:
                return
            pause.wait(0.1)
        raise AssertionError(f"the worker is never {state}: {said}")

    def boxes(self) -> list[str]:
        """Return the containers that run on the worker."""
        return self.worker.docker("ps", "-q", "--no-trunc").stdout.split()


@dataclass
class Beside(Machine):
    """An engine on the manager's machine, whose jobs run on the worker's."""

    on_manager: tuple[str, ...] = ()

    @property
    def line(self) -> list[str]:
        return [*self.on_manager, *super().line]


@contextmanager
def two_nodes(client: DockerClient) -> Iterator[TwoNodes]:
    """Make them; skips where that cannot be."""
    for program in ("ip", "unshare", "nsenter", "dockerd"):
        if shutil.which(program) is None:
            pytest.skip(f"there is no {program}, which makes machines with a network of their own")
    with ExitStack() as stack:
        manager, worker = stack.enter_context(_network()), stack.enter_context(_network())
        within = {address: ("nsenter", f"--net=/proc/{pid}/ns/net") for address, pid in
                  ((MANAGER, manager), (WORKER, worker))}  # fmt: skip
        run(*within[MANAGER], "ip", "link", "add", CABLE, "type", "veth", "peer", "name", CABLE, "netns", str(worker))
        for address, other in ((MANAGER, WORKER), (WORKER, MANAGER)):
            line = within[address]
            run(*line, "ip", "link", "set", "lo", "up")
            run(*line, "ip", "addr", "add", f"{address}/24", "dev", CABLE)
            run(*line, "ip", "link", "set", CABLE, "up")
            run(*line, "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")
            run(*line, *_way(other))
        dockerd = [
            stack.enter_context(
                own_dockerd(
                    client, live_restore=False, within=within[address], network=("--bip", f"{INSIDE[address]}.1/24")
                )
            )
            for address in (MANAGER, WORKER)
        ]
        _said(dockerd[0], "swarm", "init", "--advertise-addr", MANAGER)
        token = _said(dockerd[0], "swarm", "join-token", "-q", "worker").strip()
        _said(dockerd[1], "swarm", "join", "--token", token, f"{MANAGER}:2377")
        nodes = TwoNodes(*dockerd, within[MANAGER], within[WORKER])
        nodes.until_seen("Ready")
        yield nodes


@contextmanager
def _network() -> Iterator[int]:
    """Yield a process whose network nobody else is in."""
    here = Path("/proc/self/ns/net").readlink()
    process = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
    try:
        pause = threading.Event()
        while Path(f"/proc/{process.pid}/ns/net").readlink() == here:
            if process.poll() is not None:
                pytest.skip("this machine lets nobody make a network of its own")
            pause.wait(0.01)
        yield process.pid
    finally:
        process.kill()
        process.wait()


def _way(address: str) -> tuple[str, ...]:
    """Return the line that tells a machine the way to the containers of another."""
    return ("ip", "route", "replace", f"{INSIDE[address]}.0/24", "via", address)


def run(*line: str) -> None:
    subprocess.run(line, check=True, capture_output=True)


def _said(dockerd: OwnDockerd, *line: str) -> str:
    done = dockerd.docker(*line)
    assert done.returncode == 0, done.stderr
    return done.stdout


def engine_beside(folder: Path, nodes: TwoNodes, files: dict[str, str], image: str, more: str = "") -> Beside:
    """Return an engine that is yet to be started; a task of it that hears nothing of it ends itself soon."""
    config = f"executor: swarm\nswarm: {{constraints: [node.role == worker], lost: 8s{more}}}"
    env = {"DOCKER_HOST": nodes.manager.address}
    return Beside(folder, files, config, label=image, env=env, on_manager=nodes.on_manager)
