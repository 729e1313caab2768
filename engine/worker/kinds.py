"""The executors that there are, and which of them the image of a label names."""

from engine.worker.kind import DOCKER, HOST, Kind
from engine.worker.swarm.plan import SWARM

KINDS: dict[str, Kind] = {kind.name: kind for kind in (Kind(DOCKER), Kind(HOST, workspace=None), SWARM)}


def named_by(image: str, default: str) -> tuple[str, str]:
    """Return the executor that the image of a label names, `default` where it names none, and the image alone."""
    for kind in KINDS.values():
        if kind.prefix and image.startswith(kind.prefix):
            return kind.name, image.removeprefix(kind.prefix)
    return default, image
