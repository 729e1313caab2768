"""Takes away containers and volumes, whoever else may be doing so; what is gone already is no fault."""

from engine.core.errors import EngineError
from engine.worker.docker.client import DockerClient, explain, status_of


def remove_container(client: DockerClient, container: str) -> None:
    """Remove a container with its anonymous volumes, and wait until it is gone. Raises EngineError."""
    from docker.errors import APIError

    with client.removing():
        try:
            client.api.remove_container(container, force=True, v=True)
        except APIError as error:
            if status_of(error) == 409:  # somebody else is removing it just now
                _await_removal(client, container)
            elif status_of(error) != 404:
                raise EngineError(f"The container {container} cannot be removed: {explain(error)}.") from error


def remove_volume(client: DockerClient, volume: str) -> None:
    """Remove a volume, unless a container still has it. Raises EngineError."""
    from docker.errors import APIError

    with client.removing():
        try:
            client.api.remove_volume(volume)
        except APIError as error:
            if status_of(error) not in (404, 409):  # gone, or of a container that still is
                raise EngineError(f"The volume {volume} cannot be removed: {explain(error)}.") from error


def _await_removal(client: DockerClient, container: str) -> None:
    from docker.errors import APIError

    try:
        client.api.wait(container, timeout=30, condition="removed")
    except APIError as error:
        if status_of(error) != 404:
            raise EngineError(f"The container {container} cannot be removed: {explain(error)}.") from error
