"""From a job's `services:` to what its services are made from: expressions worked out, every text looked at."""

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

from engine.worker.executor import Credentials
from engine.worker.services import ServicePlan
from engine.worker.steps.job_state import blaming
from pipelines.container_options import ContainerOptions, parse_container_options
from pipelines.errors import ExpressionError
from pipelines.model import Container, Job
from pipelines.ports import Port, assign_ports, parse_ports
from pipelines.template import Template
from pipelines.volumes import Volume, parse_volume

T = TypeVar("T")


def plan_services(job: Job, contexts: Mapping[str, Any], on_machine: bool) -> tuple[ServicePlan, ...]:
    """Return the services that `job` wants; one whose image comes to nothing is left out, as on GitHub.

    In a box every port gets the host port that it is reached by; `on_machine` the machine picks. Raises
    ExpressionError that names the key.
    """
    found = (_plan(name, service, contexts) for name, service in job.services.items())
    services = [service for service in found if service.image]
    with refusing("services.ports"):
        assigned = iter(assign_ports(port for service in services for port in service.ports))
    if on_machine:
        return tuple(services)
    return tuple(replace(service, ports=tuple(next(assigned) for _ in service.ports)) for service in services)


def read_options(
    container: Container, contexts: Mapping[str, Any], what: str, service: bool = False
) -> ContainerOptions:
    """Return what `options:` asks for."""
    if container.options is None:
        return ContainerOptions()
    with blaming(what):
        text = container.options.string(contexts)
    with refusing(what):
        return parse_container_options(text, service)


def read_ports(container: Container, contexts: Mapping[str, Any], what: str) -> tuple[Port, ...]:
    return tuple(port for ports in _read(container.ports, contexts, what, parse_ports) for port in ports)


def read_volumes(container: Container, contexts: Mapping[str, Any], what: str) -> tuple[Volume, ...]:
    return tuple(_read(container.volumes, contexts, what, parse_volume))


def read_credentials(container: Container, contexts: Mapping[str, Any], what: str) -> Credentials | None:
    """Return what to log in with for the pull, None where nothing is said."""
    if not container.credentials:
        return None
    with blaming(what):
        said = {name: text.string(contexts) for name, text in container.credentials.items()}
    missing = next((name for name in ("username", "password") if not said.get(name)), None)
    if missing:
        raise ExpressionError("evaluation", f"{what}: the {missing} is empty; is its secret set?")
    return Credentials(said["username"], said["password"])


def read_env(container: Container, contexts: Mapping[str, Any], what: str) -> dict[str, str]:
    env = {}
    for name, text in container.env.items():
        with blaming(f"{what}.{name}"):
            env[name] = text.string(contexts)
    return env


@contextmanager
def refusing(what: str) -> Iterator[None]:
    """Have a ValueError about a text say which key of the workflow it comes from."""
    try:
        yield
    except ValueError as error:
        raise ExpressionError("evaluation", f"{what}: {error}") from None


def _plan(name: str, service: Container, contexts: Mapping[str, Any]) -> ServicePlan:
    what = f"services.{name}"
    with blaming(f"{what}.image"):
        image = service.image.string(contexts).strip()
    if not image:
        return ServicePlan(name, "")
    options = read_options(service, contexts, f"{what}.options", service=True)
    entrypoint = options.entrypoint if service.entrypoint is None else _text(service.entrypoint, contexts, what)
    command = "" if service.command is None else _text(service.command, contexts, what)
    with refusing(what):
        words = tuple(shlex.split(entrypoint or "")), tuple(shlex.split(command))
    return ServicePlan(
        name=name,
        image=image,
        env={**read_env(service, contexts, f"{what}.env"), **options.env},
        ports=read_ports(service, contexts, f"{what}.ports"),
        volumes=read_volumes(service, contexts, f"{what}.volumes"),
        options=options.box,
        health=options.health,
        cpus=options.cpus,
        memory_bytes=options.memory_bytes,
        entrypoint=words[0],
        command=words[1],
        credentials=read_credentials(service, contexts, f"{what}.credentials"),
    )


def _text(template: Template, contexts: Mapping[str, Any], what: str) -> str:
    with blaming(what):
        return template.string(contexts)


def _read(
    templates: Iterable[Template], contexts: Mapping[str, Any], what: str, read: Callable[[str], T]
) -> Iterator[T]:
    for template in templates:
        with blaming(what):
            text = template.string(contexts)
        with refusing(what):
            yield read(text)
