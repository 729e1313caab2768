"""`volumes:` of a container: volumes that live as long as the job. Folders of this machine are refused."""

import re

from pipelines.records import dataclass

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,99}")


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume at `target`. One with a `name` is shared by all containers of its job that name it."""

    target: str
    name: str = ""
    read_only: bool = False


class PathRefused(ValueError):
    """A path of this machine is asked for: as a workflow that is fine, here it is not to be had."""


def parse_volume(text: str) -> Volume:
    """Return what one entry asks for. Raises ValueError with what is wrong."""
    parts = text.strip().split(":")
    source, target, mode = {1: ("", parts[0], "rw"), 2: (*parts, "rw"), 3: tuple(parts)}.get(len(parts), ("", "", ""))
    if len(parts) == 2 and parts[1] in ("ro", "rw"):
        source, target, mode = "", parts[0], parts[1]
    if source.startswith(("/", ".", "~")):
        raise PathRefused(f"{text[:60]!r} is refused: it would open the path {source} of this machine to the job")
    if not target.startswith("/") or target.rstrip("/") == "" or mode not in ("ro", "rw"):
        raise ValueError(f"{text[:60]!r} is no volume such as NAME:/path, NAME:/path:ro or /path")
    if source and not _NAME.fullmatch(source):
        raise ValueError(f"{text[:60]!r}: {source!r} is no name of a volume")
    return Volume(target, source, mode == "ro")
