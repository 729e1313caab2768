"""Container actions in Docker: one container beside the box, in its network and with its files, for one program.

Its output comes over a line that is opened before the container starts, so that nothing is lost, whatever the image
holds: an image without a shell is fine.
"""

import logging
import os
import re
import struct
import threading
from pathlib import Path
from typing import Any

from engine.core.clock import Clock, SystemClock
from engine.core.errors import EngineError
from engine.worker.docker.box import TEMP, WORKSPACE
from engine.worker.docker.build import Builds
from engine.worker.docker.client import DockerClient, explain, status_of
from engine.worker.docker.config import CAPABILITIES, PIDS_LIMIT, SHM_BYTES
from engine.worker.docker.removal import remove_container
from engine.worker.executor import BoxExit
from engine.worker.sibling import ImageFailed, SiblingSpec
from engine.worker.steps.session import StepEnd

log = logging.getLogger(__name__)
SHARED = {WORKSPACE: ("/github/workspace",), TEMP: ("/github/runner_temp", TEMP)}
"""Where a sibling sees what the box has, by where the box has it: where GitHub's runner puts it, and its own place."""

READ_BYTES = 1 << 16
_HEADER = struct.Struct(">BxxxL")


class DockerSiblings(Builds):
    """The siblings and built images of one home."""

    def start(self, spec: SiblingSpec, index: int, log: Path, grace_s: float) -> "DockerSibling":
        """Start a container. Raises ImageFailed with the engine's own words."""
        from docker.errors import APIError, DockerException
        from requests.exceptions import RequestException

        name = re.sub(r"[^a-zA-Z0-9_.-]", "-", f"treadle-{self.home_id[:12]}-{spec.name}")
        api = self.client.api
        container, sibling = "", None
        try:
            config = sibling_config(self.home_id, spec, self._shared(spec.box_id))
            try:
                container = api.create_container_from_config(config, name)["Id"]
            except APIError as error:
                if status_of(error) != 409:
                    raise
                remove_container(self.client, name)  # the same one, whose reply was lost
                container = api.create_container_from_config(config, name)["Id"]
            sibling = DockerSibling(self.client, container, index, log, grace_s)
            sibling.listen()
            api.start(container)
        except BaseException as error:
            if sibling is not None:
                sibling.close_log(index)
            self.remove(container)
            if isinstance(error, (DockerException, RequestException, OSError)):
                raise ImageFailed(f"The container of {spec.image} cannot be started: {explain(error)}.") from error
            raise
        return sibling

    def remove(self, container: str) -> None:
        if container:
            _take_away(self.client, container)

    def _shared(self, box_id: str) -> dict[str, str]:
        """Return the volumes of a box that are shared, by where the box has them."""
        if not box_id:
            return {}
        mounts = self.client.api.inspect_container(box_id)["Mounts"]
        return {one["Destination"]: one["Name"] for one in mounts if one.get("Name") and one["Destination"] in SHARED}


class DockerSibling:
    """One container. As a task: its script number is `index`, and it ends with the box that it belongs to."""

    def __init__(
        self,
        client: DockerClient,
        container: str,
        index: int,
        log: Path,
        grace_s: float,
        clock: Clock | None = None,
    ) -> None:
        self.id = container
        self._client = client
        self._index = index
        self._grace_s = grace_s
        self._clock = clock or SystemClock()
        self._began_s = self._clock.monotonic_s()
        self._kill_at_s: float | None = None
        self._silent = threading.Event()
        self._fd = os.open(log, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        self._closed = False

    @property
    def task(self) -> "DockerSibling":
        return self

    def listen(self) -> None:
        """Open the line for the output: before the start, for what comes before it is open is lost."""
        line = self._client.api.attach_socket(self.id, {"stdout": 1, "stderr": 1, "stream": 1})
        inner = getattr(line, "_sock", line)
        inner.settimeout(None)
        out = os.dup(self._fd)
        threading.Thread(target=self._hear, args=(line, inner, out), name=f"hear-{self.id[:12]}", daemon=True).start()

    def poll(self, timeout_s: float) -> StepEnd | BoxExit | None:
        from docker.errors import DockerException, NotFound
        from requests.exceptions import RequestException

        if self._kill_at_s is not None and self._clock.monotonic_s() >= self._kill_at_s:
            self.kill()
        if not self._silent.wait(timeout_s):
            return None
        try:
            state = self._client.api.inspect_container(self.id)["State"]
        except NotFound:
            state = {"Running": False, "ExitCode": 137}
        except (DockerException, RequestException):
            return None  # the engine restarts: its word comes later
        if state["Running"]:
            self._silent.clear()
            threading.Timer(0.2, self._silent.set).start()  # it has closed its output, and lives on
            return None
        seconds = round(self._clock.monotonic_s() - self._began_s, 2)
        return StepEnd(self._index, int(state["ExitCode"]), int(bool(state.get("OOMKilled"))), seconds)

    def log_fd(self, index: int) -> int:
        return self._fd

    def close_log(self, index: int) -> None:
        if not self._closed:
            self._closed = True
            os.close(self._fd)

    def interrupt(self) -> None:
        """Ask it to end; after the grace period it is killed."""
        self._signal("TERM")
        self._kill_at_s = self._kill_at_s or self._clock.monotonic_s() + self._grace_s

    def kill(self) -> None:
        self._signal("KILL")

    def remove(self) -> None:
        self.close_log(self._index)
        _take_away(self._client, self.id)

    def _signal(self, name: str) -> None:
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        try:
            self._client.api.kill(self.id, name)
        except (DockerException, RequestException):
            pass  # it has ended

    def _hear(self, line: Any, inner: Any, out: int) -> None:
        """Write what the container prints into the log, frame by frame, until its end."""
        try:
            while header := _exactly(inner, _HEADER.size):
                left = _HEADER.unpack(header)[1]
                while left and (data := inner.recv(min(left, READ_BYTES))):
                    left -= len(data)
                    rest = memoryview(data)
                    while rest:
                        rest = rest[os.write(out, rest) :]
        except OSError as error:
            log.warning("The output of %s broke off: %s", self.id[:12], error)
        finally:
            os.close(out)
            inner.close()  # of itself it stays open while the line is, and the line's end leaves it open
            line.close()
            self._silent.set()


def sibling_config(home_id: str, spec: SiblingSpec, volumes: dict[str, str]) -> dict[str, Any]:
    """Return the body of the create call. `volumes` are those of the box, by where it has them."""
    mounts: list[dict[str, Any]] = [
        {"Type": "bind", "Source": str(source), "Target": target} for target, source in spec.binds.items()
    ]
    for place, volume in volumes.items():
        mounts += ({"Type": "volume", "Source": volume, "Target": target} for target in SHARED[place])
    host: dict[str, Any] = {
        "Mounts": mounts,
        "Init": True,
        "LogConfig": {"Type": "none"},
        "NetworkMode": f"container:{spec.box_id}" if spec.box_id else "host",
        "CapDrop": ["ALL"],
        "CapAdd": sorted(CAPABILITIES),
        "PidsLimit": PIDS_LIMIT,
        "ShmSize": SHM_BYTES,
    }
    if spec.memory_bytes:
        host |= {"Memory": spec.memory_bytes, "MemorySwap": spec.memory_bytes}
    if spec.cpus:
        host |= {"NanoCpus": round(spec.cpus * 1e9)}
    config: dict[str, Any] = {
        "Image": spec.image,
        "Env": [f"{key}={value}" for key, value in spec.env.items()],
        "Labels": {**spec.labels, "treadle": home_id},
        "WorkingDir": "/github/workspace",
        "AttachStdout": True,
        "AttachStderr": True,
        "Healthcheck": {"Test": ["NONE"]},
        "HostConfig": host,
    }
    if spec.entrypoint:
        config["Entrypoint"] = [spec.entrypoint]
    if spec.arguments is not None:
        config["Cmd"] = list(spec.arguments)
    return config


def _take_away(client: DockerClient, container: str) -> None:
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    try:
        remove_container(client, container)
    except (DockerException, RequestException, EngineError) as error:
        log.warning("%s was left behind, the next start removes it: %s", container[:12], error)


def _exactly(line: Any, count: int) -> bytes:
    """Return so many bytes, or nothing at the end."""
    data = b""
    while len(data) < count:
        more = line.recv(count - len(data))
        if not more:
            return b""
        data += more
    return data
