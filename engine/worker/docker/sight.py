"""Whether the Docker Engine sees the home where we see it: it mounts folders of the home into jobs, by their paths.

It does not when Treadle runs in a container and the home lies elsewhere on the machine, or when DOCKER_HOST leads to
another machine.
"""

import os
import secrets
from pathlib import Path
from typing import Any

from engine.core.errors import ExecutorUnavailable
from engine.worker.docker.client import DockerClient, explain, status_of

IN_CONTAINER = (Path("/.dockerenv"), Path("/run/.containerenv"))


def check_sight(home: Path, client: DockerClient | None = None) -> None:
    """Raise ExecutorUnavailable, with the fix, when jobs could not be given what lies in `home`, or none answers.

    Nothing is started: an engine looks at what is to be mounted before it looks for the image, and there is none.
    """
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    engine = client or DockerClient()
    mark = home / f"seen-{secrets.token_hex(8)}"
    try:
        mark.touch(mode=0o600)
        try:
            words = _refusal(engine.api, mark)
        finally:
            mark.unlink()
    except (DockerException, RequestException) as error:
        raise ExecutorUnavailable(
            f"The Docker Engine fails: {explain(error)}.", "See what `docker info` says."
        ) from error
    except OSError as error:
        raise ExecutorUnavailable(
            f"The home {home} cannot be written: {error.strerror}.", "See `treadle doctor`."
        ) from None
    finally:
        if client is None:
            engine.close()
    if mark.name in words:
        raise ExecutorUnavailable(
            f"The Docker Engine does not see the home {home}, so that no job can start.", _fix(home)
        )


def _refusal(api: Any, mark: Path) -> str:
    """Return why the engine will not make a container of no image with `mark` in it."""
    from docker.errors import APIError

    mount = {"Type": "bind", "Source": str(mark), "Target": "/seen", "ReadOnly": True}
    config = {"Image": f"treadle.invalid/{mark.name[:9]}:none", "HostConfig": {"Mounts": [mount]}}
    try:
        made = api.create_container_from_config(config, None)
    except APIError as error:
        if status_of(error) >= 500 and mark.name not in explain(error):
            raise
        return explain(error)
    api.remove_container(made["Id"], force=True)
    return ""


def _fix(home: Path) -> str:
    if os.environ.get("DOCKER_HOST", "unix:").partition(":")[0] not in ("unix", "npipe"):
        return "DOCKER_HOST leads to another machine: run Treadle there."
    if any(place.exists() for place in IN_CONTAINER):
        return f"Mount it under the same path on both sides: `--volume {home}:{home}`."
    return "Put the home where the engine may look, on a disk of this machine."
