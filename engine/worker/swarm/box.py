"""One task of a swarm with a driver in it. All but its end is known by its line; its end also by Swarm's word."""

import shlex
import threading
from collections.abc import Callable, Mapping
from typing import Any

from engine.core.errors import EngineError
from engine.worker.box_files import OwnFiles
from engine.worker.docker.box import ACTIONS, CHANNEL, TEMP, WORKSPACE
from engine.worker.executor import BoxExit, BoxSpec
from engine.worker.swarm.config import BROKEN, LINE_LOST, NO_MEANS, REFUSED
from engine.worker.swarm.frames import awaited
from engine.worker.swarm.line import Guest
from engine.worker.swarm.objects import ENDED

_READ = """
if [ -h "$f" ] && [ ! -e "$f" ]; then exit 6; fi
[ -e "$f" ] || exit 3
[ -f "$f" ] || exit 4
[ "$(wc -c <"$f")" -le "$most" ] || exit 5
cat "$f"
"""
_WHY = {3: "there is no such file", 4: "it is no plain file", 6: "it is a chain of links"}


class SwarmBox:
    """A box whose service was made. `kill_task` has Swarm end the task, `remove` takes the service away."""

    channel, workspace, temp, actions = CHANNEL, WORKSPACE, TEMP, ACTIONS
    source: str | None = None  # a task elsewhere sees no folder of this machine; checkouts go by the line
    node: str | None = None

    def __init__(
        self, box_id: str, spec: BoxSpec, guest: Guest, kill_task: Callable[[], None], remove: Callable[[], None]
    ) -> None:
        self.id = box_id
        self.guest = guest
        self.container = ""
        self._spec = spec
        self._kill_task = kill_task
        self._remove = remove
        self._exit: BoxExit | None = None
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._killed = self._removed = False

    def facts(self) -> dict[str, Any]:
        return {"id": self.container or self.id, "network": ""}

    def interrupt(self) -> None:
        if not self._ended.is_set():
            self.guest.mirror.interrupt()

    def exited(self, timeout_s: float = 0.0) -> BoxExit | None:
        if self._exit is None and self.guest.mirror.left is None:
            self._ended.wait(timeout_s)
        if self._exit is None and (code := self.guest.mirror.left) is not None:
            self.ended(BoxExit(code))  # it has sent everything, and now waits to be let go
            self.guest.mirror.order("bye")
        return self._exit

    def kill(self) -> None:
        with self._lock:
            if self._killed or self._ended.is_set():
                return
            self._killed = True
        self.guest.mirror.order("kill")
        self._kill_task()

    def remove(self) -> None:
        with self._lock:
            if self._removed:
                return
            self._removed = True
        self._remove()

    def read_file(self, path: str, limit_bytes: int) -> bytes:
        code, data = self._ask(f"f={shlex.quote(path)} most={limit_bytes}\n{_READ}", lambda: None, "it cannot be read")
        if code == 5 or len(data) > limit_bytes:
            raise EngineError(f"it is larger than {limit_bytes >> 10} KiB")
        if code:
            raise EngineError(_WHY.get(code, "it cannot be read"))
        return data

    def own_files(self) -> OwnFiles:
        raise EngineError("The files of a task in a swarm cannot be told from its image's.")

    def aside(self, script: str, env: Mapping[str, str], look: Callable[[], None]) -> int:
        words = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in env.items())
        return self._ask(f"set -e\ncd /\n{words}{script}", look, "A script beside the steps did not end")[0]

    def ended(self, how: BoxExit) -> None:
        """Take how the task ended, unless its own driver has said so before."""
        with self._lock:
            if self._exit is None:
                self._exit = how
        self._ended.set()
        self.guest.mirror.hang_up()
        self.guest.mirror.wake()

    def is_over(self) -> bool:
        return self._ended.is_set()

    def heed(self, task: Mapping[str, Any] | None) -> None:
        """Take Swarm's word of the task; None when there is none any more. What it sent before it ended came first:
        as long as a line carries, its end waits for what is in it."""
        if task is None:
            if self.guest.line is None:
                self.ended(BoxExit(137, why="its task in the swarm is gone"))
            return
        status = task["Status"]
        self.container = status.get("ContainerStatus", {}).get("ContainerID", "") or self.container
        if status["State"] in ENDED and self.guest.line is None:
            code = status.get("ContainerStatus", {}).get("ExitCode")
            oom = "oom" in str(status.get("Err", "")).lower()
            words = str(status.get("Err") or status.get("Message") or "").rstrip(".")
            self.ended(BoxExit(137 if code is None else int(code), oom, f"its task in the swarm ended: {words}"))

    def _ask(self, script: str, look: Callable[[], None], what: str) -> tuple[int, bytes]:
        if self._ended.is_set() or self.guest.line is None:
            raise EngineError(f"{what}: its task cannot be reached.")
        return awaited(self.guest.mirror.ask(script), look, what)


def why(code: int, image: str) -> tuple[str, str]:
    """Return what it means that a task left with one of the courier's own codes, and what to do; '' for any other."""
    match code:
        case code if code == NO_MEANS:
            return (
                f"The image {image} has neither openssl nor busybox with nc and ssl_client, so its task cannot be "
                "reached, and this machine has no static busybox to send.",
                "Install busybox-static here (or name one: `swarm: {busybox: PATH}`), or openssl in the image.",
            )
        case code if code == LINE_LOST:
            return "The task could not reach the engine.", "See `swarm: {address: …}`, and that no firewall is between."
        case code if code == REFUSED:
            return "The task was refused: another has its attempt.", ""
        case code if code == BROKEN:
            return "The task could not unpack what it was sent.", "See that the image has tar and gzip, and room."
    return "", ""
