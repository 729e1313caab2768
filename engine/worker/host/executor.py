"""Runs jobs as processes on this machine: the same driver as in a container, without the container.

Nothing is isolated: a job can do what the engine's user can. Whoever maps a label to `host` has chosen that.
"""

import os
import secrets
import select
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from engine.core.errors import EngineError, ExecutorUnavailable
from engine.worker.box_files import OwnFiles
from engine.worker.executor import Box, BoxExit, BoxSpec, Credentials, Say, nothing
from engine.worker.held import HeldBoxes
from engine.worker.host import sweep as host_sweep
from engine.worker.host.held import HostHeld
from engine.worker.plain_file import open_plain
from engine.worker.services import Services, ServicesSpec
from engine.worker.sibling import Siblings
from pipelines.container_options import BoxOptions

# What a job gets of the engine's own environment; the rest may hold the engine's secrets.
_PASSED = ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TZ", "XDG_RUNTIME_DIR", "SSH_AUTH_SOCK")
_PASSED_ANY_CASE = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")
_HELPER = (sys.executable, "-IS", host_sweep.__file__)


class HostBox:
    """A driver process and all that descends from it. `id` is `PID-STARTTIME-MARK`, good across restarts."""

    def __init__(self, box_id: str, spec: BoxSpec) -> None:
        self.id = box_id
        self.channel = str(spec.folder / "channel")
        self.workspace = str(spec.folder / "workspace")
        self.temp = str(spec.folder / "temp")
        self.source = str(spec.source) if spec.source else None
        self.actions = str(spec.folder / "actions")
        self.node = str(spec.node) if spec.node else None
        pid, self._started, self.mark = box_id.split("-", 2)
        self._pid = int(pid)
        self._lock = threading.Lock()
        self._exit: BoxExit | None = None
        self._folder = spec.folder
        self._events = spec.folder / "channel" / "ev"
        self._pidfd = _open_pidfd(self._pid, self._started)
        if self._pidfd is None:
            self._exit = self._read_exit()
        else:  # a box that is held, or left to the next engine, is forgotten without an end
            self._close = weakref.finalize(self, os.close, self._pidfd)

    def facts(self) -> dict[str, Any]:
        return {}

    def interrupt(self) -> None:
        self._signal(signal.SIGUSR1)

    def exited(self, timeout_s: float = 0.0) -> BoxExit | None:
        if self._exit is None and self._pidfd is not None and _readable(self._pidfd, timeout_s):
            with self._lock:
                if self._exit is None:
                    self._exit = self._read_exit()
        return self._exit

    def kill(self) -> None:
        driver = self._pid if self._alive() else None
        self._signal(signal.SIGSTOP)  # it must not take the death of its step for an end to report
        host_sweep.sweep(self.mark, driver, frozenset({self._pid}))
        self._signal(signal.SIGKILL)
        self.exited(5.0)  # a child is reaped by that
        host_sweep.sweep(self.mark, None)

    def read_file(self, path: str, limit_bytes: int) -> bytes:
        return read_here(path, limit_bytes)

    def own_files(self) -> OwnFiles:
        return OwnFiles(str(self._folder), ("workspace", "temp"))

    def aside(self, script: str, env: Mapping[str, str], look: Callable[[], None]) -> int:
        return run_here(script, {**env, host_sweep.MARK: self.mark}, look)

    def remove(self) -> None:
        self.kill()
        with self._lock:
            if self._pidfd is not None and self._exit is not None:
                self._close()
                self._pidfd = None

    def _alive(self) -> bool:
        return self._pidfd is not None and _is(self._pid, self._started)

    def _signal(self, number: signal.Signals) -> None:
        if self._pidfd is not None:
            try:
                signal.pidfd_send_signal(self._pidfd, number)
            except ProcessLookupError:
                pass  # it has ended

    def _read_exit(self) -> BoxExit:
        """The exit code of a child; of an adopted driver, what its last event says: left, or was killed."""
        if self._pidfd is not None:
            try:
                if (done := os.waitid(os.P_PIDFD, self._pidfd, os.WEXITED | os.WNOHANG)) is not None:
                    return BoxExit(done.si_status + (0 if done.si_code == os.CLD_EXITED else 128))
            except ChildProcessError:
                pass  # an earlier engine's child
        try:
            with open_plain(self._events) as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - 2))
                return BoxExit(0 if file.read(2) == b"Q\n" else 137)
        except OSError:
            return BoxExit(137)


def read_here(path: str, limit_bytes: int) -> bytes:
    """Return a plain file of this machine. Raises EngineError with the reason."""
    try:
        with open_plain(path, follow=True) as file:
            data = file.read(limit_bytes + 1)
    except (OSError, ValueError) as error:
        raise EngineError(getattr(error, "strerror", "") or "its name makes no sense") from None
    if len(data) > limit_bytes:
        raise EngineError(f"it is larger than {limit_bytes >> 10} KiB")
    return data


def run_here(script: str, env: Mapping[str, str], look: Callable[[], None]) -> int:
    """Run a script on this machine, and return its exit code; it ends when `look` raises."""
    with subprocess.Popen(
        ("sh", "-ec", script),
        env={**own_environment(), **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            while True:
                look()
                try:
                    return process.wait(0.05)
                except subprocess.TimeoutExpired:
                    continue
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise


def _is(pid: int, started: str) -> bool:
    """Is `pid` still the process that started then, and not a dead one?"""
    try:
        state, _, start_time = host_sweep.stat_fields(pid)
    except OSError:
        return False
    return start_time == started and state != "Z"


def _readable(fd: int, timeout_s: float) -> bool:
    poll = select.poll()  # select() ends at descriptor 1023
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(timeout_s * 1000))


def _open_pidfd(pid: int, started: str) -> int | None:
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    if _is(pid, started):
        return fd
    os.close(fd)  # its number has gone to another process
    return None


class HostExecutor:
    """Boxes are processes of the engine's user; they outlive the engine and are found again by a mark."""

    kind = "host"
    siblings: Siblings | None = None
    left_behind = False

    def __init__(self, home_id: str) -> None:
        self._home_id = home_id
        self.held: HeldBoxes = HostHeld(self._end)

    def check(self) -> None:
        for tool in ("sh", "cp"):
            if shutil.which(tool) is None:
                raise ExecutorUnavailable(f"There is no {tool} on this machine.", "Install it, or use Docker.")
        if not Path("/proc/self/stat").exists() or not hasattr(os, "pidfd_open"):
            raise ExecutorUnavailable("Jobs on this machine need Linux with /proc.", "Set `executor: docker`.")

    def ensure_image(
        self, image: str, say: Say, credentials: Credentials | None = None, look: Callable[[], None] = nothing
    ) -> None:
        raise ExecutorUnavailable(
            f"The image {image} cannot be used: jobs run on this machine itself.", "Set `executor: docker`."
        )

    def expect(self, boxes: int, image: str | None) -> None:
        """Nothing can be made ready here."""

    def start(self, spec: BoxSpec, look: Callable[[], None] = nothing) -> Box:
        """Start the driver in a session of its own. Refuses what only a container can keep."""
        self._refuse(spec)
        workspace = spec.folder / "workspace"
        workspace.mkdir(exist_ok=True)
        (spec.folder / "temp").mkdir(exist_ok=True)
        if spec.source is not None and spec.overlay:
            copied = subprocess.run(
                ["cp", "-a", "--reflink=auto", f"{spec.source}/.", str(workspace)], capture_output=True, check=False
            )
            if copied.returncode:
                raise EngineError(f"The workspace cannot be filled: {copied.stderr.decode(errors='replace').strip()}.")
        mark = f"{self._home_id}.{secrets.token_hex(8)}"
        channel = spec.folder / "channel"
        sweep = f"{shlex.join((*_HELPER, 'sweep', mark))} $$"  # $$ is the driver itself, which is spared
        command = (*_HELPER, "drive", str(workspace), "sh", str(channel / "driver.sh"), str(channel), "", sweep)
        null = ((fd, "/dev/null", os.O_RDWR, 0) for fd in range(3))
        pid = os.posix_spawn(
            command[0],
            command,
            {**own_environment(), **spec.env, host_sweep.MARK: mark},
            file_actions=[(os.POSIX_SPAWN_OPEN, *action) for action in null],
            setsid=True,
        )
        return HostBox(f"{pid}-{host_sweep.stat_fields(pid)[2]}-{mark}", spec)

    def adopt(self, spec: BoxSpec, box_id: str) -> Box | None:
        if box_id.count("-") < 2 or not (spec.folder / "channel" / "ev").exists():
            return None
        return HostBox(box_id, spec)

    def serve(self, spec: ServicesSpec, say: Say, check_in: Callable[[], None]) -> Services:
        raise ExecutorUnavailable("Services are containers.", "Ask the Docker executor for them.")

    def adopt_services(self, spec: ServicesSpec) -> Services | None:
        return None

    def strays(self, known: Iterable[str]) -> list[str]:
        kept = {box_id.split("-", 2)[2] for box_id in known if box_id.count("-") >= 2}
        found = {mark for _, mark in host_sweep.marks() if mark.startswith(f"{self._home_id}.") and mark not in kept}
        for mark in found:
            host_sweep.sweep(mark, None)
        return sorted(found)

    def close(self) -> None:
        pass  # nothing is kept warm

    def _end(self, box_id: str, folder: Path) -> None:
        if box_id.count("-") >= 2:
            HostBox(box_id, BoxSpec(box_id, None, folder, {})).remove()

    def _refuse(self, spec: BoxSpec) -> None:
        asked = {
            "an image": spec.image,
            "`container.options`": spec.options != BoxOptions(),
            "`volumes:`": spec.volumes,
            "`ports:`": spec.ports,
            "`resources:`": spec.cpus or spec.memory_bytes,
        }
        for what, wanted in asked.items():
            if wanted:
                raise ExecutorUnavailable(
                    f"The job asks for {what}, which only a container can give.", "Run it on a label with an image."
                )


def own_environment() -> dict[str, str]:
    """Return what of the engine's own environment a job may see."""
    return {k: v for k, v in os.environ.items() if k in _PASSED or k.lower() in _PASSED_ANY_CASE}
