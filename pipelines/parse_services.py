"""`services:` of a job: containers that run beside it."""

from dataclasses import replace

from pipelines.model import Container
from pipelines.parse_containers import KEYS, checked_image, checked_options, read_container
from pipelines.parse_steps import check_id
from pipelines.ports import Port, assign_ports, parse_ports
from pipelines.reading import Reader
from pipelines.source import Mapping, Node

_KEYS = (*KEYS, "entrypoint", "command")
_TEXTS = "jobs.<job_id>.services"
_POSITION = "jobs.<job_id>.services.<service_id>"


def parse_services(reader: Reader, node: Node | None) -> dict[str, Container]:
    """Return the services of a job by name, which is also how they are reached."""
    services: dict[str, Container] = {}
    for key, value in reader.entries(node, "services"):
        check_id(reader, key, key.text, "a service's name")
        service = _service(reader, value, f"services.{key.text}")
        if service is not None:
            services[key.text] = service
    _check_ports(reader, services)
    return services


def _service(reader: Reader, node: Node, what: str) -> Container | None:
    if not isinstance(node, Mapping):
        image = reader.template(node, what, _TEXTS)
        return None if image is None else Container(checked_image(reader, image, what), node.place)
    fields = reader.fields(node, what, _KEYS, ("image",))
    image = reader.template(fields.get("image"), f"{what}.image", _TEXTS)
    service = read_container(reader, fields, image, what, _TEXTS, _POSITION)
    entrypoint, command = (
        reader.template(fields.get(key), f"{what}.{key}", _TEXTS) for key in ("entrypoint", "command")
    )
    if service is None:
        return None
    checked_options(reader, service, what, service=True)
    return replace(service, entrypoint=entrypoint, command=command)


def _check_ports(reader: Reader, services: dict[str, Container]) -> None:
    """Complain of a port that two services want to be reached by, as far as both are written out."""
    taken: list[Port] = []
    certain = {name: one for name, one in services.items() if one.image.is_literal and one.image.text}
    for name, service in certain.items():
        for text in service.ports:
            if not text.is_literal:
                continue
            try:
                taken += parse_ports(text.text)
            except ValueError:
                continue  # complained of already
            try:
                assign_ports(taken)
            except ValueError as error:
                reader.error(text.place, f"services.{name}.ports: {error}")
                return
