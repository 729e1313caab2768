"""`container:` and `services:` of a job."""

from pipelines.container_options import parse_container_options
from pipelines.model import Container
from pipelines.reading import Reader
from pipelines.source import Mapping, Node
from pipelines.template import Template

_KEYS = ("image", "env", "options", "ports", "volumes", "credentials")
_REFUSED = ("ports", "volumes", "credentials")
_JOB = "jobs.<job_id>.container"
_SERVICE = "jobs.<job_id>.services.<service_id>"


def parse_container(reader: Reader, node: Node | None) -> Container | None:
    """Return the container that a job's steps run in."""
    if node is None:
        return None
    container = _container(reader, node, "container", _JOB, _KEYS)
    if isinstance(node, Mapping):
        for key, _ in node.pairs:
            if key.text in _REFUSED:
                reader.refuse(key.place, f"container.{key.text} is")
    if container and container.options and container.options.is_literal:
        try:
            parse_container_options(container.options.text)
        except ValueError as error:
            reader.error(container.options.place, f"container.options: {error}")
    return container


def parse_services(reader: Reader, node: Node | None) -> dict[str, Container]:
    """Return the containers that run beside a job, by name."""
    services: dict[str, Container] = {}
    for key, value in reader.entries(node, "services"):
        known = (*_KEYS, "entrypoint", "command")
        service = _container(reader, value, f"services.{key.text}", _SERVICE, known)
        if service is not None:
            services[key.text] = service
    return services


def _container(reader: Reader, node: Node, what: str, position: str, known: tuple[str, ...]) -> Container | None:
    names = "jobs.<job_id>.services" if position == _SERVICE else "jobs.<job_id>.container.image"
    if not isinstance(node, Mapping):
        image = reader.template(node, what, names, empty=position == _JOB)
        return None if image is None else Container(_checked(reader, image, what), node.place)
    fields = reader.fields(node, what, known, ("image",))
    image = reader.template(fields.get("image"), f"{what}.image", names, empty=False)
    options, _, _ = (reader.template(fields.get(k), f"{what}.{k}", names) for k in ("options", "entrypoint", "command"))
    ports, volumes = (_texts(reader, fields.get(key), f"{what}.{key}", names) for key in ("ports", "volumes"))
    env = reader.table(fields.get("env"), f"{what}.env", f"{position}.env.<env_id>")
    credentials = _credentials(reader, fields.get("credentials"), f"{what}.credentials", f"{position}.credentials")
    if image is None:
        return None
    return Container(_checked(reader, image, f"{what}.image"), node.place, env, options, ports, volumes, credentials)


def _texts(reader: Reader, node: Node | None, what: str, names: str) -> tuple[Template, ...]:
    read = (reader.template(item, what, names, empty=False) for item in reader.items(node, what))
    return tuple(text for text in read if text is not None)


def _credentials(reader: Reader, node: Node | None, what: str, position: str) -> dict[str, Template]:
    if node is None:
        return {}
    fields = reader.fields(node, what, ("username", "password"))
    read = {name: reader.template(value, f"{what}.{name}", position, empty=False) for name, value in fields.items()}
    return {name: text for name, text in read.items() if text is not None}


def _checked(reader: Reader, image: Template, what: str) -> Template:
    if image.text.startswith("-"):
        reader.error(image.place, f"{what}: {image.text[:60]!r} is no name of an image")
    return image
