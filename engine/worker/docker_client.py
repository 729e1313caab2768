"""The one way to the Docker Engine: finds it, negotiates the API once, and says in a sentence why it is not there.

Importing `docker` costs a tenth of a second (requests and urllib3), so it is imported with the first use only.
"""

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from engine.core.errors import ExecutorUnavailable

if TYPE_CHECKING:
    from docker.api.client import APIClient

_CONNECTIONS = 128  # every running box keeps one for its wait; beyond the pool they would be thrown away


class DockerClient:
    """Lazily connected, shared by all threads. `api` raises ExecutorUnavailable while no engine answers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._api: APIClient | None = None

    @property
    def api(self) -> Any:  # an APIClient, of which the published types know only a part
        with self._lock:
            if self._api is None:
                self._api = _connect()
            return self._api

    def ping(self) -> None:
        """Raise ExecutorUnavailable unless the engine answers now."""
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        try:
            self.api.ping()
        except (DockerException, RequestException) as error:
            _unreachable(_address(), error)

    def close(self) -> None:
        with self._lock:
            if self._api is not None:
                self._api.close()
                self._api = None


def find_socket(environ: Mapping[str, str], exists: "type[Path] | Any" = Path.exists) -> str | None:
    """Return the address to use: DOCKER_HOST, else the first of Docker's and Podman's usual sockets that is there."""
    if host := environ.get("DOCKER_HOST"):
        return host
    runtime = environ.get("XDG_RUNTIME_DIR")
    places = [Path("/var/run/docker.sock")]
    if runtime:
        places += [Path(runtime, "docker.sock"), Path(runtime, "podman/podman.sock")]
    places.append(Path("/run/podman/podman.sock"))
    return next((f"unix://{place}" for place in places if exists(place)), None)


def explain(error: Any) -> str:
    """Return the engine's own words about an APIError."""
    return str(getattr(error, "explanation", None) or error).strip().rstrip(".")


def status_of(error: Any) -> int:
    """Return the HTTP status of an APIError, 0 if it has none."""
    return int(getattr(error, "status_code", None) or 0)


def _address() -> str:
    return find_socket(os.environ) or "unix:///var/run/docker.sock"


def _connect() -> "APIClient":
    from docker.api.client import APIClient
    from docker.errors import DockerException
    from docker.utils import kwargs_from_env

    options: dict[str, Any] = {**kwargs_from_env(), "base_url": _address()}
    try:
        return APIClient(version="auto", timeout=120, max_pool_size=_CONNECTIONS, **options)
    except DockerException as error:
        _unreachable(options["base_url"], error)


def _unreachable(address: str, error: BaseException) -> NoReturn:
    reason: BaseException | None = error
    words = ""
    while reason is not None:
        words += f" {reason!r}"
        reason = reason.__cause__ or reason.__context__
    if "PermissionError" in words:
        what = f"The Docker Engine at {address} does not let this user in."
        fix = "Join the `docker` group (and log in again), or run rootless Docker or Podman and set DOCKER_HOST."
    elif "FileNotFoundError" in words or "ConnectionRefused" in words or "NameResolution" in words:
        what = f"No Docker Engine answers at {address}."
        fix = "Start it (`systemctl start docker`), set DOCKER_HOST (Podman: `podman system service`), or use `host`."
    else:
        what = f"The Docker Engine at {address} cannot be used: {error}."
        fix = "See what `docker info` says."
    raise ExecutorUnavailable(what, fix) from error
