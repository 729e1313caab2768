"""Services in Docker: containers on a network of their job's own, started before its box and removed after it."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

from engine.core.clock import Clock
from engine.core.errors import EngineError, ExecutorUnavailable
from engine.worker.docker.box import published
from engine.worker.docker.client import DockerClient, explain, status_of
from engine.worker.docker.config import (
    BOX_LABEL,
    PORT_TAKEN,
    SERVICE_LABEL,
    container_name,
    identity,
    limits,
    port_bindings,
    volume_mount,
)
from engine.worker.docker.images import missing
from engine.worker.docker.network import create_network, find_networks, remove_network
from engine.worker.docker.relay import await_relay, prepare_relay, relay_config, rules_of
from engine.worker.docker.removal import remove_container, remove_volume
from engine.worker.executor import Box, Say
from engine.worker.services import SLACK_S, ServicePlan, ServicesSpec, ServiceState, await_healthy
from pipelines.container_options import Health
from pipelines.records import dataclass

_log = logging.getLogger(__name__)
# Docker's own default but for raw sockets and device nodes: what the images of services are made for.
CAPABILITIES = (
    *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE"),
    *("SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
)
RELAY = ".relay"  # the service label of the relay, which no service can be called
_STARTERS = 4
_PORT_PAUSE_S = 0.25
_STRANGER_S = 2.0  # a job that is just being started is not seen with its ports yet
_INTERVAL_S, _TIMEOUT_S, _RETRIES = 30.0, 30.0, 3  # Docker's own defaults for a health check


@dataclass(frozen=True, slots=True)
class Tools:
    """What all services of an executor share. `gate` keeps the engine from making too many containers at once.

    `later` has something done soon, on a thread of its own.
    """

    client: DockerClient
    home_id: str
    clock: Clock
    gate: AbstractContextManager[Any]
    later: Callable[[Callable[[], None]], None]


class DockerServices:
    """The services of one attempt. `containers` are the ids by service, with the relay's under a name of its own."""

    def __init__(self, tools: Tools, spec: ServicesSpec) -> None:
        self.network = ""
        self._tools = tools
        self._spec = spec
        self._api = tools.client.api
        self._name = container_name(tools.home_id, spec.name)
        self._labels = {**spec.labels, "treadle": tools.home_id, BOX_LABEL: self._name}
        self._containers: dict[str, str] = {}
        self._lock = threading.Lock()

    # -- how they begin ---------------------------------------------------------------------------------------------

    def start(self, say: Say, check_in: Callable[[], None]) -> None:
        """Start them all; what fails leaves nothing behind. See Executor.serve."""
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        try:
            self._start(say, check_in)
        except (DockerException, RequestException) as error:
            self.remove()
            raise EngineError(f"The services cannot be started: {explain(error)}.") from error
        except BaseException:
            self.remove()
            raise

    def adopt(self) -> bool:
        """Find what an earlier engine started; False, and nothing is left, when a service is gone."""
        found = self._api.containers(all=True, filters={"label": [f"{BOX_LABEL}={self._name}"]})
        self._containers = {one["Labels"][SERVICE_LABEL]: one["Id"] for one in found if SERVICE_LABEL in one["Labels"]}
        self.network = next(iter(find_networks(self._tools.client, self._name)), "")
        if self.network and all(service.name in self._containers for service in self._spec.services):
            return True
        self.remove()
        return False

    def _start(self, say: Say, check_in: Callable[[], None]) -> None:
        self.network = create_network(self._tools.client, self._name, self._labels)
        check_in()
        with ThreadPoolExecutor(_STARTERS, "treadle-serve") as starters:
            list(starters.map(self._create, self._spec.services))
            started = list(starters.map(self._started, self._spec.services))
        for service, there in zip(self._spec.services, started, strict=True):
            if not there:
                self._await_ports(service, say, check_in)
            shown = ", ".join(f"{port.host or 'any'}:{port.key}" for port in service.ports)
            say(f"Service {service.name}: {service.image}" + (f", ports {shown}" if shown else ""))

    def _create(self, service: ServicePlan) -> None:
        from docker.errors import APIError

        name = f"{self._name}-{service.name}"
        config = self._config(service)
        try:
            with self._tools.gate:
                try:
                    made = self._api.create_container_from_config(config, name)
                except APIError as error:
                    if status_of(error) != 409:
                        raise
                    remove_container(self._tools.client, name)  # its reply was lost
                    made = self._api.create_container_from_config(config, name)
        except APIError as error:
            self._translate(service, error)
            raise
        with self._lock:
            self._containers[service.name] = made["Id"]

    def _started(self, service: ServicePlan) -> bool:
        """Start a service; False when a port of this machine is taken."""
        from docker.errors import APIError

        try:
            with self._tools.gate:
                self._api.start(self._containers[service.name])
        except APIError as error:
            if any(words in explain(error) for words in PORT_TAKEN):
                return False
            self._translate(service, error)
            raise
        return True

    def _await_ports(self, service: ServicePlan, say: Say, check_in: Callable[[], None]) -> None:
        """Wait while another job has the port; a stranger's is none to wait for."""
        wanted = {(port.host, port.protocol) for port in service.ports}
        seen_at_s, told = self._tools.clock.monotonic_s(), False
        while not self._started(service):
            jobs = self._api.containers(filters={"label": ["treadle"]})
            now_s = self._tools.clock.monotonic_s()
            if any(wanted & {(port.get("PublicPort"), port["Type"]) for port in one["Ports"]} for one in jobs):
                seen_at_s = now_s
                if not told:
                    say(f"Service {service.name}: waits for a port that another job has now")
                told = True
            if now_s - seen_at_s > _STRANGER_S:
                ports = ", ".join(str(port.host) for port in service.ports if port.host)
                raise ExecutorUnavailable(
                    f"The service {service.name} wants port {ports} of this machine, where something else listens.",
                    f"Write the container's port alone, and use ${{{{ job.services.{service.name}.ports[...] }}}}.",
                )
            check_in()
            threading.Event().wait(_PORT_PAUSE_S)

    def _config(self, service: ServicePlan) -> dict[str, Any]:
        """Return the body of the create call."""
        options = service.options
        ports = service.ports if self._spec.on_machine else ()
        config: dict[str, Any] = {
            "Image": service.image,
            "Env": [f"{name}={value}" for name, value in service.env.items()],
            "Labels": {**self._labels, SERVICE_LABEL: service.name},
            "ExposedPorts": {port.key: {} for port in service.ports},
            "HostConfig": {
                "NetworkMode": self.network,
                "PortBindings": port_bindings(ports),
                "Mounts": [volume_mount(volume, self._name, self._labels) for volume in service.volumes],
                "Init": True,
                "LogConfig": {"Type": "json-file", "Config": {"max-size": "8m", "max-file": "2"}},
                **limits(options, CAPABILITIES, service.cpus, service.memory_bytes),
            },
        }
        if service.entrypoint:
            config["Entrypoint"] = list(service.entrypoint)
        if service.command:
            config["Cmd"] = list(service.command)
        if options.workdir:
            config["WorkingDir"] = options.workdir
        if service.health:
            config["Healthcheck"] = health_config(service.health)
        return config | identity(options, self.network, service.name)

    def _translate(self, service: ServicePlan, error: Any) -> None:
        """Raise ExecutorUnavailable for what no retry mends; return for the rest."""
        words = explain(error)
        if status_of(error) == 404 and "image" in words.lower():
            raise missing(service.image, words) from error
        if status_of(error) in (400, 403, 404):
            raise ExecutorUnavailable(
                f"The service {service.name} cannot be started: {words}.", f"Mend `services.{service.name}`."
            ) from error

    # -- while they run ---------------------------------------------------------------------------------------------

    def facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = {}
        for service in self._spec.services:
            if self._spec.on_machine:
                ports = published(self._api.inspect_container(self._containers[service.name]))
            else:
                ports = {str(port.container): str(port.host) for port in service.ports}
            facts[service.name] = {"id": self._containers[service.name], "network": self.network, "ports": ports}
        return facts

    def ready(self, box: Box, say: Say, check_in: Callable[[], None]) -> None:
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        try:
            if self._spec.relayed:
                self._relay(box, say)
            await_healthy(self._look, say, check_in, self._tools.clock)
        except (DockerException, RequestException) as error:
            raise EngineError(f"The services cannot be looked at: {explain(error)}.") from error

    def _look(self) -> dict[str, ServiceState]:
        return {service.name: self._state(service) for service in self._spec.services}

    def _state(self, service: ServicePlan) -> ServiceState:
        found = self._api.inspect_container(self._containers[service.name])
        state, check = found["State"], found["Config"].get("Healthcheck")
        if not state["Running"] and not state.get("Restarting"):
            return ServiceState("exited", int(state.get("ExitCode") or 0))
        health = state.get("Health")
        if not health or health["Status"] in ("none", ""):
            return ServiceState("running")
        last = (health.get("Log") or [{}])[-1].get("Output", "").strip()
        return ServiceState(health["Status"], 0, last, patience_s(check or {}))  # Docker keeps 4 KiB of it

    def _relay(self, box: Box, say: Say) -> None:
        """Have the box's localhost lead to the published ports."""
        from docker.errors import APIError

        rules = rules_of(self._spec.services)
        if not rules or RELAY in self._containers:
            return
        place = prepare_relay(self._spec.folder)
        images = [self._spec.image, *(service.image for service in self._spec.services)]
        for image in dict.fromkeys(image for image in images if image):
            config = relay_config(image, place, box.id, rules, {**self._labels, SERVICE_LABEL: RELAY})
            name = f"{self._name}{RELAY}"
            remove_container(self._tools.client, name)
            try:
                container = self._api.create_container_from_config(config, name)["Id"]
                self._containers[RELAY] = container
                self._api.start(container)
            except APIError as error:
                if status_of(error) >= 500 and '"sh"' not in explain(error):
                    raise
                continue  # an image without a shell
            if await_relay(self._tools.client, container, place, self._tools.clock):
                return
        self._containers.pop(RELAY, None)
        remove_container(self._tools.client, f"{self._name}{RELAY}")
        first = next(service for service in self._spec.services if service.ports)
        say(
            "##[warning]No image of this job has perl or busybox to lead localhost to the services with: reach them by "
            f"name, such as {first.name}:{first.ports[0].container}."
        )

    # -- how they end -----------------------------------------------------------------------------------------------

    def logs(self, name: str, limit_bytes: int) -> bytes:
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        try:
            lines = bytes(self._api.logs(self._containers[name], tail=_lines(limit_bytes)))
        except (DockerException, RequestException, KeyError):
            return b""
        return last_lines(lines, limit_bytes)

    def remove(self) -> None:
        self._tools.later(self._remove_all)

    def _remove_all(self) -> None:
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        ours = {"label": [f"{BOX_LABEL}={self._name}"]}
        try:
            for container in self._api.containers(all=True, filters=ours):
                remove_container(self._tools.client, container["Id"])
            for network in find_networks(self._tools.client, self._name):
                remove_network(self._tools.client, network, self._tools.clock)
            for volume in self._api.volumes(filters=ours)["Volumes"] or []:
                remove_volume(self._tools.client, volume["Name"])
        except (DockerException, RequestException, EngineError) as error:
            _log.warning("Services of %s were left behind, the next start removes them: %s", self._name, error)


def health_config(health: Health) -> dict[str, Any]:
    """Return a Healthcheck; what is not set there is as the image has it."""
    if health.off:
        return {"Test": ["NONE"]}
    config: dict[str, Any] = {}
    if health.command is not None:
        config["Test"] = ["CMD-SHELL", health.command]
    times = {"Interval": health.interval_s, "Timeout": health.timeout_s, "StartPeriod": health.start_period_s}
    config |= {name: round(seconds * 1e9) for name, seconds in times.items() if seconds is not None}
    if health.retries is not None:
        config["Retries"] = health.retries
    return config


def patience_s(check: dict[str, Any]) -> float:
    """Return how long a service can be starting by the numbers of its own health check, and some more."""
    interval = check.get("Interval", 0) / 1e9 or _INTERVAL_S
    timeout = check.get("Timeout", 0) / 1e9 or _TIMEOUT_S
    retries = check.get("Retries", 0) or _RETRIES
    return float(check.get("StartPeriod", 0) / 1e9 + (retries + 1) * (interval + timeout) + SLACK_S)


def last_lines(data: bytes, limit_bytes: int) -> bytes:
    """Return the end of a text, in whole lines: half a line may begin with half a secret, which nobody could hide."""
    if len(data) <= limit_bytes:
        return data
    return data[-limit_bytes:].partition(b"\n")[2]


def _lines(limit_bytes: int) -> int:
    return max(1, limit_bytes // 64)
