"""A shell among the processes of a job on this machine: it bears the job's mark, so that it goes when the box goes."""

import fcntl
import os
import select
import signal
import struct
import subprocess
import termios
from typing import IO

from engine.core.errors import EngineError
from engine.worker.host import sweep as host_sweep
from engine.worker.host.executor import own_environment
from engine.worker.mending.shell import Shell, ShellSpec, Shown

READ_BYTES = 1 << 16


def open_shell(box_id: str, spec: ShellSpec) -> Shell:
    """Start the program as the engine's user. Raises EngineError when the box is gone."""
    mark = box_id.split("-", 2)[2]
    if all(its != mark for _, its in host_sweep.marks()):
        raise EngineError("The box is gone, or does not run any more.")
    env = {**own_environment(), **spec.env, host_sweep.MARK: mark}
    return HostTerminal(spec, env) if spec.terminal else HostPipes(spec, env)


class HostTerminal:
    """A program with a terminal of its own."""

    def __init__(self, spec: ShellSpec, env: dict[str, str]) -> None:
        self._fd, inner = os.openpty()
        self.resize(*spec.size)
        try:
            # The shell takes the terminal for its own by opening it, being the first of a new session.
            self._process = subprocess.Popen(
                spec.argv, stdin=inner, stdout=inner, stderr=inner, env=env, start_new_session=True,
                preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            )  # fmt: skip
        finally:
            os.close(inner)

    has_more = False

    def fileno(self) -> int:
        return self._fd

    def receive(self) -> list[Shown] | None:
        try:
            data = os.read(self._fd, READ_BYTES)
        except OSError:  # the last one who had it open is gone
            data = b""
        return [Shown(data)] if data else None

    def send(self, data: bytes) -> None:
        _write(self._fd, data)

    def end_input(self) -> None:
        self.send(b"\x04")

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def exit_code(self) -> int:
        return _code(self._process.wait())

    def close(self) -> None:
        os.close(self._fd)
        _end(self._process)


class HostPipes:
    """A program without a terminal."""

    def __init__(self, spec: ShellSpec, env: dict[str, str]) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            spec.argv, stdin=pipe, stdout=pipe, stderr=pipe, env=env, start_new_session=True
        )
        assert self._process.stdin and self._process.stdout and self._process.stderr
        self._in: IO[bytes] = self._process.stdin
        self._out = {self._process.stdout.fileno(): False, self._process.stderr.fileno(): True}
        self._poll = select.epoll()  # itself readable when one of them is
        for fd in self._out:
            self._poll.register(fd, select.EPOLLIN)

    has_more = False

    def fileno(self) -> int:
        return self._poll.fileno()

    def receive(self) -> list[Shown] | None:
        shown = []
        for fd, _ in self._poll.poll(0):
            data = os.read(fd, READ_BYTES)
            if data:
                shown.append(Shown(data, self._out[fd]))
            else:
                self._poll.unregister(fd)
                del self._out[fd]
        return shown if shown or self._out else None

    def send(self, data: bytes) -> None:
        try:
            _write(self._in.fileno(), data)
        except BrokenPipeError:
            pass  # it does not want to hear it

    def end_input(self) -> None:
        self._in.close()

    def resize(self, rows: int, columns: int) -> None:
        """There is no terminal."""

    def exit_code(self) -> int:
        return _code(self._process.wait())

    def close(self) -> None:
        self._poll.close()
        _end(self._process)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()


def _write(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def _code(code: int) -> int:
    """Return an exit code as a shell tells it."""
    return code if code >= 0 else 128 - code


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Hang up, as a terminal that is closed does."""
    if process.poll() is None:
        process.send_signal(signal.SIGHUP)
        try:
            process.wait(1.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
