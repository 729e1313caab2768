"""The services of a job: what each is made from, and how long to wait for them. Knows no Docker.

Services are containers on a network of their job's own. Steps reach them by name in a box on that network, and by the
ports that they publish where a step runs: in the job's box, or on this machine for a job that has no box.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any, Protocol

from engine.core.clock import Clock
from engine.core.errors import EngineError
from engine.worker.executor import Box, Credentials, Say
from pipelines.container_options import BoxOptions, Health
from pipelines.ports import Port
from pipelines.records import dataclass
from pipelines.volumes import Volume

SLACK_S = 30.0  # beyond the time that a health check can take by its own numbers
REMIND_S = 10.0


@dataclass(frozen=True, slots=True)
class ServicePlan:
    """One service, all its expressions worked out. `entrypoint` and `command` are words; empty: the image's own.

    Each of the `ports` has its host port, but on this machine itself, where None means any that is free.
    """

    name: str
    image: str
    env: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[Port, ...] = ()
    volumes: tuple[Volume, ...] = ()
    options: BoxOptions = field(default_factory=BoxOptions)
    health: Health | None = None
    cpus: float | None = None
    memory_bytes: int | None = None
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    credentials: Credentials | None = None


@dataclass(frozen=True, slots=True)
class ServicesSpec:
    """All services of one attempt. `name`, `folder` and `labels` are those of its box's spec.

    `on_machine`: the steps run on this machine itself, so that is where ports are published. `relayed`: they run in a
    box, and expect the ports at its localhost. `image` is the box's.
    """

    name: str
    folder: Path
    labels: Mapping[str, str]
    services: tuple[ServicePlan, ...]
    on_machine: bool = False
    relayed: bool = False
    image: str | None = None


@dataclass(frozen=True, slots=True)
class ServiceState:
    """How a service is: starting, healthy, unhealthy, running (it has no health check) or exited.

    `detail` is the last word of its health check. `patience_s` is how long it may go on starting.
    """

    status: str
    exit_code: int = 0
    detail: str = ""
    patience_s: float = 0.0


class Services(Protocol):
    """Started services. One thread at a time; every method may be called again."""

    network: str

    def facts(self) -> dict[str, Any]:
        """Return `job.services`: by name the container's id, the network, and the published ports."""

    def ready(self, box: Box, say: Say, check_in: Callable[[], None]) -> None:
        """Have the ports published in `box` and wait until all are healthy.

        Raises EngineError when one is not; whatever `check_in` raises, which is called again and again meanwhile.
        """

    def logs(self, name: str, limit_bytes: int) -> bytes:
        """Return what a service has written, at most its last `limit_bytes`; never raises."""

    def remove(self) -> None:
        """Take away the services, then the network once the box has left it, which is to be removed. Returns soon."""


def await_healthy(
    look: Callable[[], Mapping[str, ServiceState]], say: Say, check_in: Callable[[], None], clock: Clock
) -> None:
    """Wait until no service is starting any more, telling of each change. Raises EngineError for one that fails.

    A service without a health check counts as ready once it runs; one that has ended is told of, and the steps may
    find out what that means to them.
    """
    began_at = clock.monotonic_s()
    told: dict[str, str] = {}
    reminded_at, pause = began_at, 0.05
    while True:
        check_in()
        states = look()
        waited_s = clock.monotonic_s() - began_at
        for name, state in states.items():
            if told.get(name) != state.status:
                told[name] = state.status
                say(_line(name, state, waited_s))
        _blame(states, waited_s)
        starting = [name for name, state in states.items() if state.status == "starting"]
        if not starting:
            return
        if clock.monotonic_s() - reminded_at >= REMIND_S:
            reminded_at = clock.monotonic_s()
            say(f"Waiting for {', '.join(starting)}: starting since {waited_s:.0f} s")
        threading.Event().wait(pause)
        pause = min(pause * 1.5, 0.5)


def _blame(states: Mapping[str, ServiceState], waited_s: float) -> None:
    for name, state in states.items():
        if state.status == "unhealthy":
            last = f" Its last word: {state.detail}" if state.detail else ""
            raise EngineError(f"The service {name} is not healthy.{last}")
        if state.status == "starting" and waited_s > state.patience_s:
            raise EngineError(f"The service {name} was not healthy within {state.patience_s:.0f} s.")


def _line(name: str, state: ServiceState, waited_s: float) -> str:
    match state.status:
        case "starting":
            return f"Service {name}: starting, its health check decides (at most {state.patience_s:.0f} s)"
        case "exited":
            return f"##[warning]The service {name} has ended already, with exit code {state.exit_code}."
        case status:
            return f"Service {name}: {status} after {waited_s:.1f} s"
