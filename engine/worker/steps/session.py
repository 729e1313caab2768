"""The engine's side of the driver protocol: hands steps to a box and hears how they ended, through files alone.

What the job can write is never trusted: everything is opened below folders opened before the box could touch them,
without following links, regular files only, sizes bounded. A job that forges its events lies about itself alone.
"""

import os
import re
import select
import shutil
import threading
from pathlib import Path
from typing import Self

from engine.core.clock import Clock, SystemClock
from engine.core.errors import EngineError
from engine.worker.executor import Box, BoxExit
from engine.worker.plain_file import fifo_fd, folder_fd, plain_fd, read_plain
from engine.worker.steps.script import ENDINGS, SCRIPT_BYTES, StepScript, Surroundings, surroundings_in, wrapper
from pipelines.records import dataclass

DRAIN_S = 0.9  # how long a child left in the background may keep a step's end waiting for its output
EVENTS_LIMIT_BYTES = 4 << 20  # a job that writes more into its event file forfeits its box
ACTIONS = "actions"  # in the attempt's folder: seen in the box, and written by the engine alone
EVENT = "event.json"  # among the files: what the run is about
FOLDERS = ("step", "log", "pipe", "file", "exchange")
DRIVER = Path(__file__).with_name("driver.sh")

_UPTIME = r"\d{1,12}\.\d{1,6}"
_EVENT = re.compile(
    rf"(?P<ready>R)|D (?P<drained>\d{{1,9}})|B (?P<begun>\d{{1,9}}) (?P<since>{_UPTIME})"
    rf"|E (?P<ended>\d{{1,9}}) (?P<code>\d{{1,3}}) (?P<kills>\d{{1,9}}) (?P<until>{_UPTIME})".encode()
)


@dataclass(frozen=True, slots=True)
class StepEnd:
    """How a step ended. `oom_kills` counts processes of the box that the kernel killed for memory meanwhile."""

    index: int
    exit_code: int
    oom_kills: int
    seconds: float


class Session:
    """The talk with one box's driver. One thread drives it; `interrupt` may come from any.

    Survives the engine: `resume` takes up the talk where the files say it stands.
    """

    def __init__(self, box: Box, folder: Path, grace_s: float, clock: Clock | None = None) -> None:
        self.box = box
        self._clock = clock or SystemClock()
        self._lock = threading.RLock()
        self._current: int | None = None
        self._ready = self._woken = False
        self._woken_for_nothing = 0
        self._offset = 0
        self._rest = b""
        self._begun: dict[int, float] = {}
        self._ended: dict[int, StepEnd] = {}
        self._drained: set[int] = set()
        self._drain_until: float | None = None
        self._logs: dict[int, int] = {}
        self._fds: list[int] = []
        try:
            self._top = self._keep(folder_fd(folder / "channel"))
            self._dirs = {name: self._keep(folder_fd(name, self._top)) for name in FOLDERS}
            self._events = self._keep(plain_fd("ev", self._top))
            self._go, self._wake = (self._keep(fifo_fd(name, self._top)) for name in ("go", "wake"))
            self._news = select.poll()  # select() ends at descriptor 1023
            self._news.register(self._wake, select.POLLIN)
            self._write(self._top, "grace", f"{round(grace_s * 100)}\n".encode())
        except OSError as error:
            self.close()
            raise EngineError(f"The channel of {box.id} cannot be read: {error}.") from error

    @staticmethod
    def prepare(folder: Path) -> None:
        """Make `folder/channel` with all that a driver needs, and the folder of actions, before `Executor.start`.

        Wide open inside, for the box may run as any user; `folder` itself (0700) keeps this machine's others out.
        """
        (folder / ACTIONS).mkdir(exist_ok=True)
        (folder / ACTIONS).chmod(0o755)
        channel = folder / "channel"
        for path in (channel, *(channel / name for name in FOLDERS)):
            path.mkdir(exist_ok=True)
            path.chmod(0o777 if path.name in ("file", "exchange") else 0o755)
        for name in ("go", "wake"):
            if not (channel / name).exists():
                os.mkfifo(channel / name)
                (channel / name).chmod(0o666)
        (channel / "ev").touch()
        (channel / "ev").chmod(0o666)
        shutil.copyfile(DRIVER, channel / "driver.sh")
        (channel / "driver.sh").chmod(0o644)

    @staticmethod
    def tidy(folder: Path, kept: str) -> None:
        """Take away what ended scripts have left in `folder/channel`, but the file `kept`; the driver waits on.

        What they printed and handed over may hold secrets.
        """
        fds = [folder_fd(folder / "channel")]
        try:
            for place in ("log", "file"):
                fds.append(folder_fd(place, fds[0]))
                for name in [entry.name for entry in os.scandir(fds[-1])]:
                    if name != kept:
                        _clear(fds[-1], name)
        finally:
            for fd in fds:
                os.close(fd)

    @classmethod
    def resume(cls, box: Box, folder: Path, grace_s: float, clock: Clock | None = None) -> Self:
        """Take up the talk after a restart of the engine: `current` is the step handed over last.

        The next `poll` reports that step's end, also when it was reported before the restart. An engine that was killed
        between handing it over and saying so has left a driver that sleeps.
        """
        session = cls(box, folder, grace_s, clock)
        word = read_plain("next", 20, session._top)
        if word is not None and word.strip().isdigit():
            session._current = int(word)
        session._poke()
        return session

    @property
    def current(self) -> int | None:
        """The step that was handed over and whose end was not reported yet."""
        return self._current

    def start_step(self, step: StepScript) -> None:
        """Hand `step` to the driver, which begins at once. One at a time: raises EngineError while another runs."""
        if self._current is not None:
            raise EngineError(f"Step {step.index} cannot start while step {self._current} runs.")
        name = str(step.index)
        script = f"{name}.script{step.extension}"
        try:
            self._logs[step.index] = self._create(self._dirs["log"], name, 0o666)
            _clear(self._dirs["pipe"], name)
            _clear(self._dirs["step"], f"{name}.stop")
            os.mkfifo(name, dir_fd=self._dirs["pipe"])
            fifo = fifo_fd(name, self._dirs["pipe"])  # by descriptor: a chmod by name would follow a link
            os.fchmod(fifo, 0o666)
            os.close(fifo)
            self._write(self._dirs["step"], script, _bytes(step.script))
            self._write(self._dirs["step"], f"{name}.sh", _bytes(wrapper(step, self.inside("step", script))))
            with self._lock:
                self._current = step.index
            self._write(self._top, "next", f"{name}\n".encode())
        except OSError as error:
            raise EngineError(f"Step {name} cannot be handed to {self.box.id}: {error}.") from error
        self._poke()

    def poll(self, timeout_s: float) -> StepEnd | BoxExit | None:
        """Return the end of the current step, once; else how the box ended; else None after `timeout_s`."""
        deadline = self._clock.monotonic_s() + timeout_s
        while True:
            self._read_events()
            if end := self._take_end(gone=False):
                return end
            if (exit_ := self.box.exited()) is not None:
                self._read_events()
                return self._take_end(gone=True) or self._give_up(exit_)
            now = self._clock.monotonic_s()
            if now >= deadline:
                return None
            interval = 0.25 if self._woken else 0.02  # the FIFO saves polling only once it has been seen to work
            until = min(deadline, self._drain_until or deadline)
            self._sleep(max(0.0, min(until - now, interval)))

    def surroundings(self) -> Surroundings | None:
        """Return what the current step runs in, as it was handed over; None when that is not to be read."""
        text = read_plain(f"{self._current}.sh", SCRIPT_BYTES, self._dirs["step"])
        return None if text is None else surroundings_in(text.decode("utf-8", "surrogateescape"))

    def log_fd(self, index: int) -> int:
        """Return the descriptor of a step's raw log, opened before the step could touch it. Read it by offset."""
        if index not in self._logs:
            try:
                self._logs[index] = plain_fd(str(index), self._dirs["log"])
            except OSError as error:
                raise EngineError(f"The log of step {index} cannot be read: {error}.") from error
        return self._logs[index]

    def close_log(self, index: int) -> None:
        """Give back the descriptor of a log that has been read to its end."""
        if (fd := self._logs.pop(index, None)) is not None:
            os.close(fd)

    def write_file(self, name: str, data: bytes = b"") -> None:
        """Put a file into the channel's `file/`, readable and writable in the box."""
        self._write(self._dirs["file"], _plain(name), data, 0o666)

    def read_file(self, name: str, limit_bytes: int) -> bytes | None:
        """Return a file of the channel's `file/`, None if there is none. A longer one is cut to limit_bytes + 1."""
        return read_plain(_plain(name), limit_bytes + 1, self._dirs["file"])

    def inside(self, *parts: str) -> str:
        """Return the path, as seen in the box, of something in the channel."""
        return "/".join((self.box.channel, *parts))

    def was_interrupted(self, index: int) -> bool:
        """Whether a step was told to end, be it by an earlier engine."""
        try:
            os.stat(f"{index}.stop", dir_fd=self._dirs["step"], follow_symlinks=False)
        except OSError:
            return False
        return True

    def interrupt(self) -> None:
        """End the current step: TERM, grace, KILL, sweep; `poll` then reports its end. Safe to repeat."""
        with self._lock:
            if self._current is None or self._current in self._ended:
                return
            # The mark reaches a driver that has not begun the step yet; the signal one that has.
            self._write(self._dirs["step"], f"{self._current}.stop", b"")
            self._read_events()
            if self._ready:
                self.box.interrupt()

    def kill(self) -> None:
        """End everything in the box at once."""
        self.box.kill()

    def end(self) -> None:
        """Say that no further step follows: the driver leaves once the current one has ended."""
        self._write(self._top, "end", b"")
        self._poke()

    def close(self) -> None:
        """Give back all descriptors. The box is left alone."""
        for fd in (*self._logs.values(), *self._fds):
            os.close(fd)
        self._logs.clear()
        self._fds.clear()

    def _take_end(self, gone: bool) -> StepEnd | None:
        if self._current is None or (end := self._ended.get(self._current)) is None:
            return None
        if end.index not in self._drained and not gone:
            now = self._clock.monotonic_s()
            if self._drain_until is None:
                self._drain_until = now + DRAIN_S
            if now < self._drain_until:
                return None
        self._finish(end.index)
        return end

    def _give_up(self, how: BoxExit) -> BoxExit:
        if self._current is not None:
            self._finish(self._current)
        return how

    def _finish(self, index: int) -> None:
        """Take away what the step was handed: its script may hold secrets. That it was told to end stays on record."""
        self._drain_until = None
        with self._lock:
            self._current = None
        _clear(self._dirs["pipe"], str(index))
        for ending in (".sh", *ENDINGS):
            _clear(self._dirs["step"], f"{index}{ending}")

    def _read_events(self) -> None:
        with self._lock:
            while data := os.pread(self._events, 1 << 16, self._offset):
                self._offset += len(data)
                if self._offset > EVENTS_LIMIT_BYTES:
                    self.box.kill()
                    return
                *lines, self._rest = (self._rest + data).split(b"\n")
                for line in lines:
                    self._hear(line)

    def _hear(self, line: bytes) -> None:
        if (event := _EVENT.fullmatch(line)) is None:
            return
        if event["ready"]:
            self._ready = True
        elif event["drained"]:
            self._drained.add(int(event["drained"]))
        elif event["begun"]:
            self._begun[int(event["begun"])] = float(event["since"])
        elif (index := int(event["ended"])) not in self._ended:
            until = float(event["until"])
            seconds = round(max(0.0, until - self._begun.get(index, until)), 2)
            self._ended[index] = StepEnd(index, int(event["code"]), int(event["kills"]), seconds)

    def _sleep(self, seconds: float) -> None:
        before = self._offset
        if not self._news.poll(seconds * 1000):
            return
        try:
            self._woken = bool(os.read(self._wake, 1 << 16)) or self._woken
        except BlockingIOError:
            return
        news = os.fstat(self._events).st_size != before
        self._woken_for_nothing = 0 if news else self._woken_for_nothing + 1
        if self._woken_for_nothing > 10:  # by the job, perhaps without end: it must not cost us a processor
            select.select([], [], [], 0.005)

    def _poke(self) -> None:
        try:
            os.write(self._go, b"\n")
        except BlockingIOError:
            pass  # full of pokes that nobody has read yet: one of them will do

    def _keep(self, fd: int) -> int:
        self._fds.append(fd)
        return fd

    def _create(self, folder: int, name: str, mode: int) -> int:
        _clear(folder, name)
        fd = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode, dir_fd=folder)
        os.fchmod(fd, mode)
        return fd

    def _write(self, folder: int, name: str, data: bytes, mode: int = 0o644) -> None:
        """Write whole or not at all, never through something that the job has put there."""
        with os.fdopen(self._create(folder, f".{name}.new", mode), "wb") as file:
            file.write(data)
        try:
            os.rename(f".{name}.new", name, src_dir_fd=folder, dst_dir_fd=folder)
        except IsADirectoryError:
            _clear(folder, name)
            os.rename(f".{name}.new", name, src_dir_fd=folder, dst_dir_fd=folder)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _plain(name: str) -> str:
    if "/" in name or name in ("", ".", ".."):
        raise EngineError(f"{name!r} is no name of a file in the channel.")
    return name


def _clear(folder: int, name: str) -> None:
    """Remove `name`, whatever the job has made of it."""
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        pass
    except (IsADirectoryError, PermissionError):
        shutil.rmtree(name, dir_fd=folder)
