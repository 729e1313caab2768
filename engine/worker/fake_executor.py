"""A box without processes: a thread plays the driver by the same files, and a function plays the steps."""

import os
import select
import shlex
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from engine.core.clock import Clock, SystemClock
from engine.core.errors import EngineError, ExecutorUnavailable
from engine.worker.box_files import OwnFiles
from engine.worker.executor import Box, BoxExit, BoxSpec, Credentials, Say, nothing
from engine.worker.host.executor import read_here, run_here
from engine.worker.services import Services, ServicesSpec
from engine.worker.sibling import Siblings
from engine.worker.steps.script import ENDINGS
from pipelines.records import dataclass


@dataclass(frozen=True, slots=True)
class FakeStep:
    """What a scripted step sees and can do. `script` is the step's own text, `env` its variables by name."""

    index: int
    script: str
    env: Mapping[str, str]
    cwd: str
    argv: tuple[str, ...]
    spec: BoxSpec
    log: Path
    interrupted: threading.Event = field(default_factory=threading.Event)

    def write(self, data: bytes | str) -> None:
        """Append to the step's log."""
        with self.log.open("ab") as file:
            file.write(data.encode() if isinstance(data, str) else data)

    @property
    def files(self) -> Path:
        """The channel's `file/` folder."""
        return self.spec.folder / "channel" / "file"

    @property
    def exchange(self) -> Path:
        """The channel's `exchange/` folder."""
        return self.spec.folder / "channel" / "exchange"


Script = Callable[[FakeStep], int]


class FakeBox:
    """The driver's part, played by a thread. Steps should heed `interrupted`; `kill` ends the box."""

    def __init__(self, box_id: str, spec: BoxSpec, script: Script, clock: Clock) -> None:
        self.id = box_id
        self.spec = spec
        self.channel = str(spec.folder / "channel")
        self.workspace = str(spec.folder / "workspace")
        self.temp = str(spec.folder / "temp")
        self.source = str(spec.source) if spec.source else None
        self.actions = str(spec.folder / "actions")
        self.node = str(spec.node) if spec.node else None
        self.removed = False
        self._script = script
        self._clock = clock
        self._folder = spec.folder / "channel"
        self._exit: BoxExit | None = None
        self._gone = threading.Event()
        self._lock = threading.Lock()
        self._running: FakeStep | None = None
        self._go, self._wake = (os.open(self._folder / name, os.O_RDWR | os.O_NONBLOCK) for name in ("go", "wake"))
        threading.Thread(target=self._drive, name=f"fake-{box_id}", daemon=True).start()

    def facts(self) -> dict[str, Any]:
        return {"id": self.id, "network": self.spec.network or "fake"}

    def interrupt(self) -> None:
        with self._lock:
            if self._running is not None:
                self._running.interrupted.set()

    def exited(self, timeout_s: float = 0.0) -> BoxExit | None:
        self._gone.wait(timeout_s)
        return self._exit if self._gone.is_set() else None

    def kill(self) -> None:
        self._leave(BoxExit(137))
        self.interrupt()

    def oom(self) -> None:
        """End the box as the kernel does when it is out of memory."""
        self._leave(BoxExit(137, oom_killed=True))
        self.interrupt()

    def read_file(self, path: str, limit_bytes: int) -> bytes:
        return read_here(path, limit_bytes)

    def own_files(self) -> OwnFiles:
        return OwnFiles(str(self.spec.folder), ("workspace", "temp"))

    def aside(self, script: str, env: Mapping[str, str], look: Callable[[], None]) -> int:
        return run_here(script, env, look)

    def remove(self) -> None:
        self.kill()
        self.removed = True

    def _drive(self) -> None:
        last = ""
        self._say("R")
        while not self._gone.is_set():
            following = self._folder / "next"
            name = following.read_text().strip() if following.exists() else ""
            if name != last:
                last = name
                self._run(name)
            elif (self._folder / "end").exists():
                self._say("Q")
                self._leave(BoxExit(0))
            elif select.select([self._go], [], [], 0.05)[0]:
                os.read(self._go, 1 << 16)

    def _run(self, name: str) -> None:
        step = self._load(name)
        self._say(f"B {name} {self._clock.monotonic_s():.2f}")
        with self._lock:
            self._running = step
        if (self._folder / "step" / f"{name}.stop").exists():
            step.interrupted.set()
        try:
            code = self._script(step)
        except Exception as error:
            step.write(f"fake: {error!r}\n")
            code = 70
        with self._lock:
            self._running = None
        if not self._gone.is_set():
            self._say(f"D {name}")
            self._say(f"E {name} {code} 0 {self._clock.monotonic_s():.2f}")

    def _load(self, name: str) -> FakeStep:
        folder = self._folder / "step"
        words = shlex.split((folder / f"{name}.sh").read_text("utf-8", "surrogateescape"))
        at = len(words) - 1 - words[::-1].index("$_treadle_launch")
        exported = [words[i + 1] for i, word in enumerate(words[:at]) if word == "export"]
        argv = words[at + 1 :]
        while argv and "=" in argv[0]:  # names that a shell cannot export come before the command
            exported.append(argv.pop(0))
        scripts = [folder / f"{name}{ending}" for ending in ENDINGS]
        text = next(path for path in scripts if path.exists()).read_text("utf-8", "surrogateescape")
        env = dict(pair.split("=", 1) for pair in exported)
        cwd = words[at - words[:at][::-1].index("cd")]
        return FakeStep(int(name), text, env, cwd, tuple(argv), self.spec, self._folder / "log" / name)

    def _say(self, event: str) -> None:
        with (self._folder / "ev").open("a") as file:
            file.write(f"{event}\n")
        os.write(self._wake, b"\n")

    def _leave(self, how: BoxExit) -> None:
        with self._lock:
            if not self._gone.is_set():
                self._exit = how
                self._gone.set()


class FakeServices:
    """Services that are nothing but names; one of the image `unhealthy` never gets ready."""

    def __init__(self, spec: ServicesSpec) -> None:
        self.spec = spec
        self.network = "fake-network"
        self.removed = False
        self.ready_for: list[str] = []

    def facts(self) -> dict[str, Any]:
        return {
            one.name: {
                "id": f"fake-{one.name}",
                "network": self.network,
                "ports": {str(port.container): str(port.host or port.container) for port in one.ports},
            }
            for one in self.spec.services
        }

    def ready(self, box: Box, say: Say, check_in: Callable[[], None]) -> None:
        check_in()
        self.ready_for.append(box.id)
        for one in self.spec.services:
            if one.image == "unhealthy":
                raise EngineError(f"The service {one.name} is not healthy.")

    def logs(self, name: str, limit_bytes: int) -> bytes:
        return f"log of {name}\n".encode()

    def remove(self) -> None:
        self.removed = True


class FakeHeld:
    """Held boxes that use as much memory as `used` says, each 1 MiB unless it does."""

    def __init__(self, boxes: Mapping[str, FakeBox], services: Mapping[str, FakeServices]) -> None:
        self.used: dict[str, int] = {}
        self._boxes = boxes
        self._services = services

    def memory_bytes(self, name: str, box_id: str) -> int | None:
        box = self._boxes.get(box_id)
        return None if box is None or box.exited() else self.used.get(box_id, 1 << 20)

    def remove(self, name: str, box_id: str, folder: Path) -> None:
        if box_id in self._boxes:
            self._boxes[box_id].remove()
        if name in self._services:
            self._services[name].remove()


class FakeExecutor:
    """Runs no process: `script` is called for every step, on the box's own thread, and returns its exit code.

    `boxes` are those made so far, by id; they stay for `adopt`, as containers outlive an engine. `images` limits
    what `ensure_image` can find (None: anything).
    """

    kind = "fake"
    siblings: Siblings | None = None
    left_behind = False

    def __init__(self, script: Script, images: frozenset[str] | None = None, clock: Clock | None = None) -> None:
        self.boxes: dict[str, FakeBox] = {}
        self.services: dict[str, FakeServices] = {}
        self.held = FakeHeld(self.boxes, self.services)
        self.closed = False
        self._script = script
        self._images = images
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()

    def check(self) -> None:
        pass  # there is always a thread to be had

    def ensure_image(
        self, image: str, say: Say, credentials: Credentials | None = None, look: Callable[[], None] = nothing
    ) -> None:
        say(f"{image} is there")
        if self._images is not None and image not in self._images:
            raise ExecutorUnavailable(f"The image {image} is neither here nor can it be pulled.", "Use another.")

    def expect(self, boxes: int, image: str | None) -> None:
        """Nothing can be made ready here."""

    def start(self, spec: BoxSpec, look: Callable[[], None] = nothing) -> Box:
        with self._lock:
            box_id = f"fake-{len(self.boxes) + 1}"
            for folder in ("workspace", "temp"):
                (spec.folder / folder).mkdir(exist_ok=True)
            box = self.boxes[box_id] = FakeBox(box_id, spec, self._script, self._clock)
        return box

    def adopt(self, spec: BoxSpec, box_id: str) -> Box | None:
        box = self.boxes.get(box_id)
        return None if box is None or box.removed else box

    def serve(self, spec: ServicesSpec, say: Say, check_in: Callable[[], None]) -> Services:
        self.services[spec.name] = FakeServices(spec)
        return self.services[spec.name]

    def adopt_services(self, spec: ServicesSpec) -> Services | None:
        found = self.services.get(spec.name)
        return None if found is None or found.removed else found

    def strays(self, known: Iterable[str]) -> list[str]:
        kept = set(known)
        found = [box for box in self.boxes.values() if box.id not in kept and not box.removed]
        for box in found:
            box.remove()
        return [box.id for box in found]

    def close(self) -> None:
        self.closed = True
