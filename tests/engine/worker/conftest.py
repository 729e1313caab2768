"""What the tests of boxes share: an executor of each kind, and a box with a session, cleaned up after the test."""

import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from engine.home import home_id
from engine.settings.model import Settings
from engine.worker.docker.client import DockerClient
from engine.worker.docker.executor import DockerExecutor
from engine.worker.executor import Box, BoxSpec, Executor
from engine.worker.fake_executor import FakeExecutor, FakeStep
from engine.worker.host.executor import HostExecutor
from engine.worker.steps.script import StepScript
from engine.worker.steps.session import Session, StepEnd
from tests.engine.works import Works

GRACE_S = 0.5


@dataclass
class Behaviour:
    """One step twice: as a shell script for real boxes, as a function for the fake one."""

    script: str
    fake: Callable[[FakeStep], int]


def say(text: bytes, code: int = 0) -> Callable[[FakeStep], int]:
    def step(step: FakeStep) -> int:
        step.write(text)
        return code

    return step


def show(step: FakeStep) -> int:
    step.write("".join(f"{name}={value}\0" for name, value in step.env.items()))
    return 0


def wait_for_interrupt(step: FakeStep) -> int:
    step.write(b"begun\n")
    step.interrupted.wait(30)
    return 143


def leave_file(step: FakeStep) -> int:
    (step.files / "output").write_text((step.files / "input").read_text() + "more\n")
    return 0


STEPS = {
    "pass": Behaviour("true", say(b"")),
    "fail": Behaviour("echo out; echo err >&2; exit 3", say(b"out\nerr\n", 3)),
    "odd bytes": Behaviour(r"printf '\377\000a\r\nno end'", say(b"\xff\x00a\r\nno end")),
    "show": Behaviour("# cat /proc/self/environ", show),
    "hang": Behaviour("echo begun; sleep 100", wait_for_interrupt),
    "files": Behaviour('{ cat "$FILES/input"; echo more; } >"$FILES/output"', leave_file),
}


def play(step: FakeStep) -> int:
    return next(behaviour for behaviour in STEPS.values() if behaviour.script == step.script).fake(step)


@dataclass
class Bench:
    """An executor of one kind, and boxes made with it."""

    executor: Executor
    folder: Path
    image: str | None
    home_id: str
    shell: str = "sh"
    boxes: list[Box] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)

    def spec(self, name: str = "box", **more: Any) -> BoxSpec:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        values: dict[str, Any] = {"image": self.image, "labels": {"treadle.run": "1"}} | more
        return BoxSpec(name=f"{name}-{self.home_id}", folder=folder, **values)

    def open(self, spec: BoxSpec | None = None) -> Session:
        spec = spec or self.spec()
        Session.prepare(spec.folder)
        box = self.executor.start(spec)
        self.boxes.append(box)
        return self.keep(Session(box, spec.folder, GRACE_S))

    def reopen(self, spec: BoxSpec, box_id: str) -> Session:
        """What an engine does after a restart: nothing is left but the files and the box's id."""
        self.executor = self.again()
        box = self.executor.adopt(spec, box_id)
        assert box is not None
        self.boxes = [box]
        return self.keep(Session.resume(box, spec.folder, GRACE_S))

    def again(self) -> Executor:
        """An executor that knows nothing of the boxes made so far. (The fake stands for the engine below, too.)"""
        match self.executor:
            case HostExecutor():
                return HostExecutor(self.home_id)
            case DockerExecutor():
                return DockerExecutor(self.home_id, network_slots=2)
            case fake:
                return fake

    def keep(self, session: Session) -> Session:
        self.sessions.append(session)
        return session

    def step(
        self,
        index: int,
        script: str,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        argv: tuple[str, ...] | None = None,
    ) -> StepScript:
        script = STEPS[script].script if script in STEPS else script
        argv = argv or (self.shell, "-e", "{0}")
        return StepScript(index, argv, script, env or {}, cwd or self.boxes[-1].workspace)

    def run(self, session: Session, index: int, script: str, **more: Any) -> StepEnd:
        session.start_step(self.step(index, script, **more))
        end = session.poll(30)
        assert isinstance(end, StepEnd), end
        return end

    @staticmethod
    def log(session: Session, index: int) -> bytes:
        fd = session.log_fd(index)
        return os.pread(fd, os.fstat(fd).st_size, 0)

    def wait_for(self, session: Session, index: int, words: bytes) -> None:
        """Wait until a running step has written `words`."""
        for _ in range(3000):
            if words in self.log(session, index):
                return
            assert session.box.exited(0.01) is None
        raise AssertionError(f"step {index} never said {words!r}")

    def close(self) -> None:
        for session in self.sessions:
            session.close()
        for box in self.boxes:
            box.remove()
        self.executor.close()


def make(kind: str, folder: Path, image: str | None = None) -> Bench:
    home_id = f"test{secrets.token_hex(4)}"
    executor: Executor
    match kind:
        case "fake":
            executor = FakeExecutor(play)
        case "host":
            executor = HostExecutor(home_id)
        case _:
            executor = DockerExecutor(home_id, network_slots=2)
    return Bench(executor, folder, image, home_id)


@pytest.fixture
def docker_bench(docker_engine: str, tmp_path: Path) -> Iterator[Bench]:
    """Boxes in containers of a small image; afterwards nothing of them may be left."""
    bench = make("docker", tmp_path, docker_engine)
    yield bench
    bench.close()
    assert leftovers(bench.home_id) == []


@pytest.fixture
def host_bench(tmp_path: Path) -> Iterator[Bench]:
    bench = make("host", tmp_path)
    yield bench
    bench.close()


@pytest.fixture(params=["fake", "host", "docker"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """Boxes of every kind, one after the other."""
    yield from _bench(request, tmp_path)


@pytest.fixture(params=["host", "docker"])
def real_bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """Boxes that run processes."""
    yield from _bench(request, tmp_path)


def _bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    if request.param == "docker":
        yield request.getfixturevalue("docker_bench")
        return
    bench = make(request.param, tmp_path)
    yield bench
    bench.close()


def leftovers(home_id: str) -> list[str]:
    """Everything on the engine that bears the label of a home."""
    client = DockerClient()
    ours = {"label": [f"treadle={home_id}"]}
    found = [container["Id"] for container in client.api.containers(all=True, filters=ours)]
    found += [volume["Name"] for volume in client.api.volumes(filters=ours)["Volumes"] or []]
    found += [network["Id"] for network in client.api.networks(filters=ours)]
    client.close()
    return found


@pytest.fixture
def works(tmp_path: Path) -> Iterator[Works]:
    """An engine whose jobs run on this machine."""
    works = Works(tmp_path, settings_for(tmp_path)).start()
    yield works
    works.close()


@pytest.fixture
def docker_works(docker_engine: str, tmp_path: Path) -> Iterator[Works]:
    """An engine whose jobs run in containers of a small image; afterwards nothing of them may be left."""
    works = Works(tmp_path, settings_for(tmp_path, labels={"here": docker_engine}), executor="docker").start()
    yield works
    works.close()
    assert leftovers(home_id(works.settings.home)) == []


def settings_for(folder: Path, **more: Any) -> Settings:
    mirrors = {"*": str(folder / "mirrors"), "code.example": str(folder / "mirrors")}
    values: dict[str, Any] = {"workers": 2, "grace_s": GRACE_S, "labels": {"here": "host"}, "actions": mirrors} | more
    return Settings(home=folder / "home", **values)
