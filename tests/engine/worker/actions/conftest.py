"""A box for actions: their scripts run for real, with GNU's tools, with busybox's, and in a container."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from engine.git import repository
from engine.store.contents.artifacts import Artifacts
from engine.store.contents.caches import Caches
from engine.worker.actions.port import CAPTURE_LIMIT_BYTES, Stores
from engine.worker.checkouts import Checkouts

APPLETS = ("sh", "find", "xargs", "tar", "head", "cp", "mkdir", "rm", "cat", "echo", "ls")
LIMIT_BYTES = 1 << 20


@dataclass
class TestHost:
    """An ActionHost over a folder of this machine; `run` starts a script."""

    __test__ = False
    inputs: Mapping[str, str]
    workspace: str
    temp: str
    exchange: Path
    exchange_inside: str
    home_dir: str
    run: Callable[[str, Mapping[str, str]], tuple[int, bytes]]
    checkouts: Callable[[str | None, str | None], Path]
    source: str | None = None
    source_sha: str | None = None
    workspace_is_source: bool = False
    run_id: int = 7
    job_id: int = 3
    attempt: int = 1
    repo_name: str = "local/site"
    lines: list[str] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)

    def shell(self, script: str, env: Mapping[str, str] = {}) -> int:
        code, text = self.run(script, env)
        self.lines += text.decode(errors="replace").splitlines()
        return code

    def capture(
        self,
        script: str,
        env: Mapping[str, str] = {},
        limit_bytes: int = CAPTURE_LIMIT_BYTES,
    ) -> tuple[int, bytes]:
        return self.run(script, env)

    def say(self, line: str) -> None:
        self.lines.append(line)

    def annotate(self, level: str, message: str) -> None:
        self.notes.append((level, message))

    def output(self, name: str, value: str) -> None:
        self.outputs[name] = value

    def checkout_folder(self, ref: str | None, repository: str | None) -> Path:
        return self.checkouts(ref, repository)


Make = Callable[..., TestHost]


IN_A_CONTAINER_TOO = pytest.mark.parametrize(
    "box", ["gnu", "busybox", pytest.param("container", marks=pytest.mark.docker)], indirect=True
)


@pytest.fixture(params=["gnu", "busybox"])
def box(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., tuple[int, bytes]]]:
    """A way to run a script where the tools are GNU's or busybox's."""
    if request.param == "container":
        image = request.getfixturevalue("docker_engine")
        args = [
            "docker",
            "run",
            "-d",
            "--rm",
            "--network",
            "none",
            "-v",
            f"{tmp_path}:{tmp_path}",
            image,
            "sleep",
            "600",
        ]
        name = subprocess.run(args, check=True, capture_output=True, text=True).stdout.strip()

        def inside(script: str, env: Mapping[str, str]) -> tuple[int, bytes]:
            values = [part for item in env.items() for part in ("-e", "=".join(item))]
            return _run(["docker", "exec", "-w", str(tmp_path), *values, name, "sh", "-e", "-c", script], {})

        yield inside
        subprocess.run(["docker", "rm", "-f", name], check=True, capture_output=True)
        return
    path = os.environ["PATH"]
    if request.param == "busybox":
        busybox = shutil.which("busybox")
        if busybox is None:
            pytest.skip("There is no busybox on this machine.")
        tools = tmp_path / "tools"
        tools.mkdir()
        for name in APPLETS:
            (tools / name).symlink_to(busybox)
        path = str(tools)
    yield lambda script, env: _run([shutil.which("sh", path=path) or "sh", "-e", "-c", script], {**env, "PATH": path})


def _run(args: list[str], env: Mapping[str, str]) -> tuple[int, bytes]:
    done = subprocess.run(args, env={**os.environ, **env}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout


@pytest.fixture
def stores(tmp_path: Path) -> Stores:
    return Stores(Artifacts(tmp_path / "artifacts"), LIMIT_BYTES, Caches(tmp_path / "caches"), LIMIT_BYTES)


@pytest.fixture
def host(tmp_path: Path, box: Callable[..., tuple[int, bytes]]) -> Make:
    """Make a host with inputs: `host(path="out")`, `_` standing for `-`; each call is another step of one job."""
    for name in ("work space", "temp", "exchange", "home"):
        (tmp_path / name).mkdir()

    def no_checkout(ref: str | None, repository: str | None) -> Path:
        raise AssertionError("no checkout here")

    def make(**inputs: str) -> TestHost:
        given = {name.replace("_", "-"): value for name, value in inputs.items()}
        exchange = tmp_path / "exchange"
        places = (str(tmp_path / "work space"), str(tmp_path / "temp"), exchange, str(exchange), str(tmp_path / "home"))
        return TestHost(given, *places, box, no_checkout)

    return make


@pytest.fixture
def site(tmp_path: Path) -> repository.Repo:
    """A repository with two commits on main; the first is tagged v1."""
    root = tmp_path / "site"
    (root / "src").mkdir(parents=True)
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o755)
    for number, args in enumerate((["tag", "v1"], ["status", "-s"])):
        (root / "src/f").write_text(f"{number}\n")
        identity = ["-c", "user.name=x", "-c", "user.email=x@x"]
        for command in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", f"c{number}"], args):
            subprocess.run(["git", *identity, *command], cwd=root, check=True)
    found = repository.discover(root)
    assert found is not None
    return found


@pytest.fixture
def checkouts(tmp_path: Path) -> Checkouts:
    return Checkouts(tmp_path / "checkouts")
