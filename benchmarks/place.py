"""Where a benchmark works: a throw-away home and repository, and ways to run `treadle` and bare Docker there."""

import os
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Self

from benchmarks.process import TREADLE, memory_mb

IMAGE = "busybox:latest"
LOOK_S = 0.02  # how often the memory of a process is looked at
PATIENCE_S = 900.0  # a process that has not ended by then hangs
PROJECT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Ended:
    """A process that ran to its end. `peak_mb` is its own largest resident size, without its children's."""

    seconds: float
    code: int
    peak_mb: float


class Workplace:
    """A home and a repository with one workflow file per entry of `workflows`, gone afterwards with all containers."""

    def __init__(self, workflows: Mapping[str, str]) -> None:
        self._workflows = workflows
        self.left_behind = 0

    def __enter__(self) -> Self:
        self._root = Path(tempfile.mkdtemp(prefix="treadle-bench-"))
        self.home, self.repo = self._root / "home", self._root / "repo"
        self.home.mkdir(mode=0o700)
        (self.home / "treadle.yml").write_text(f'labels: {{busybox: "{IMAGE}"}}\n')
        repository(self.repo, {f".treadle/workflows/{name}.yml": text for name, text in self._workflows.items()})
        self.env = {**os.environ, "TREADLE_HOME": str(self.home), "PYTHONPATH": str(PROJECT), "NO_COLOR": "1"}
        # An installed Treadle has its modules compiled; so has this one, without a trace in the working tree.
        self.env["PYTHONPYCACHEPREFIX"] = str(self._root / "compiled")
        self.env.pop("PYTHONDONTWRITEBYTECODE", None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        mark = self.home / "home.id"
        if mark.exists():
            ours = ["docker", "ps", "-aq", "--filter", f"label=treadle={mark.read_text().strip()}"]
            containers = subprocess.run(ours, capture_output=True, text=True).stdout.split()
            self.left_behind = len(containers)
            if containers:
                subprocess.run(["docker", "rm", "-fv", *containers], capture_output=True)
        shutil.rmtree(self._root, ignore_errors=True)

    def command(self, *words: str) -> list[str]:
        """Return the command line of `treadle WORDS…`, to be run in `repo` with `env`."""
        return [*TREADLE, *words]

    def treadle(self, *words: str) -> Ended:
        """Run `treadle WORDS…` in the repository. Raises RuntimeError when it fails: a failure is no figure."""
        ended = run_to_end(self.command(*words), self.repo, self.env)
        if ended.code:
            raise RuntimeError(f"treadle {' '.join(words)} ended with exit code {ended.code}")
        return ended


def git(repo: Path, *words: str) -> str:
    """Run `git` in a repository, as somebody; return what it prints."""
    head = ["git", "-C", str(repo), "-c", "user.name=bench", "-c", "user.email=bench@localhost"]
    return subprocess.run([*head, *words], check=True, capture_output=True, text=True).stdout.strip()


def repository(folder: Path, files: Mapping[str, str]) -> Path:
    """Make a repository of these files, by their paths, in one commit on `main`; return where it is."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    for words in (["init", "-q", "-b", "main", "--template="], ["add", "-A"], ["commit", "-q", "-m", "one"]):
        git(folder, *words)
    return folder


def bare(*command: str) -> float:
    """Return the seconds of a bare `docker run --rm` of `command`, output thrown away."""
    ended = run_to_end(["docker", "run", "--rm", IMAGE, *command], PROJECT, os.environ)
    if ended.code:
        raise RuntimeError(f"docker run ended with exit code {ended.code}")
    return ended.seconds


def docker_is_here() -> str:
    """Return what is missing for the benchmarks that need Docker, as a sentence; empty if nothing."""
    if shutil.which("docker") is None:
        return "there is no `docker` command"
    if subprocess.run(["docker", "info"], capture_output=True).returncode:
        return "no Docker Engine answers"
    if subprocess.run(["docker", "image", "inspect", IMAGE], capture_output=True).returncode:
        return f"the image {IMAGE} is not here (`docker pull {IMAGE}`)"
    return ""


def turns(count: int, measures: Mapping[str, Callable[[], float]]) -> dict[str, float]:
    """Take every measure `count` times, in turns of random order; return the medians."""
    seen: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(count):
        for name in random.sample(list(measures), len(measures)):
            seen[name].append(measures[name]())
    return {name: median(values) for name, values in seen.items()}


def run_to_end(command: list[str], folder: Path, env: Mapping[str, str]) -> Ended:
    """Run a process to its end, output thrown away. Raises RuntimeError when it hangs, and kills it then."""
    start, peak_mb = time.monotonic(), 0.0
    with subprocess.Popen(
        command, cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        # Not what the system says at the end: that counts what this process itself had when it was forked.
        while process.poll() is None:
            if time.monotonic() - start > PATIENCE_S:
                process.kill()
                raise RuntimeError(f"no end in {PATIENCE_S:.0f} s")
            with suppress(OSError):  # it is ending
                peak_mb = max(peak_mb, memory_mb(process.pid, "VmHWM"))
            try:
                process.wait(LOOK_S)
            except subprocess.TimeoutExpired:
                pass
    return Ended(time.monotonic() - start, process.returncode, peak_mb)
