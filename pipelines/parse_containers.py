"""`container:` of a job, and what its `services:` have in common with it."""

from collections.abc import Callable

from pipelines.container_options import ContainerOptions, OptionRefused, parse_container_options
from pipelines.model import Container
from pipelines.ports import parse_ports
from pipelines.reading import Fields, Reader
from pipelines.source import Mapping, Node
from pipelines.template import Template
from pipelines.volumes import PathRefused, parse_volume

KEYS = ("image", "env", "options", "ports", "volumes", "credentials")
_POSITION = "jobs.<job_id>.container"
_TEXTS = f"{_POSITION}.image"


def parse_container(reader: Reader, node: Node | None) -> Container | None:
    """Return the container that a job's steps run in."""
    if node is None:
        return None
    if not isinstance(node, Mapping):
        image = reader.template(node, "container", _TEXTS)
        return None if image is None else Container(checked_image(reader, image, "container"), node.place)
    fields = reader.fields(node, "container", KEYS, ("image",))
    image = reader.template(fields.get("image"), "container.image", _TEXTS, empty=False)
    container = read_container(reader, fields, image, "container", _TEXTS, _POSITION)
    options = checked_options(reader, container, "container") if container else None
    if options and options.health and container and container.options:
        place = container.options.place
        reader.warn(place, "container.options: a health check has no effect: nobody waits for a job's own container")
    return container


def read_container(
    reader: Reader, fields: Fields, image: Template | None, what: str, texts: str, position: str
) -> Container | None:
    """Return what `fields` say beside the image, each literal text looked at; without an image there is nothing.

    Expressions may name what `texts` allows, those of env and credentials what their own places below `position` do.
    """
    options = reader.template(fields.get("options"), f"{what}.options", texts)
    ports = _texts(reader, fields.get("ports"), f"{what}.ports", texts, parse_ports)
    volumes = _texts(reader, fields.get("volumes"), f"{what}.volumes", texts, parse_volume)
    env = reader.table(fields.get("env"), f"{what}.env", f"{position}.env.<env_id>")
    credentials = _credentials(reader, fields.get("credentials"), f"{what}.credentials", f"{position}.credentials")
    if image is None:
        return None
    image = checked_image(reader, image, f"{what}.image")
    return Container(image, fields.place, env, options, ports, volumes, credentials)


def checked_image(reader: Reader, image: Template, what: str) -> Template:
    if image.text.startswith("-"):
        reader.error(image.place, f"{what}: {image.text[:60]!r} is no name of an image")
    return image


def checked_options(reader: Reader, container: Container, what: str, service: bool = False) -> ContainerOptions | None:
    """Return the options if they are known by now; complain of those that are not allowed."""
    if container.options is None or not container.options.is_literal:
        return None
    try:
        return parse_container_options(container.options.text, service)
    except OptionRefused as refused:
        reader.refuse(container.options.place, f"{what}.options: {refused.what} is", refused.hint)
        return None
    except ValueError as error:
        reader.error(container.options.place, f"{what}.options: {error}")
        return None


def _texts(
    reader: Reader, node: Node | None, what: str, names: str, read: Callable[[str], object]
) -> tuple[Template, ...]:
    found = []
    for item in reader.items(node, what):
        text = reader.template(item, what, names, empty=False)
        if text is None:
            continue
        found.append(text)
        if text.is_literal and text.text:
            try:
                read(text.text)
            except PathRefused:
                reader.refuse(text.place, f"{what}: a path of this machine is", "name a volume, such as data:/data")
            except ValueError as error:
                reader.error(text.place, f"{what}: {error}")
    return tuple(found)


def _credentials(reader: Reader, node: Node | None, what: str, position: str) -> dict[str, Template]:
    if node is None:
        return {}
    fields = reader.fields(node, what, ("username", "password"))
    read = {name: reader.template(value, f"{what}.{name}", position, empty=False) for name, value in fields.items()}
    return {name: text for name, text in read.items() if text is not None}
