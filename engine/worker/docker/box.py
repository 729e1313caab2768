"""One container with a driver in it. Knows its own container only; making and removing is the executor's."""

import base64
import contextlib
import io
import json
import logging
import posixpath
import tarfile
import threading
from collections.abc import Callable, Mapping
from typing import Any

from engine.core.errors import EngineError, ExecutorUnavailable
from engine.worker.box_files import OwnFiles, own_files
from engine.worker.docker.client import DockerClient, explain
from engine.worker.executor import BoxExit, BoxSpec

_log = logging.getLogger(__name__)
CHANNEL, WORKSPACE, TEMP, SOURCE = "/treadle", "/github/workspace", "/github/temp", "/github/source"
ACTIONS, NODE = "/github/actions", "/github/node"

# What Go calls a file's mode: a link, or anything but a plain file.
_LINK, _NOT_PLAIN = 1 << 27, 1 << 31 | 1 << 26 | 1 << 25 | 1 << 24 | 1 << 21 | 1 << 19
_LINKS = 8
_TAR_MORE = 64 * 1024  # heads and ends of an archive


def published(inspected: dict[str, Any]) -> dict[str, str]:
    """Return the host ports of a running container, by the container's own, as expressions see them."""
    found = inspected["NetworkSettings"].get("Ports") or {}
    return {key.partition("/")[0]: bound[0]["HostPort"] for key, bound in found.items() if bound}


class DockerBox:
    """A container that was made. `arm` listens for its end and must come before it is started."""

    channel, workspace, temp, actions = CHANNEL, WORKSPACE, TEMP, ACTIONS

    def __init__(
        self,
        client: DockerClient,
        box_id: str,
        spec: BoxSpec,
        remove: Callable[[], None],
        left: Callable[[], None],
    ) -> None:
        """`left` is called once the container runs no more, `remove` when its box is to go."""
        self.id = box_id
        self.source = SOURCE if spec.source else None
        self.node = NODE if spec.node else None
        self._client = client
        self._remove = remove
        self._left = left
        self._exit: BoxExit | None = None
        self._ended = threading.Event()
        self._removed = threading.Lock()

    def facts(self) -> dict[str, Any]:
        found = self._client.api.inspect_container(self.id)
        ports = published(found)
        return {"id": self.id, "network": found["HostConfig"]["NetworkMode"], **({"ports": ports} if ports else {})}

    def arm(self, condition: str) -> None:
        """Have the engine promise to tell the exit code: returns once it has, before anything can end.

        A wait that is not in place before the start can miss the end and hang for ever; `not-running` on a container
        that was not started answers at once.
        """
        api = self._client.api
        url = api._url("/containers/{0}/wait", self.id)
        answer = api._post(url, params={"condition": condition}, stream=True, timeout=(10, None))
        api._raise_for_status(answer)
        threading.Thread(target=self._listen, args=(answer,), name=f"wait-{self.id[:12]}", daemon=True).start()

    def watch(self) -> None:
        """Listen for the end by asking again and again: for an engine that cannot promise to tell it."""
        threading.Thread(target=self._ask, name=f"ask-{self.id[:12]}", daemon=True).start()

    def ended(self, state: dict[str, Any]) -> None:
        """Take the end from an inspected State."""
        self._exit = BoxExit(int(state.get("ExitCode") or 0), bool(state.get("OOMKilled")))
        self._ended.set()
        self._left()

    def interrupt(self) -> None:
        self._signal("USR1")

    def exited(self, timeout_s: float = 0.0) -> BoxExit | None:
        self._ended.wait(timeout_s)
        return self._exit

    def kill(self) -> None:
        self._signal("KILL")

    def remove(self) -> None:
        if self._removed.acquire(blocking=False):
            self._remove()

    def read_file(self, path: str, limit_bytes: int) -> bytes:
        from docker.errors import DockerException, NotFound
        from requests.exceptions import RequestException

        try:
            for _ in range(_LINKS):
                found = self._archived(path, limit_bytes)
                if isinstance(found, bytes):
                    return found
                path = posixpath.join(posixpath.dirname(path), found)
        except NotFound:
            raise EngineError("there is no such file") from None
        except (DockerException, RequestException, tarfile.TarError, ExecutorUnavailable) as error:
            raise EngineError(f"the Docker Engine does not give it: {error}") from None
        raise EngineError("it is a chain of links")

    def own_files(self) -> OwnFiles:
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        try:
            found = self._client.api.inspect_container(self.id)
            changes = self._client.api.diff(self.id) or []
        except (DockerException, RequestException) as error:
            raise EngineError(f"The Docker Engine does not tell what changed: {explain(error)}.") from None
        mounts = [mount["Destination"] for mount in found["Mounts"]] + list(found["HostConfig"].get("Tmpfs") or {})
        volumes = [one["Destination"] for one in found["Mounts"] if one["Type"] == "volume" and one["RW"]]
        return own_files(((change["Path"], int(change["Kind"])) for change in changes), sorted(volumes), mounts)

    def aside(self, script: str, env: Mapping[str, str], look: Callable[[], None]) -> int:
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        api, pause = self._client.api, 0.005
        try:
            command = ["sh", "-ec", script]
            made = api.exec_create(
                self.id, command, stdout=False, stderr=False, user="0", environment=dict(env), workdir="/"
            )
            api.exec_start(made["Id"], detach=True)
            while (state := api.exec_inspect(made["Id"]))["Running"] or state["ExitCode"] is None:
                look()
                if self.exited(pause):
                    raise EngineError("the container has ended")
                pause = min(pause * 2, 0.05)
        except (DockerException, RequestException) as error:
            raise EngineError(f"The Docker Engine does not run it: {explain(error)}.") from None
        return int(state["ExitCode"])

    def _archived(self, path: str, limit_bytes: int) -> bytes | str:
        """Return a file as the engine archives it, or where it leads to if it is a link."""
        api = self._client.api
        answer = api._get(api._url("/containers/{0}/archive", self.id), params={"path": path}, stream=True)
        with contextlib.closing(answer):
            api._raise_for_status(answer)
            about = json.loads(base64.b64decode(answer.headers["X-Docker-Container-Path-Stat"]))
            if about["mode"] & _LINK:
                return str(about["linkTarget"])
            if about["mode"] & _NOT_PLAIN:
                raise EngineError("it is no plain file")
            if about["size"] > limit_bytes:
                raise EngineError(f"it is larger than {limit_bytes >> 10} KiB")
            packed = bytearray()
            for block in answer.iter_content(1 << 16):
                packed += block
                if len(packed) > limit_bytes + _TAR_MORE:  # it has grown meanwhile
                    raise EngineError(f"it is larger than {limit_bytes >> 10} KiB")
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            member = archive.next()
            file = archive.extractfile(member) if member else None
            return file.read() if file else b""

    def _signal(self, name: str) -> None:
        """Send a signal; to an engine that is away in vain: whoever wants the box ended asks again."""
        from docker.errors import APIError, DockerException
        from requests.exceptions import RequestException

        if self._ended.is_set():
            return
        try:
            self._client.api.kill(self.id, name)
        except APIError as error:
            over = error.status_code in (404, 409) or "container state improper" in explain(error)  # as Podman says it
            if not over:
                raise
        except (DockerException, RequestException, ExecutorUnavailable) as error:
            _log.warning("The Docker Engine does not answer, so that %s goes on: %s", self.id[:12], explain(error))

    def _listen(self, answer: Any) -> None:
        from requests.exceptions import RequestException

        try:
            code = int(answer.json()["StatusCode"])
        except (RequestException, ValueError, KeyError, TypeError, AttributeError):
            self._ask()  # the engine went away, or closed the line without a word
            return
        if code == 0:
            self.ended({"ExitCode": 0})
        else:
            self._ask(code)

    def _ask(self, code: int | None = None) -> None:
        """Ask for the state until the container has ended or the client is closed; one that is gone counts as killed
        unless `code` is known.
        """
        from docker.errors import DockerException, NotFound
        from requests.exceptions import RequestException

        pause = 0.02
        while not self._ended.is_set() and not self._client.closed:
            try:
                state = self._client.api.inspect_container(self.id)["State"]
                if state["Status"] not in ("created", "running", "paused", "restarting"):
                    self.ended(state)
                    return
            except NotFound:
                self.ended({"ExitCode": 137 if code is None else code})
                return
            except (DockerException, RequestException, ExecutorUnavailable):
                pass  # the engine restarts: its word comes later
            self._ended.wait(pause)
            pause = min(pause * 2, 0.25)
