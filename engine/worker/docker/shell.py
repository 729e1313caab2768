"""A shell in a container, or beside one that has none: over the engine's own line, as `docker exec` does it."""

import logging
import socket
import struct
from collections.abc import Sequence
from typing import Any

from engine.core.errors import EngineError
from engine.worker.docker.client import DockerClient, explain, status_of
from engine.worker.docker.config import BOX_LABEL, CAPABILITIES
from engine.worker.mending.shell import Shell, ShellSpec, Shown

_log = logging.getLogger(__name__)
_HEADER = struct.Struct(">BxxxL")
_STDERR = 2
READ_BYTES = 1 << 16
_NO_PROGRAM = (126, 127)
_LIKELY = ("busybox", "alpine", "debian", "ubuntu")  # in which a shell beside a box is looked for first
BESIDE = "This box has no shell: you are beside it, in {image}. Its workspace is here, its root is /proc/1/root.\r\n"


class DockerShells:
    """Shells in the boxes of one engine."""

    def __init__(self, client: DockerClient, beside_image: str = "") -> None:
        """`beside_image` is for boxes without a shell, '' for any that is here."""
        self._client = client
        self._beside_image = beside_image

    def open(self, box_id: str, spec: ShellSpec) -> Shell:
        """Start the program in a box. Raises EngineError when the box is gone, or no shell is to be had."""
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        try:
            if self._has_shell(box_id):
                return self._start(box_id, spec)
            sidecar, image = self._beside(box_id)
            try:
                said = Shown(BESIDE.format(image=image).encode(), is_error=True)
                return self._start(sidecar, spec, sidecar, [said])
            except BaseException:
                self._client.api.remove_container(sidecar, force=True)
                raise
        except (DockerException, RequestException) as error:
            if status_of(error) in (404, 409):
                raise EngineError("The box is gone, or does not run any more.") from error
            raise EngineError(f"The shell cannot be opened: {explain(error)}.") from error

    def _has_shell(self, container: str) -> bool:
        from docker.errors import APIError

        api = self._client.api
        try:
            probe = api.exec_create(container, ["sh", "-c", ":"])["Id"]
            api.exec_start(probe)
            return api.exec_inspect(probe)["ExitCode"] not in _NO_PROGRAM
        except APIError as error:
            if "executable file not found" in explain(error) or "no such file" in explain(error):
                return False
            raise

    def _start(self, container: str, spec: ShellSpec, remove: str = "", first: Sequence[Shown] = ()) -> Shell:
        """`remove` is the container that goes with the shell, `first` what is shown before anything else."""
        api, tty = self._client.api, bool(spec.terminal)
        env = [f"{name}={value}" for name, value in spec.env.items()]
        made = api.exec_create(container, spec.argv, stdin=True, tty=tty, environment=env)["Id"]
        shell = DockerShell(self._client, made, tty, remove, list(first))
        if tty:
            shell.resize(*spec.size)
        return shell

    def _beside(self, box_id: str) -> tuple[str, str]:
        """Start a container that shares the box's processes, network and volumes, of an image with a shell."""
        from docker.errors import DockerException

        api = self._client.api
        box = api.inspect_container(box_id)
        labels, name = dict(box["Config"]["Labels"]), box["Name"].lstrip("/")
        for image in self._images():
            config = {
                "Image": image,
                "Entrypoint": ["sh"],
                "Cmd": ["-c", "trap exit TERM; while :; do sleep 3600 & wait; done"],
                "Labels": {**labels, BOX_LABEL: name},
                "HostConfig": {
                    "PidMode": f"container:{box_id}",
                    "NetworkMode": f"container:{box_id}",
                    "VolumesFrom": [box_id],
                    "LogConfig": {"Type": "none"},
                    "CapDrop": ["ALL"],
                    "CapAdd": sorted({*CAPABILITIES, "SYS_PTRACE"}),
                },
            }
            made = ""
            try:
                made = api.create_container_from_config(config)["Id"]
                api.start(made)
                if self._has_shell(made):
                    return made, image
            except DockerException as error:
                _log.debug("no shell in %s: %s", image, explain(error))
            if made:
                api.remove_container(made, force=True, v=False)
        raise EngineError(
            "The box has no shell, and no image here has one.", "Pull one, such as busybox, or name it as hold.shell."
        )

    def _images(self) -> list[str]:
        if self._beside_image:
            return [self._beside_image]
        found = [tag for one in self._client.api.images() for tag in one.get("RepoTags") or () if "<none>" not in tag]
        return sorted(found, key=lambda tag: next((i for i, word in enumerate(_LIKELY) if word in tag), len(_LIKELY)))


class DockerShell:
    """One exec. Without a terminal what it writes comes in frames that tell standard error from the rest."""

    def __init__(self, client: DockerClient, exec_id: str, tty: bool, remove: str, first: list[Shown]) -> None:
        self._client = client
        self._id = exec_id
        self._tty = tty
        self._remove = remove
        self._first = first
        self._held = b""
        self._answer, self._line, early = _begin(client.api, exec_id, tty)
        self._early = early

    def fileno(self) -> int:
        return int(self._line.fileno())

    def receive(self) -> list[Shown] | None:
        shown, self._first = self._first, []
        data, self._early = self._early, b""
        if not data:
            try:
                data = self._line.recv(READ_BYTES)
            except BlockingIOError:
                return shown
            except OSError:
                data = b""
            if not data:
                return shown or None
        return shown + (self._frames(data) if not self._tty else [Shown(data)])

    @property
    def has_more(self) -> bool:
        """Whether there is something to receive that came before the line was watched."""
        return bool(self._first or self._early)

    def send(self, data: bytes) -> None:
        self._line.sendall(data)

    def end_input(self) -> None:
        self._line.shutdown(socket.SHUT_WR)

    def resize(self, rows: int, columns: int) -> None:
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        try:
            self._client.api.exec_resize(self._id, height=rows, width=columns)
        except (DockerException, RequestException):
            pass  # it has ended

    def exit_code(self) -> int:
        code = self._client.api.exec_inspect(self._id)["ExitCode"]
        return 130 if code is None else int(code)

    def close(self) -> None:
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        self._line.close()
        self._answer.close()
        if self._remove:
            try:
                self._client.api.remove_container(self._remove, force=True)
            except (DockerException, RequestException) as error:
                _log.warning("%s was left behind: %s", self._remove[:12], explain(error))

    def _frames(self, data: bytes) -> list[Shown]:
        self._held += data
        shown = []
        while len(self._held) >= _HEADER.size:
            kind, size = _HEADER.unpack_from(self._held)
            if len(self._held) < _HEADER.size + size:
                break
            shown.append(Shown(self._held[_HEADER.size : _HEADER.size + size], kind == _STDERR))
            self._held = self._held[_HEADER.size + size :]
        return shown


def _begin(api: Any, exec_id: str, tty: bool) -> tuple[Any, Any, bytes]:
    """Start an exec; return its answer, the line to it, and what has come over it with the answer already."""
    headers = {"Connection": "Upgrade", "Upgrade": "tcp"}
    body = {"Tty": tty, "Detach": False}
    answer = api._post_json(api._url("/exec/{0}/start", exec_id), headers=headers, data=body, stream=True)
    api._raise_for_status(answer)
    line = api._get_raw_response_socket(answer)
    inner = getattr(line, "_sock", line)
    inner.settimeout(0)
    early = bytes(answer.raw._fp.fp.peek())  # what was read ahead: the line itself would not give it again
    inner.settimeout(None)
    return answer, inner, early
