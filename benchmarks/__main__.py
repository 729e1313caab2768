"""Prints one table: every figure, the bare `docker run` it is a multiple of, the goal, the best other tool."""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

from benchmarks import jobs, startup
from benchmarks.goals import BARS, Bar
from benchmarks.place import PROJECT, Workplace, docker_is_here

IN_DOCKER: dict[str, Callable[[Workplace, bool], Iterator[tuple[str, float]]]] = {
    "jobs": jobs.small,
    "graphs": jobs.graphs,
    "lines": jobs.lines,
}
ANYWHERE = {"startup": startup.startup}
SCRIPTS = (
    "logs",
    "executor",
    "decide",
    "makespan",
    "server",
    "log_pane",
    "state",
    "search",
    "gc",
    "many",
    "scale",
)  # print tables of their own
NAMES = (*ANYWHERE, *IN_DOCKER, *SCRIPTS)
WIDTH = 32


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measures Treadle against bare Docker.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="fewer turns: a first impression")
    args = parser.parse_args()
    if unknown := set(args.names) - set(NAMES):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    chosen = [name for name in NAMES if name in args.names or not args.names]
    print(f"Load {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs. A busy machine bends every figure: let it be idle,")
    print("and compare ratios (x: times a bare `docker run --rm` in the same minute) rather than seconds.\n")
    start = time.monotonic()
    measured = [name for name in chosen if name not in SCRIPTS]
    if measured:
        table(measured, args.quick)
    for name in chosen:
        if name in SCRIPTS:
            print(f"\n{name}", flush=True)
            subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], cwd=PROJECT, check=True)
    print(f"\n{time.monotonic() - start:.0f} s in all.")
    return 0


def table(names: list[str], quick: bool) -> None:
    """Measure and print a line as soon as it is known."""
    print(f"{'':{WIDTH}} {'measured':>9} {'goal':>9}       best other tool")
    missing = docker_is_here() if set(names) & set(IN_DOCKER) else ""
    place = Workplace(jobs.workflows())
    with place:
        for name in names:
            if name in IN_DOCKER and missing:
                print(f"{name:{WIDTH}} skipped: {missing}")
                continue
            for figure, value in {**ANYWHERE, **IN_DOCKER}[name](place, quick):
                print(line(figure, value, BARS.get(figure)), flush=True)
    if place.left_behind:
        print(f"{'containers left behind':{WIDTH}} {place.left_behind:>9} (removed now)")


def line(figure: str, value: float, bar: Bar | None) -> str:
    if bar is None:
        return f"{figure:{WIDTH}} {shown(value, 's'):>9}"
    verdict = "met" if value <= bar.goal else "MISSED"
    return (
        f"{figure:{WIDTH}} {shown(value, bar.unit):>9} {shown(bar.goal, bar.unit):>9} {verdict:6} {bar.peer}".rstrip()
    )


def shown(value: float, unit: str) -> str:
    digits = 0 if unit == "MB" else 1 if unit == "ms" or value >= 10 else 2
    return f"{value:.{digits}f}" + ("x" if unit == "x" else f" {unit}")


if __name__ == "__main__":
    sys.exit(main())
