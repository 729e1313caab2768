"""The one way to the Docker Engine: finds it, negotiates the API once, and says in a sentence why it is not there.

Importing `docker` costs a tenth of a second (requests and urllib3), so it is imported with the first use only.
"""

import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from engine.core.errors import ExecutorUnavailable

if TYPE_CHECKING:
    from docker.api.client import APIClient

_CONNECTIONS = 128  # every running box keeps one for its wait; beyond the pool they would be thrown away


class DockerClient:
    """Lazily connected, shared by all threads. `api` raises ExecutorUnavailable while no engine answers, and for good
    once it is `closed`.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._api: APIClient | None = None
        self._podman = False
        self.closed = False
        self.left_behind = False  # something that was to be removed is there still

    @property
    def is_podman(self) -> bool:
        """Podman speaks the same API, but not in all: it answers a wait only when it is over, passes over the driver of
        an anonymous volume, calls a detached command running for ever, and keeps a container whose network others use.
        """
        return bool(self.api and self._podman)

    @property
    def api(self) -> Any:  # an APIClient, of which the published types know only a part
        with self._lock:
            if self.closed:
                raise ExecutorUnavailable("The Docker Engine is no longer asked: Treadle stops.", "Start it again.")
            if self._api is None:
                self._api = _connect()
                self._podman = "Libpod-API-Version" in self._api.get(f"{self._api.base_url}/_ping", timeout=10).headers
            return self._api

    def ping(self) -> None:
        """Raise ExecutorUnavailable unless the engine answers now."""
        with self.reached():
            self.api.ping()

    @contextmanager
    def reached(self) -> Iterator[None]:
        """Have an engine that goes away in the middle of the block be one that does not answer."""
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        try:
            yield
        except (DockerException, RequestException) as error:
            _unreachable(_address(), error)

    @contextmanager
    def removing(self) -> Iterator[None]:
        """Have it known when a removal fails, whoever asked for it and whatever they make of it."""
        try:
            yield
        except Exception:
            self.left_behind = True
            raise

    def close(self) -> None:
        with self._lock:
            self.closed = True
            if self._api is not None:
                self._api.close()
                self._api = None


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:  # in a folder that is not ours to enter
        return False


def find_socket(environ: Mapping[str, str], exists: Callable[[Path], bool] = _exists) -> str | None:
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
    address = _address()
    if address.startswith("unix://"):
        _knock(address)
    from docker.api.client import APIClient
    from docker.errors import DockerException
    from docker.utils import kwargs_from_env

    options: dict[str, Any] = {**kwargs_from_env(), "base_url": address}
    try:
        client = APIClient(version="auto", timeout=120, max_pool_size=_CONNECTIONS, **options)
    except DockerException as error:
        _unreachable(address, error)
    if address.startswith("unix://"):
        client.trust_env = False  # no proxy and no .netrc leads to a socket, and each request would look for them
    return client


def _knock(address: str) -> None:
    """Tell plainly, and before anything slow is imported, that nobody is behind the socket."""
    with socket.socket(socket.AF_UNIX) as door:
        try:
            door.connect(address.removeprefix("unix://"))
        except OSError as error:
            _unreachable(address, error)


def _unreachable(address: str, error: BaseException) -> NoReturn:
    if isinstance(error, PermissionError):
        what = f"The Docker Engine at {address} does not let this user in."
        fix = "Join the `docker` group (and log in again), or run rootless Docker or Podman and set DOCKER_HOST."
    elif isinstance(error, OSError) and not status_of(error):  # also what requests raises when nobody answers
        what = f"No Docker Engine answers at {address}."
        fix = "Start it (`systemctl start docker`), set DOCKER_HOST (Podman: `podman system service`), or use `host`."
    else:
        what = f"The Docker Engine at {address} cannot be used: {explain(error)}."
        fix = "See what `docker info` says."
    raise ExecutorUnavailable(what, fix) from error
