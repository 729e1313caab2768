"""The tools that start anew for each work: a bare `docker run`, `treadle run`, act and gitlab-ci-local."""

import os
import subprocess
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks.peer_works import EACH, FIRST, MARK, Work
from benchmarks.place import IMAGE, PATIENCE_S, Ended, Workplace, git, repository, run_to_end


class Tool(Protocol):
    """What does works. Every measure raises RuntimeError when the tool fails: a failure is no figure."""

    def run(self, work: Work) -> Ended:
        """Do a work; the time from asking for it to the end of its last job."""

    def first_byte(self) -> float:
        """Return the seconds from the trigger until the first byte that a step prints can be read."""

    def cold_start(self) -> float:
        """Return the seconds until a server answers, or until a command that starts anew has listed what there is."""


@dataclass(frozen=True, slots=True)
class OneShot:
    """A command that runs a work, shows its output and ends. `{file}` and `{workers}` stand for the work's in it."""

    folder: Path
    env: Mapping[str, str]
    file: str  # where a work of the key {key} lies
    words: tuple[str, ...]
    lists: tuple[str, ...]

    def run(self, work: Work) -> Ended:
        return _checked(run_to_end(self._command(work), self.folder, self.env))

    def first_byte(self) -> float:
        return seconds_to_mark(self._command(FIRST), self.folder, self.env)

    def cold_start(self) -> float:
        return _checked(run_to_end(list(self.lists), self.folder, self.env)).seconds

    def _command(self, work: Work) -> list[str]:
        file = self.file.format(key=work.key)
        return [word.format(file=file, workers=work.workers) for word in self.words]


class Docker:
    """The same commands in as many bare containers, as many at once: what nobody who uses Docker gets below."""

    def run(self, work: Work) -> Ended:
        start = time.monotonic()
        ended: list[Ended] = []
        with ThreadPoolExecutor(work.workers) as pool:
            for layer in (work.first, work.middle, work.last):
                ended += pool.map(lambda _: run_to_end(_bare(work), Path("/"), os.environ), range(layer))
        whole = Ended(time.monotonic() - start, max(one.code for one in ended), max(one.peak_mb for one in ended))
        return _checked(whole)

    def first_byte(self) -> float:
        return seconds_to_mark(_bare(FIRST), Path("/"), os.environ)

    def cold_start(self) -> float:
        return _checked(run_to_end(["docker", "ps"], Path("/"), os.environ)).seconds


def treadle(place: Workplace) -> OneShot:
    words = place.command("run", "{file}", "--workers", "{workers}")
    return OneShot(place.repo, place.env, ".treadle/workflows/{key}.yml", tuple(words), tuple(place.command("list")))


def act(folder: Path) -> OneShot:
    env = {**os.environ, "HOME": str(folder), "XDG_CACHE_HOME": str(folder / "cache")}
    repo = repository(folder / "act", {f".github/workflows/{work.key}.yml": work.workflow for work in EACH})
    fixed = ("act", "push", "-P", f"busybox={IMAGE}", "--pull=false", "--rm", "--no-cache-server")
    words = (*fixed, "-W", "{file}", "--concurrent-jobs", "{workers}")
    return OneShot(repo, env, ".github/workflows/{key}.yml", words, ("act", "--list"))


def gitlab_ci_local(folder: Path) -> OneShot:
    env = {**os.environ, "HOME": str(folder)}
    repo = repository(folder / "gitlab", {f"{work.key}.gitlab.yml": work.gitlab for work in EACH})
    git(repo, "remote", "add", "origin", "git@gitlab.invalid:bench/bench.git")
    fixed = ("gitlab-ci-local", "--helper-image", IMAGE, "--pull-policy", "if-not-present")
    words = (*fixed, "--file", "{file}", "--concurrency", "{workers}")
    lists = ("gitlab-ci-local", "--list", "--file", "graph2.gitlab.yml")
    return OneShot(repo, env, "{key}.gitlab.yml", words, lists)


def seconds_to_mark(command: list[str], folder: Path, env: Mapping[str, str]) -> float:
    """Return the seconds from a command's start until it has shown MARK. Lets it go on to its end."""
    start, shown, found = time.monotonic(), b"", None
    with subprocess.Popen(
        command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0
    ) as process:
        assert process.stdout is not None
        late = threading.Timer(PATIENCE_S, process.kill)
        late.start()
        while chunk := process.stdout.read(1 << 16):
            shown += chunk
            if found is None and MARK in shown:
                found = time.monotonic() - start
        process.wait()
        late.cancel()
    if process.returncode:
        raise RuntimeError(f"exit code {process.returncode}: {shown[-300:].decode(errors='replace')}")
    if found is None:
        raise RuntimeError("what the step printed was not shown")
    return found


def _bare(work: Work) -> list[str]:
    return ["docker", "run", "--rm", IMAGE, "sh", "-c", "\n".join(work.commands)]


def _checked(ended: Ended) -> Ended:
    if ended.code:
        raise RuntimeError(f"exit code {ended.code}")
    return ended
