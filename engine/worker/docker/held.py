"""Containers that are held: what they use, by the engine's own count, and their end. See engine/worker/held.py."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.core.errors import EngineError
from engine.worker.docker.client import DockerClient, explain
from engine.worker.docker.config import BOX_LABEL, container_name


class DockerHeld:
    """`remove` takes away a box that may be gone, and all that bears its name."""

    def __init__(self, client: DockerClient, home_id: str, remove: Callable[[str, str, Path], None]) -> None:
        self._client = client
        self._home_id = home_id
        self._remove = remove

    def memory_bytes(self, name: str, box_id: str) -> int | None:
        from docker.errors import DockerException, NotFound
        from requests.exceptions import RequestException

        api = self._client.api
        label = f"{BOX_LABEL}={container_name(self._home_id, name)}"
        try:
            if not api.inspect_container(box_id)["State"]["Running"]:
                return None
            beside = api.containers(filters={"label": [label]})
            return sum(_used(api, one) for one in (box_id, *(one["Id"] for one in beside)))
        except NotFound:
            return None
        except (DockerException, RequestException) as error:
            raise EngineError(f"The Docker Engine does not tell what {name} uses: {explain(error)}.") from error

    def remove(self, name: str, box_id: str, folder: Path) -> None:
        self._remove(name, box_id, folder)


def _used(api: Any, container: str) -> int:
    """Return what `docker stats` shows: without the pages of files that the kernel can drop at any time."""
    memory = api.stats(container, stream=False, one_shot=True).get("memory_stats", {})
    stats = memory.get("stats", {})
    spare = stats.get("inactive_file", stats.get("total_inactive_file", 0))
    return max(0, int(memory.get("usage", 0)) - int(spare))
